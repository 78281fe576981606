// Sibyl as a library: a model text in a string literal becomes a simulator, a log density with its gradient, and an
// amortized posterior. This header needs the standard library alone; link to the target Sibyl::sibyl of
// find_package(Sibyl).
//
//   const sibyl::Model model(text); // throws ModelError with the messages that `sibyl check` prints
//   const sibyl::Sampler sampler = model.train({.seconds = 60});
//   const sibyl::PosteriorDraws posterior = sampler.sample({{"N", 3}, {"y", {1.2, 0.4, -0.3}}});
//
// What the caller got wrong is a UserError, what failed while it ran is a RuntimeError (lang/errors.hpp). The classes
// are handles: copies share one object. Several threads may use it at once; in a ModelDensity they wait for each other.
#pragma once

#include "lang/errors.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sibyl {

// The model text has errors: what() is the whole text of the messages, places underlined.
struct ModelError : UserError {
  using UserError::UserError;
};

// The values of one variable in row-major order; no extents: one number. Integers are exact, NaN is a missing value.
struct Array {
  std::vector<std::int64_t> extents;
  std::vector<double> values;
  bool is_integer = false; // of what Sibyl returns; not looked at in what it is given

  Array() = default;
  Array(double number) : values{number} {}
  Array(std::initializer_list<double> numbers) : Array(std::vector<double>(numbers)) {}
  Array(std::vector<double> numbers) : extents{static_cast<std::int64_t>(numbers.size())}, values(std::move(numbers)) {}
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  Array(const std::vector<Number>& numbers) : Array(std::vector<double>(numbers.begin(), numbers.end())) {}
  Array(std::vector<std::int64_t> shape, std::vector<double> numbers)
      : extents(std::move(shape)), values(std::move(numbers)) {}
};

using Arrays = std::map<std::string, Array>; // by the name of the variable

// What the compiler knows of a variable that the model declares.
struct Variable {
  std::string name;
  std::string role; // parameter, transformed parameter, observed, design, underlying, transformed data or generated
  std::string type; // as written: "vector<lower=0>[N]"
};

// Set to something else than 0, by another thread or a signal handler, it stops the work that watches it.
using StopFlag = const std::atomic<std::int32_t>*;

// A remark on what was done with the caller's input, one sentence.
using NoteFunction = std::function<void(const std::string&)>;

struct SimulationSettings {
  std::size_t count = 1000;
  std::uint64_t seed = 1;
  Arrays design = {};      // values of the design variables that the text does not draw
  int threads = 0;         // 0: one for each processor
  StopFlag stop = nullptr; // ends it with a RuntimeError
};

// Parameters, transformed parameters, data and transformed data: one array for each variable, [data set][extents...],
// padded with NaN where sizes differ. Simulations that failed are left out; values that are infinite stay, which
// training leaves out.
struct Simulations {
  std::size_t count = 0, failures = 0;
  std::string first_failure;
  Arrays arrays;
};

enum class Frame { automatic, prior, laplace, variational };

struct TrainingSettings {
  // The budget, whichever comes first; 0: no limit of that kind. None at all: two minutes. Seconds are those of all of
  // it: preparing, training (at least a third of them), calibration.
  double seconds = 0;
  std::int64_t steps = 0;
  // A fixed set of so many (at least 100), a tenth of them held out: made once and learned from in epochs until those
  // held out gain no more, or the budget ends. 0: simulations are made as they are needed, and each is used once.
  std::int64_t simulations = 0;
  // With a fixed set, where the model has a density: Markov moves of a data set's parameters along its posterior
  // whenever it is learned from again. 0: the parameters stay what the data were simulated from.
  int moves = 4;
  Frame frame = Frame::automatic;
  double missing_share = 0;                         // of the observed values, dropped at random
  Arrays design = {};                               // values of the design variables that the text does not draw
  // A data set around whose posterior to train, and for whose design, instead of over the priors: for flat priors and
  // very wide ones.
  Arrays around = {};
  // The weight of the variance of the log evidence over the network's draws in the loss, for models with a density.
  // NaN: 0, or 0.1 where there are real data sets.
  double self_consistency = std::numeric_limits<double>::quiet_NaN();
  std::vector<Arrays> real = {}; // data sets whose parameters nobody knows, to learn from by self-consistency too
  std::map<std::string, std::string> networks = {}; // by variable: set, sequence or mlp
  std::string posterior = {}; // the family: spline_flow (where it is empty), flow_matching or mean_flow
  std::size_t batch_size = 0;                       // data sets in a step; 0: chosen
  double learning_rate = 0;                         // the highest; 0: chosen
  std::string device = "cpu";                       // or cuda, cuda:1
  std::uint64_t seed = 1;
  int threads = 0;         // 0: one for each processor
  StopFlag stop = nullptr; // ends training with what was learned
  NoteFunction note = {};  // hears what was decided, and what went wrong beside: a calibration that failed, say
};

