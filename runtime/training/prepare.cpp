#include "runtime/training/prepare.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/simulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace sibyl {

namespace {

constexpr std::size_t candidate_count = 31;
constexpr std::size_t fewest_pilots = 20; // scales of inputs and parameters are guessed from them
// With fewer Laplace frames than this the network would mostly learn in the prior frame.
constexpr double smallest_converged_share = 0.9;
constexpr std::size_t first_look = 200; // data sets
constexpr double hopeless_converged_share = 0.75; // of the first ones: 7 standard errors below the smallest

double converged_share(const FrameBatch& frames) {
  return static_cast<double>(std::count(frames.converged.begin(), frames.converged.end(), 1)) /
         static_cast<double>(frames.count);
}

// What is the same in all simulations around a data set: design, and elements of the data that no statement draws.
DataSet given_in(const Facts& facts, const DataSet& data) {
  DataSet given;
  for (const VariableFact& variable : facts.variables)
    if (const auto found = data.variables.find(variable.name);
        found != data.variables.end() &&
        (variable.role == Role::design || variable.given_elements != GivenElements::none))
      given.variables.insert(*found);
  return given;
}

void check_model(const Facts& facts, bool has_region) {
  const auto has_role = [&](Role role) {
    return std::any_of(facts.variables.begin(), facts.variables.end(), [&](const auto& v) { return v.role == role; });
  };
  for (const VariableFact& variable : facts.variables)
    if (!variable.varies_with.empty() && !has_region)
      throw UserError(fmt::format("`{}` ({}) has another size in each data set, since `{}` is drawn in the design: parameters "
                                  "whose sizes vary cannot be inferred together yet; give `{}` by a file instead",
                                  variable.name, variable.type, variable.varies_with, variable.varies_with));
  if (!has_role(Role::parameter)) throw UserError("the model has no parameters: there is nothing to infer");
  if (!has_role(Role::observed)) throw UserError("the model draws no data variable: there is nothing to learn from");
}

// How close the frames' own normal distributions come to the truth: the median log density that they give it.
double median_score(const FrameBatch& frames, const SimulatedBatch& pilot) {
  std::vector<double> scores(frames.count), z(frames.dimension);
  for (std::size_t i = 0; i < frames.count; ++i) {
    frames.to_frame(i, pilot.unconstrained.data() + i * frames.dimension, z.data());
    scores[i] = frames.log_determinant[i];
    for (const double part : z) scores[i] -= 0.5 * part * part;
  }
  std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2), scores.end());
  return scores[scores.size() / 2];
}

class Preparation {
 public:
  Preparation(std::shared_ptr<const CompiledModel> model, const SetupOptions& options, const SimulatedBatch* pilot)
      : model_(std::move(model)), options_(options), given_(pilot) {}

  InferenceSetup run() {
    check_model(model_->facts(), options_.region.has_value());
    const VariableFact* late = model_->facts().with_late_bound();
    if (late && options_.missing_share > 0)
      throw UserError("a bound of `" + late->name + "` depends on data that are drawn given it, so none of them can be missing");
    simulate();
    const PriorFrame prior = PriorFrame::from_draws(pilot_.unconstrained, pilot_.space);
    setup_.candidates.assign(
        pilot_.unconstrained.begin(),
        pilot_.unconstrained.begin() +
            static_cast<std::ptrdiff_t>(std::min(candidate_count, pilot_.data.count) * prior.dimension()));
    const FrameKind kind = choose_frame(prior);
    drop_values(model_->facts(), pilot_.data, pilot_.indices, options_.missing_share, options_.seed);
    PlanOptions plan_options = options_.plan;
    plan_options.allows_missing = options_.missing_share > 0;
    setup_.encoder = InputEncoder(model_->facts(), make_input_plan(model_->facts(), pilot_.data, plan_options), kind,
                                  prior, pilot_.data, frames_);
    name_parameters();
    setup_.missing_share = options_.missing_share;
    setup_.design = options_.region ? given_in(model_->facts(), options_.region->data) : options_.design;
    setup_.region = options_.region;
    setup_.trained_range = TrainedRange(model_->facts(), setup_.design, pilot_.data);
    setup_.space = pilot_.space;
    setup_.parameter_count = pilot_.parameter_count;
    return std::move(setup_);
  }

