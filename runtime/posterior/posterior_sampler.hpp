// From data sets to posterior draws: inputs, summaries, z, unconstrained parameters, the model's own parameters.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/table.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/posterior/frame_posterior.hpp"
#include "runtime/posterior/missed_modes.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/posterior/trained_test.hpp"
#include "runtime/trust/typical_set.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct SampleOptions {
  std::size_t draws = 4000;
  std::uint64_t seed = 1;
  bool with_density = false; // adds the column log_density__, in the model's own space
  // Whether draws are compared with the model's density, where it has one (Verdict::check): a thousand of them where
  // the family of networks gives the draws' own with much work.
  bool check_density = true;
  // Draws of the model's own posterior instead of the networks' (exact_draws.hpp); the verdict says how they were made.
  bool exact = false;
  double exact_seconds = 30; // for each data set's chains, where these make exact draws
  // Draws resampled by their importance weights, whatever k-hat says of these, and never by chains: quicker than exact
  // ones and closer to the model's posterior than the networks' alone. As the networks give them where there are no
  // weights. The verdict has no check then.
  bool reweighted = false;
  bool keep_unconstrained = false; // Posterior::unconstrained and Posterior::summary
  Outputs outputs = Outputs::all;
  int threads = 1;
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: stop, and throw RuntimeError
  // Where it is interrupted: return instead of throwing, with Posterior::is_finished false of what was not done.
  bool keeps_finished = false;

  bool is_interrupted() const { return interrupted && *interrupted != 0; }
};

struct Posterior {
  Draws draws;
  Verdict verdict;
  std::vector<double> unconstrained = {}; // of the draws, [draw][parameter], where it was to be kept
  std::vector<float> summary = {};        // what the networks make of the data set, likewise
  double seconds = 0;                     // that it took
  bool is_finished = false; // always, but where SampleOptions::keeps_finished was asked for
};

class PosteriorSampler {
 public:
  // `typical` may be empty: verdicts then tell nothing of distances; and so may `test`: draws without a density then
  // are not tested.
  PosteriorSampler(std::shared_ptr<const CompiledModel> model, InferenceSetup setup,
                   std::shared_ptr<const FramePosterior> posterior, TypicalSet typical = {}, TrainedTest test = {});

  const InferenceSetup& setup() const { return setup_; }
  const CompiledModel& model() const { return *model_; }
  const std::shared_ptr<const CompiledModel>& shared_model() const { return model_; }

  // One posterior per data set, in order; a data set's draws depend on the seed and its place in the list. Throws
  // UserError where a data set has other values than those that were fixed in training (trained_range.hpp), or exact
  // draws are wanted of a model without a density.
  std::vector<Posterior> sample(std::span<const DataSet> data_sets, const SampleOptions& options) const;

  // log posterior density of given parameters, in the model's own space: one point for each data set, as a tensor for
  // each parameter. Throws RuntimeError where a parameter is out of its bounds.
  std::vector<double> density_at(std::span<const DataSet> data_sets, std::span<const DataSet> parameters) const;

  // The same for unconstrained parameters, [data set][parameter]: what simulations give.
  std::vector<double> density_at(const DataBatch& batch, std::span<const double> unconstrained) const;

  // Why draws cannot be compared with the model's density; "" where they can.
  std::string why_no_density() const;

  // The learned summaries and direct inputs of simulated or real data, [data set][summary].
  std::vector<float> summarize(const DataBatch& batch) const;

  // How far these lie from those of training (typical_set.hpp); zero where nothing is known of that.
  std::vector<double> distances(const DataBatch& batch) const;

 private:
  struct Conditioned; // frames and summaries of a batch
  struct Worker;      // what a thread calls the model with
  Conditioned condition(const DataBatch& batch) const;
  // What is to be said of each data set beside what training saw; refuses what it was not trained for.
  std::vector<std::vector<std::string>> check_range(const DataBatch& batch, std::span<const DataSet> data_sets) const;
  struct NetworkDraws;
  NetworkDraws draw(const Conditioned& conditioned, std::size_t data_set, std::size_t count, std::uint64_t seed,
                    bool with_density) const;
  // The networks' log density of unconstrained parameters, [point][parameter].
  std::vector<double> log_density(const Conditioned& conditioned, std::size_t data_set,
                                  std::span<const double> unconstrained) const;
  MissedModes look_for_missed_modes(const Conditioned& conditioned, std::size_t data_set, Worker& worker,
                                    const WeightedDraws& weighted, bool is_thorough, bool has_heavy_tail,
                                    std::uint64_t seed) const;
  std::string describe_missed(const MissedModes& missed, const Draws& shown, ParameterTransform& transform) const;
  Posterior sample_one(const Conditioned& conditioned, std::size_t data_set, Worker& worker,
                       const SampleOptions& options) const;

  std::shared_ptr<const CompiledModel> model_;
  InferenceSetup setup_;
  std::shared_ptr<const FramePosterior> posterior_;
  TypicalSet typical_;
  TrainedTest test_;
};

// Parameters for `density_at` from a table with the draws' column names, one row per data set: matched to the data sets
// by the column `by` where it is not empty, else in order. Throws UserError naming what does not match.
std::vector<DataSet> read_parameters(const Table& table, const Facts& facts, std::span<const DataSet> data_sets,
                                     const std::string& by);

} // namespace sibyl