// Where training is. Losses are mean negative log densities of the unconstrained parameters, in nats.
struct Progress {
  std::int64_t step = 0, simulations = 0;
  double loss = 0, validation_loss = 0;
  double seconds = 0, seconds_left = 0;
};
using ProgressFunction = std::function<void(const Progress&)>;

struct SamplingSettings {
  std::size_t draws = 4000;
  std::uint64_t seed = 1;
  bool with_log_density = false;
  bool with_predictions = false; // data simulated anew for each draw
  // Draws of the model's own posterior: resampled by their importance weights where these allow it, else by Markov
  // chains that start from the amortized draws. A UserError where the model has no density; the verdict says what was
  // done.
  bool exact = false;
  // All that can be asked of each posterior and its data: exact draws where there is a density, and replications of the
  // data that tell whether the model can have made them (PosteriorDraws::data_p_value). The verdict says what answered.
  bool verify = false;
  double exact_seconds = 30;     // for each data set's chains, where these make exact draws
  int threads = 0;               // 0: one for each processor
  NoteFunction note = {};        // hears how a table was read
};

struct Summary {
  std::string name; // of a number: "theta", "theta.2", "m.1.3"
  double mean, sd, q5, median, q95;
};

// The posterior of one data set.
struct PosteriorDraws {
  std::string label;               // tells the data set from the others of its file or table
  // Parameters, transformed parameters, generated quantities: [draw][extents...]. What a draw computes from its
  // parameters is NaN where a check of the model fails; the verdict says of how many and why.
  Arrays draws;
  std::vector<double> log_density; // of each draw's parameters; empty where it was not wanted
  Arrays predictions;              // of the observed variables, [draw][extents...]; empty where not wanted
  std::vector<Summary> summaries;
  std::string verdict; // "typical", or what is to be known of this posterior
  bool is_fine = true; // whether the verdict raises no doubt
  // Where the model has a density: how well the draws' importance weights are behaved (k-hat of Pareto-smoothed
  // importance sampling, good up to 0.7), how many independent draws the weighted draws are worth, and the
  // logarithm of the data's evidence with its standard error. NaN where they are not known; `not_checked` and
  // `no_evidence` say why.
  double k_hat = std::numeric_limits<double>::quiet_NaN(), effective_size = std::numeric_limits<double>::quiet_NaN();
  double log_evidence = std::numeric_limits<double>::quiet_NaN();
  double log_evidence_error = std::numeric_limits<double>::quiet_NaN();
  std::string not_checked, no_evidence;
  // Where it was verified: the p-value of the data under the model, uniform for data that the model made, and what is
  // furthest out: one clause. NaN where the data could not be replicated.
  double data_p_value = std::numeric_limits<double>::quiet_NaN();
  std::string data_worst;
  // Where it was verified and the draws are the networks' own: the p-value of the local classifier test that was
  // learned with the sampler, small where the draws are told from the posterior's; and the accuracy of that classifier,
  // 0.5 where they are alike. The verdict is "approximate" where the difference is one to be seen. NaN where there was
  // none.
  double local_p_value = std::numeric_limits<double>::quiet_NaN();
  double local_c2st = std::numeric_limits<double>::quiet_NaN();
  Arrays data;         // the data set as the model reads it
};