 private:
  void simulate() {
    pilot_ = given_ ? *given_ : simulate_usable(model_, options_, first_pilot_index, options_.pilot_count);
    const LeftOut& left_out = pilot_.left_out;
    if (left_out.is_hopeless() || pilot_.data.count < fewest_pilots)
      throw RuntimeError(fmt::format("too few simulations are usable to learn from them: {}",
                                     left_out.describe("simulations")));
    if (left_out.is_noteworthy()) setup_.notes.push_back(left_out.describe("simulations"));
  }

  FrameKind choose_frame(const PriorFrame& prior) {
    frames_ = prior.repeat(pilot_.data.count);
    if (options_.frame == FrameChoice::prior) return FrameKind::prior;
    const Facts& facts = model_->facts();
    const bool required = options_.frame == FrameChoice::laplace;
    const auto refuse = [&](const std::string& reason) {
      if (required) throw UserError(fmt::format("no Laplace frame: {}", reason));
      setup_.notes.push_back(fmt::format("prior frame: {}", reason));
      return FrameKind::prior;
    };
    if (!facts.has_density) return refuse(fmt::format("the model has no density: {}", facts.no_density.text));
    if (options_.missing_share > 0) return refuse("the density of data with missing values is not available");
    LaplaceFrames finder(model_, prior, setup_.candidates, {.interrupted = options_.interrupted});
    // Newton's method takes longest where it does not converge: a first look saves most of that.
    if (!required && pilot_.data.count > first_look) {
      DataBatch some = pilot_.data;
      std::vector<std::size_t> first(first_look);
      std::iota(first.begin(), first.end(), 0);
      keep_data_sets(some, first);
      if (const double converged = converged_share(finder.find(some)); converged < hopeless_converged_share)
        return refuse(fmt::format("Newton's method converged for {:.1f}% of {} simulations", 100 * converged, first_look));
    }
    FrameBatch laplace = finder.find(pilot_.data);
    const double converged = converged_share(laplace);
    const double gain = median_score(laplace, pilot_) - median_score(frames_, pilot_);
    const std::string figures =
        fmt::format("Newton's method converged for {:.1f}% of {} simulations, and the frame's normal "
                    "distribution is {:.2f} nats closer to the truth than the prior's",
                    100 * converged, laplace.count, gain);
    if (!required && (converged < smallest_converged_share || !(gain > 0))) return refuse(figures);
    setup_.notes.push_back(fmt::format("Laplace frame: {}", figures));
    frames_ = std::move(laplace);
    return FrameKind::laplace;
  }

  void name_parameters() {
    ParameterTransform transform(model_);
    const std::vector<DataSet> first = {extract(model_->facts(), pilot_.data, 0)};
    transform.bind(complete_for_transform(model_->facts(), gather(model_->facts(), first)), 0);
    setup_.parameter_names = transform.layout(Outputs::parameters).columns;
  }

  std::shared_ptr<const CompiledModel> model_;
  const SetupOptions& options_;
  const SimulatedBatch* given_;
  InferenceSetup setup_;
  SimulatedBatch pilot_;
  FrameBatch frames_;
};

} // namespace

SimulatedBatch simulate_usable(const std::shared_ptr<const CompiledModel>& model, const SetupOptions& options,
                               std::uint64_t first_index, std::size_t count) {
  SimulatorOptions simulator;
  simulator.threads = options.threads;
  simulator.design = options.design;
  simulator.region = options.region;
  simulator.interrupted = options.interrupted;
  simulator.only_finite = true;
  return Simulator(model, simulator).simulate(first_index, count, options.seed);
}

InferenceSetup prepare(std::shared_ptr<const CompiledModel> model, const SetupOptions& options,
                       const SimulatedBatch* pilot) {
  return Preparation(std::move(model), options, pilot).run();
}

} // namespace sibyl
