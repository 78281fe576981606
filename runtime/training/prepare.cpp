#include "runtime/training/prepare.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/ordered_producer.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/training/training_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <numeric>

namespace sibyl {

namespace {

constexpr std::size_t candidate_count = 31;
// Of parameters: each step towards a data set's frame takes twice as many gradients, and a matrix of that many rows.
constexpr std::size_t largest_framed_dimension = 100;
constexpr std::size_t fewest_pilots = 20; // scales of inputs and parameters are guessed from them
// With fewer frames of their own than this, data sets would mostly be learned in the prior frame. Newton's method fails
// where the mode means nothing; the variational frames' score counts those that are not found.
constexpr double smallest_converged_share = 0.9, smallest_variational_share = 0.6;
constexpr std::size_t first_look = 100, fewest_of_first_look = 40; // data sets
constexpr double hopeless_converged_share = 0.75; // of the first ones: 5 standard errors below the smallest
constexpr double worthwhile_gain = 0.05;          // in nats, of a frame that takes longer to find
constexpr std::size_t at_a_time = 20;             // frames

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
      throw UserError(
          fmt::format("`{}` ({}) has another size in each data set, since `{}` is drawn in the design: parameters "
                      "whose sizes vary cannot be inferred together yet; give `{}` by a file instead",
                      variable.name, variable.type, variable.varies_with, variable.varies_with));
  if (!has_role(Role::parameter)) throw UserError("the model has no parameters: there is nothing to infer");
  if (!has_role(Role::observed)) throw UserError("the model draws no data variable: there is nothing to learn from");
}

// The negative log density that each frame's own normal distribution gives the truth, up to a constant.
std::vector<double> losses_of(const FrameBatch& frames, const SimulatedBatch& pilot) {
  std::vector<double> losses(frames.count), z(frames.dimension);
  for (std::size_t i = 0; i < frames.count; ++i) {
    frames.to_frame(i, pilot.unconstrained.data() + i * frames.dimension, z.data());
    losses[i] = -frames.log_determinant[i];
    for (const double part : z) losses[i] += 0.5 * part * part;
  }
  return losses;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string_view words_for(FrameKind kind) {
  switch (kind) {
  case FrameKind::prior: return "prior";
  case FrameKind::laplace: return "Laplace";
  case FrameKind::refined: return "variational (from the mode)";
  case FrameKind::variational: return "variational (from the prior)";
  }
  throw InternalError("a frame of no kind");
}

class Preparation {
 public:
  Preparation(std::shared_ptr<const CompiledModel> model, const SetupOptions& options, const SimulatedBatch* pilot)
      : model_(std::move(model)), options_(options), given_(pilot) {}

  InferenceSetup run() {
    check_model(model_->facts(), options_.region.has_value());
    const VariableFact* late = model_->facts().with_late_bound();
    if (late && options_.missing_share > 0)
      throw UserError("a bound of `" + late->name +
                      "` depends on data that are drawn given it, so none of them can be missing");
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
    InputPlan plan = make_input_plan(model_->facts(), pilot_.data, plan_options);
    std::vector<double> viewpoints = choose_views(plan);
    setup_.encoder = InputEncoder(model_->facts(), std::move(plan), kind, prior, pilot_.data, frames_,
                                  std::move(viewpoints));
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
      throw RuntimeError(
          fmt::format("too few simulations are usable to learn from them: {}", left_out.describe("simulations")));
    if (left_out.is_noteworthy()) setup_.notes.push_back(left_out.describe("simulations"));
  }

  FrameKind choose_frame(const PriorFrame& prior) {
    frames_ = prior.repeat(pilot_.data.count);
    if (options_.frame == FrameChoice::prior) return FrameKind::prior;
    const Facts& facts = model_->facts();
    const bool required = options_.frame != FrameChoice::automatic;
    const auto refuse = [&](const std::string& reason) {
      if (required)
        throw UserError(
            fmt::format("no {} frame: {}", options_.frame == FrameChoice::laplace ? "Laplace" : "variational", reason));
      setup_.notes.push_back(fmt::format("prior frame: {}", reason));
      return FrameKind::prior;
    };
    if (!facts.has_density) return refuse(fmt::format("the model has no density: {}", facts.no_density.text));
    if (options_.missing_share > 0) return refuse("the density of data with missing values is not available");
    if (!required && prior.dimension() > largest_framed_dimension)
      return refuse(fmt::format("{} parameters are more than the {} with which data sets have frames of their own "
                                "unless asked for",
                                prior.dimension(), largest_framed_dimension));
    const auto start = std::chrono::steady_clock::now();
    const auto is_late = [&](double share) {
      return options_.frame_seconds > 0 && seconds_since(start) > share * options_.frame_seconds;
    };
    // Those that take longer to find behind the others.
    std::vector<FrameKind> kinds{FrameKind::laplace, FrameKind::refined, FrameKind::variational};
    if (options_.frame == FrameChoice::laplace) kinds.resize(1);
    if (options_.frame == FrameChoice::variational) kinds.erase(kinds.begin());
    std::size_t look = std::min(first_look, pilot_.data.count);
    FrameKind best = kinds[0];
    FrameBatch best_frames;
    double best_gain = -std::numeric_limits<double>::infinity();
    std::string figures;
    std::vector<double> of_prior = losses_of(frames_, pilot_);
    bool has_modes = true;
    for (const FrameKind kind : kinds) {
      if (best_frames.count > 0 && is_late(0.5)) break;
      if (kind == FrameKind::refined && !has_modes) continue;
      // All others are compared with the first: on its data sets.
      const bool is_first = kind == kinds.front();
      FrameBatch found =
          find_frames(kind, prior, 0, look, is_first ? fewest_of_first_look : look, [&] { return is_late(0.3); });
      if (is_first) {
        look = found.count;
        of_prior.resize(look);
      }
      const double converged = converged_share(found), gain = usual_gain(of_prior, losses_of(found, pilot_));
      figures += fmt::format("{}{} {:.2f} (found for {:.1f}%)", figures.empty() ? "" : ", ", words_for(kind), gain,
                             100 * converged);
      // Newton's method takes longest where it does not converge.
      if (kind == FrameKind::laplace) has_modes = converged >= hopeless_converged_share;
      const double smallest = kind == FrameKind::laplace ? smallest_converged_share : smallest_variational_share;
      if (!required && converged < smallest) continue;
      if (best_frames.count > 0 && !(gain > best_gain + worthwhile_gain)) continue;
      best = kind;
      best_gain = gain;
      best_frames = std::move(found);
    }
    figures = fmt::format("nats by which {} simulations are closer to its normal distribution than to the prior's: {}",
                          look, figures);
    if (best_frames.count == 0 || (!required && !(best_gain > 0))) return refuse(figures);
    if (look < pilot_.data.count)
      best_frames.append(find_frames(best, prior, look, pilot_.data.count, 1, [&] { return is_late(1); }));
    setup_.notes.push_back(fmt::format("{} frame: {}", words_for(best), figures));
    frames_ = std::move(best_frames);
    keep_pilots(frames_.count);
    return best;
  }

  // Where many values are read each in its place, which of them matter is learned slowly (slcp_distractors with 1,000
  // simulations: held-out loss 10.3, with views 7.8); few values say no less than views do (slcp: 5.2, with views 5.5).
  std::vector<double> choose_views(const InputPlan& plan) {
    const bool has_many_places = std::any_of(plan.sources.begin(), plan.sources.end(), [](const InputSource& source) {
      return source.order() == RowOrder::one_row;
    });
    if (!has_many_places || !model_->facts().has_density || options_.missing_share > 0) return {};
    std::vector<double> viewpoints = choose_viewpoints(frames_, pilot_.unconstrained);
    if (viewpoints.empty()) return {};
    Views(model_, viewpoints).add(pilot_.data, frames_);
    setup_.notes.push_back(fmt::format("the networks are told the density's slopes at {} points beside the data",
                                       viewpoints.size() / frames_.dimension));
    return viewpoints;
  }

  // Of the pilot simulations first .. last - 1; where it is late, of fewer of them, but `fewest`.
  FrameBatch find_frames(FrameKind kind, const PriorFrame& prior, std::size_t first, std::size_t last,
                         std::size_t fewest, const std::function<bool()>& is_late) {
    const std::size_t threads = static_cast<std::size_t>(std::max(1, options_.threads)),
                      parts = (last - first + at_a_time - 1) / at_a_time;
    std::vector<std::unique_ptr<LaplaceFrames>> finders;
    for (std::size_t thread = 0; thread < threads; ++thread)
      finders.push_back(std::make_unique<LaplaceFrames>(
          model_, prior, setup_.candidates, LaplaceOptions{.kind = kind, .interrupted = options_.interrupted}));
    OrderedProducer<FrameBatch> producer(
        [&](std::uint64_t part, std::size_t thread) {
          if (part >= parts) return FrameBatch();
          const std::size_t begin = first + part * at_a_time;
          return finders[thread]->find(pilot_.data, begin, std::min(at_a_time, last - begin));
        },
        threads, threads);
    FrameBatch frames;
    for (std::size_t part = 0; part < parts; ++part) {
      if (frames.count >= fewest && is_late()) break;
      frames.append(producer.take());
    }
    return frames;
  }

  void keep_pilots(std::size_t count) {
    if (count == pilot_.data.count) return;
    std::vector<std::size_t> kept(count);
    std::iota(kept.begin(), kept.end(), 0);
    keep_data_sets(pilot_.data, kept);
    pilot_.indices.resize(count);
    pilot_.unconstrained.resize(count * frames_.dimension);
    setup_.notes.push_back(fmt::format("finding frames takes long: {} pilot simulations are used", count));
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