// Leave-one-out: how well each point is predicted from all others (Vehtari, Gelman and Gabry 2017). A point is an
// observed element, or what shares its plate; the generated quantity `log_lik` decides where the model has it.
struct LeaveOneOut {
  std::vector<std::string> points;         // "y[3]"
  std::vector<double> elpd, p_loo, k_hat;  // of each
  double total = 0, error = 0;             // the sum of elpd, and its standard error
  double monte_carlo_error = 0;            // of the sum, from the number of draws
  double effective_parameters = 0;         // p_loo's sum
  std::size_t bad = 0;                     // points whose k-hat is above `largest_good`: not to be trusted
  double largest_good = 0.7;
  std::string doubt; // "" where the draws are the model's posterior; else what they are
};

// How good a sampler is on fresh simulations.
struct DiagnoseSettings {
  std::size_t simulations = 500, draws = 400; // draws: for each
  std::uint64_t seed = 1;
  int threads = 0;         // 0: one for each processor
  StopFlag stop = nullptr; // ends it with a RuntimeError
};

struct DiagnosedParameter {
  std::string name;
  double calibration_error = 0; // the largest distance of the ranks' ECDF from the uniform one
  bool inside_band = true;      // whether that ECDF is within the simultaneous 99% band
  double recovery = 0, contraction = 0;
  double coverage_50 = 0, coverage_90 = 0; // of central intervals
  std::vector<double> ranks;               // of each simulation: the share of the draws below the truth
};

struct SamplerDiagnosis {
  std::size_t simulations = 0;
  std::vector<DiagnosedParameter> parameters;
  bool jointly_inside_band = true;     // TARP (Lemos et al. 2023)
  std::vector<double> k_hat;           // of simulated data sets, sorted; empty where there is no density
  std::vector<std::string> complaints; // what is wrong with the sampler, one sentence each
  std::vector<std::string> trained_for; // what it was trained for, one clause each: not to be used for other data
  std::vector<std::string> verdicts;    // of the given data sets, which were verified
  std::string json, html;               // all of it; a page that needs nothing beside it
};

// One of several models of a data set.
struct ComparedModel {
  double log_evidence = std::numeric_limits<double>::quiet_NaN(),
         log_evidence_error = std::numeric_limits<double>::quiet_NaN();
  double probability = std::numeric_limits<double>::quiet_NaN(),
         probability_error = std::numeric_limits<double>::quiet_NaN();
  double elpd = std::numeric_limits<double>::quiet_NaN(), elpd_error = std::numeric_limits<double>::quiet_NaN();
  // To the best model of them, paired by points.
  double elpd_difference = std::numeric_limits<double>::quiet_NaN(),
         elpd_difference_error = std::numeric_limits<double>::quiet_NaN();
  std::string no_evidence, doubt; // why numbers are not known, or not to be trusted; "" where they are
};

// How a parameter's marginal posterior moves with the power of the prior and of the likelihood (Kallioinen et al.
// 2024).
struct MovedMarginal {
  double distance = 0; // cumulative Jensen-Shannon, for each doubling of the power; above 0.05 it is sensitive
  double mean_at_weaker = 0, mean_at_stronger = 0, sd_at_weaker = 0, sd_at_stronger = 0; // powers 0.8 and 1.25
  double k_hat = 0; // the larger one of the two; above 0.7 the means are not to be trusted
};

struct ParameterSensitivity {
  std::string name; // of a number: "theta.2"
  MovedMarginal prior, likelihood;
  std::string diagnosis; // "prior and data conflict", "the prior decides" or "-"
};

namespace library {
struct ModelState;
struct SamplerState;
struct DensityState;
struct ModelChoiceState;
} // namespace library

enum class Metric { diagonal, dense };
// The No-U-Turn sampler; or many short chains over a processor's lanes, which begin at Pathfinder's draws and run until
// they agree.
enum class ChainMethod { nuts, chees };

// Markov chains by the No-U-Turn sampler, with Stan's defaults. Of chees, chains * draws draws are given as one chain
// (warmup, metric and max_depth are of nuts), and R-hat is nested (Margossian et al. 2024).
struct ChainSettings {
  ChainMethod method = ChainMethod::nuts;
  std::size_t chains = 4, warmup = 1000, draws = 1000; // iterations and draws of each chain
  Metric metric = Metric::diagonal;
  double adapt_delta = 0.8; // the acceptance that the step size aims at
  int max_depth = 10;       // at most 2^max_depth - 1 steps to a draw
  // Where chains begin: unconstrained parameters are uniform between -init_radius and init_radius, but for those whose
  // values are given, as they are declared: for all chains, or for each.
  double init_radius = 2;
  std::vector<Arrays> init = {};
  std::uint64_t seed = 1;
  int threads = 0;         // 0: one for each processor; the draws do not depend on it
  StopFlag stop = nullptr; // ends it with the draws so far
};

// Where chains are, over all of them.
struct ChainProgress {
  std::size_t warmup_done = 0, draws_done = 0, divergent = 0;
};
// Called some ten times a second, by one thread at a time, not always the same.
using ChainProgressFunction = std::function<void(const ChainProgress&)>;

// What chains say of one number, with its Monte Carlo error, rank-normalized split R-hat and effective sample sizes
// (Vehtari et al. 2021). NaN where nothing can be told: a number that does not vary.
struct ChainedSummary {
  std::string name; // "theta", "theta.2", "m.1.3"; "lp__": the log density
  double mean, mean_error, sd, q5, median, q95, rhat, bulk_ess, tail_ess;
};

// Draws of the exact posterior.
struct Chains {
  Arrays draws;      // as those of PosteriorDraws, [chain][draw][extents...]
  Arrays statistics; // [chain][draw]: lp, acceptance_rate, step_size, tree_depth, n_steps, diverging, energy
  std::vector<ChainedSummary> summaries;
  std::size_t divergent = 0, at_largest_depth = 0; // transitions
  std::vector<double> ebfmi;                       // of each chain
  std::vector<std::string> warnings;               // what is wrong with the chains, and what to do
  bool was_interrupted = false;                    // there may be fewer chains and draws than were asked for
  Arrays data;                                     // the data set as the model reads it
};

struct OptimizeSettings {
  bool jacobian = false;         // the mode of the unconstrained parameters' density, not of the constrained ones'
  std::size_t laplace_draws = 0; // of the normal distribution with the curvature at the mode; takes the Jacobian
  int max_iterations = 2000;
  double init_radius = 2; // where the search begins, as chains do
  Arrays init = {};
  std::uint64_t seed = 1;
  StopFlag stop = nullptr; // ends it with the best point so far
};

// Where a log density is largest, and draws around it.
struct Mode {
  Arrays values;          // of parameters, transformed parameters and generated quantities
  double log_density = 0; // there
  int iterations = 0;
  bool converged = false; // false: it was stopped
  std::string reason;     // why the search ended, one clause
  Arrays draws;           // Laplace's, [draw][extents...]; with their log densities: of the model, of the normal
  std::vector<double> log_density_of_draws, log_density_of_normal;
};

// A quick approximation of the posterior (Zhang et al. 2022).
struct PathfinderSettings {
  std::size_t paths = 4, draws = 1000; // draws: of the result, chosen by their weights
  std::size_t path_draws = 1000;       // of each path, before they are weighted
  double init_radius = 2;              // where paths begin, as chains do
  std::vector<Arrays> init = {};
  std::uint64_t seed = 1;
  int threads = 0;         // 0: one for each processor; the draws do not depend on it
  StopFlag stop = nullptr; // ends it with a RuntimeError
};

struct PathfinderDraws {
  Arrays draws;                                                  // as those of PosteriorDraws, [draw][extents...]
  std::vector<double> log_density, log_density_of_approximation; // of each draw's unconstrained parameters
  std::vector<double> elbo;                                      // of each path
  double k_hat = 0; // above 0.7 the draws cannot be trusted
  double effective_size = 0;
  std::string warning; // what is to be known of the draws; "" where they are good
};

// The log density of a model given one data set, a function of the unconstrained parameters.
class ModelDensity {
 public:
  std::size_t dimension() const;
  // The unconstrained parameters: "theta.1", in Stan's order.
  const std::vector<std::string>& names() const;

  // With the Jacobian of the constraints, unless that is not wanted. Minus infinity where a check in the model fails.
  double log_density(std::span<const double> unconstrained, bool jacobian = true);
  // Writes `dimension` derivatives, and returns the log density.
  double gradient(std::span<const double> unconstrained, std::span<double> gradient, bool jacobian = true);
  // For many points at once, [point][parameter]: several run in a processor's vector registers. `gradients` has the
  // shape of the points, or is empty where only values are wanted.
  void evaluate(std::span<const double> points, std::span<double> values, std::span<double> gradients,
                bool jacobian = true);

  Arrays constrain(std::span<const double> unconstrained); // the parameters as they are declared
  std::vector<double> unconstrain(const Arrays& parameters);

 private:
  friend class Model;
  explicit ModelDensity(std::shared_ptr<library::DensityState> state) : state_(std::move(state)) {}
  std::shared_ptr<library::DensityState> state_;
};

class Sampler;

class Model {
 public:
  // Compiles a text; `name` is what messages call it.
  explicit Model(std::string_view text, const std::string& name = "model");
  // A text (.sib, .stan), or a library that `sibyl compile --shared` wrote (.so).
  // What the text includes is looked for beside it, then in the directories.
  static Model from_file(const std::string& path, const std::vector<std::string>& include_directories = {});

  // The model with other priors: each NAME=DISTRIBUTION(ARGUMENTS), in the place of the text's own or where it has
  // none. Throws UserError where one cannot be read or names no parameter, ModelError where the text does not compile
  // so.
  Model with_priors(const std::vector<std::string>& priors) const;

  // The model with powers of its prior and its likelihood as data, one where a data set says nothing of them: a sampler
  // that is trained on it draws at other powers (Sampler::sensitivity), without a density too. `note` hears what is not
  // raised. Throws UserError where nothing can be.
  Model with_powers(const NoteFunction& note = {}) const;

  const std::string& name() const;
  const std::string& text() const;
  const std::string& warnings() const; // of the compiler, "" where there are none
  std::vector<Variable> variables() const;
  std::string facts() const; // what `sibyl check --json` says of it, JSON text
  bool is_generative() const;
  bool has_density() const;

  Simulations simulate(const SimulationSettings& settings = {}) const;
  // Throws UserError, with the statement that decides, where the model has no density.
  ModelDensity density(const Arrays& data) const;
  // The exact posterior of one data set, for every text with a density. Throws UserError where there is none, or the
  // settings cannot be followed; RuntimeError where no chain can begin, or it is stopped before the first draw.
  Chains mcmc(const Arrays& data = {}, const ChainSettings& settings = {},
              const ChainProgressFunction& progress = {}) const;
  // The mode, by L-BFGS. Throws as `mcmc` does, and RuntimeError where the search ends without a mode, or Laplace draws
  // are wanted and the density is not curved downwards at it.
  Mode optimize(const Arrays& data = {}, const OptimizeSettings& settings = {}) const;
  // An approximation in some hundred gradients. Throws as `mcmc` does.
  PathfinderDraws pathfinder(const Arrays& data = {}, const PathfinderSettings& settings = {}) const;
  // Training on a CPU is up to several times faster with environment variables that OpenMP and BLAS read when they are
  // loaded (`sibyl train` has them): this sets those that are not set. For `main`, before there are threads; another
  // thread may read the environment, so the library does not do it by itself.
  static void set_training_environment();
  // Calls `progress` on this thread after each step.
  Sampler train(const TrainingSettings& settings = {}, const ProgressFunction& progress = {}) const;

 private:
  friend class Sampler;
  friend class ModelChoice;
  explicit Model(std::shared_ptr<const library::ModelState> state) : state_(std::move(state)) {}
  std::shared_ptr<const library::ModelState> state_;
};

// A trained posterior: draws for any data set in milliseconds.
class Sampler {
 public:
  // A file that this or `sibyl train` wrote.
  static Sampler load(const std::string& path);
  void save(const std::string& path) const;

  const Model& model() const;
  std::string calibration() const; // on fresh simulations, JSON text
  std::string history() const;     // of training, JSON text

  PosteriorDraws sample(const Arrays& data, const SamplingSettings& settings = {}) const;
  std::vector<PosteriorDraws> sample_each(const std::vector<Arrays>& data_sets,
                                          const SamplingSettings& settings = {}) const;
  // A table as CSV text, or a file (.json, .csv, .npz). `by`: the column whose values tell data sets apart.
  std::vector<PosteriorDraws> sample_table(std::string_view csv, const std::string& by = "",
                                           const SamplingSettings& settings = {}) const;
  std::vector<PosteriorDraws> sample_file(const std::string& path, const std::string& by = "",
                                          const SamplingSettings& settings = {}) const;
  // From amortized draws by their importance weights, or where these are bad from exact draws. Throws UserError where
  // the model has no density, or its terms belong to no data.
  LeaveOneOut loo(const Arrays& data, const SamplingSettings& settings = {}) const;
  // By a posterior for each point left out, where the design draws the number of points.
  LeaveOneOut loo_exact(const Arrays& data, const SamplingSettings& settings = {}) const;
  // On fresh simulations, and the given data verified.
  SamplerDiagnosis diagnose(const std::vector<Arrays>& data_sets = {}, const DiagnoseSettings& settings = {}) const;
  // Of each parameter. Throws as `loo` does.
  std::vector<ParameterSensitivity> sensitivity(const Arrays& data, const SamplingSettings& settings = {}) const;
  // Samplers of several models, for one data set. `prior`: the models' probabilities, summing to what they may; empty:
  // equal. Throws UserError where it does not fit, or a model has no density.
  static std::vector<ComparedModel> compare(const std::vector<Sampler>& samplers, const Arrays& data,
                                            const std::vector<double>& prior = {},
                                            const SamplingSettings& settings = {});
  // The amortized posterior's log density at parameters of the model's own space.
  double log_density(const Arrays& data, const Arrays& parameters) const;

 private:
  friend class Model;
  explicit Sampler(std::shared_ptr<const library::SamplerState> state) : state_(std::move(state)) {}
  std::shared_ptr<const library::SamplerState> state_;
};

// Training of what tells models apart; the fields are as in TrainingSettings.
struct ModelChoiceSettings {
  double seconds = 0; // and steps: 0: no limit of that kind. None at all: two minutes
  std::int64_t steps = 0;
  double missing_share = 0;
  Arrays design = {}; // of all models
  std::map<std::string, std::string> networks = {};
  std::size_t batch_size = 0; // data sets of all models together
  double learning_rate = 0;
  std::string device = "cpu";
  std::uint64_t seed = 1;
  int threads = 0;
  StopFlag stop = nullptr;
  NoteFunction note = {};
};

// Which of several models made a data set.
struct ModelProbabilities {
  std::string label;
  // Of each model, in the order of ModelChoice::models: its posterior probability, and the share of its simulations
  // whose summaries lie as far out as the data set's (0: further out than any, by half).
  std::vector<double> probabilities, p_values;
  bool is_unlike_all = false;        // rare (p < 0.01) under every model: the probabilities mean nothing then
  std::vector<std::string> warnings; // what is outside of the range in training
};

// A classifier over models of the same data, learned from simulations of all: with densities or without.
class ModelChoice {
 public:
  // Throws UserError where the models are fewer than two or have not the same data and design, naming the difference.
  static ModelChoice train(const std::vector<Model>& models, const ModelChoiceSettings& settings = {},
                           const ProgressFunction& progress = {});
  // A file that this or `sibyl train A.sib B.sib` wrote.
  static ModelChoice load(const std::string& path);
  void save(const std::string& path) const;

  const std::vector<std::string>& models() const; // their names
  // On fresh simulations: accuracy, mean log probability of the true model, expected calibration error. JSON text.
  std::string calibration() const;

  // `prior`: the models' probabilities, summing to what they may; empty: equal. Throws UserError where it does not fit.
  ModelProbabilities compare(const Arrays& data, const std::vector<double>& prior = {}) const;
  std::vector<ModelProbabilities> compare_each(const std::vector<Arrays>& data_sets,
                                               const std::vector<double>& prior = {}) const;
  // As Sampler::sample_table and sample_file. `note` hears how they were read.
  std::vector<ModelProbabilities> compare_table(std::string_view csv, const std::string& by = "",
                                                const std::vector<double>& prior = {},
                                                const NoteFunction& note = {}) const;
  std::vector<ModelProbabilities> compare_file(const std::string& path, const std::string& by = "",
                                               const std::vector<double>& prior = {},
                                               const NoteFunction& note = {}) const;

 private:
  explicit ModelChoice(std::shared_ptr<const library::ModelChoiceState> state) : state_(std::move(state)) {}
  std::shared_ptr<const library::ModelChoiceState> state_;
};

} // namespace sibyl
