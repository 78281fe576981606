#include "runtime/inference/setup.hpp"

#include "lang/errors.hpp"
#include "runtime/model/parameters.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

constexpr std::size_t candidate_count = 31;
// With fewer Laplace frames than this the network would mostly learn in the prior frame.
constexpr double smallest_converged_share = 0.9;

void check_model(const Facts& facts) {
  const auto has_role = [&](Role role) {
    return std::any_of(facts.variables.begin(), facts.variables.end(), [&](const auto& v) { return v.role == role; });
  };
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

std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

nlohmann::json data_set_json(const DataSet& set) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, tensor] : set.variables)
    json[name] = {{"integer", tensor.is_integer}, {"extents", tensor.extents}, {"values", tensor.values}};
  return json;
}

DataSet data_set_from(const nlohmann::json& json) {
  DataSet set;
  for (const auto& [name, tensor] : json.items())
    set.variables[name] = {tensor.at("integer"), tensor.at("extents"), tensor.at("values")};
  return set;
}

class Preparation {
 public:
  Preparation(std::shared_ptr<const CompiledModel> model, const SetupOptions& options)
      : model_(std::move(model)), options_(options) {}

  InferenceSetup run() {
    check_model(model_->facts());
    simulate();
    const PriorFrame prior = PriorFrame::from_draws(pilot_.unconstrained, pilot_.parameter_count);
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
    setup_.design = options_.design;
    setup_.parameter_count = pilot_.parameter_count;
    return std::move(setup_);
  }

 private:
  void simulate() {
    SimulatorOptions options;
    options.threads = options_.threads;
    options.design = options_.design;
    options.interrupted = options_.interrupted;
    Simulator simulator(model_, options);
    pilot_ = simulator.simulate(first_pilot_index, options_.pilot_count, options_.seed);
    if (pilot_.failures > 0)
      setup_.notes.push_back(fmt::format("{} of {} pilot simulations failed and are left out; the first: {}",
                                         pilot_.failures, options_.pilot_count, pilot_.first_failure));
    if (pilot_.data.count < 50) throw RuntimeError("too few simulations succeed to learn from them");
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
    LaplaceFrames finder(model_, prior, setup_.candidates);
    FrameBatch laplace = finder.find(pilot_.data);
    const double converged = static_cast<double>(std::count(laplace.converged.begin(), laplace.converged.end(), 1)) /
                             static_cast<double>(laplace.count);
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
  InferenceSetup setup_;
  SimulatedBatch pilot_;
  FrameBatch frames_;
};

} // namespace

InferenceSetup prepare(std::shared_ptr<const CompiledModel> model, const SetupOptions& options) {
  return Preparation(std::move(model), options).run();
}

FrameFinder::FrameFinder(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup)
    : prior_(setup.encoder.prior()) {
  if (setup.frame_kind() == FrameKind::laplace) laplace_.emplace(std::move(model), prior_, setup.candidates);
}

FrameBatch FrameFinder::find(const DataBatch& batch) {
  return laplace_ ? laplace_->find(batch) : prior_.repeat(batch.count);
}

void drop_values(const Facts& facts, DataBatch& batch, std::span<const std::uint64_t> indices, double share,
                 std::uint64_t seed) {
  if (share <= 0) return;
  const auto limit = static_cast<std::uint64_t>(std::min(share, 1.0) * 0x1p53);
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    for (std::size_t i = 0; i < batch.count; ++i) {
      const std::span sizes(variable.sizes.data() + i * variable.rank(), variable.rank());
      const std::uint64_t key = mix(mix(mix(seed) ^ indices[i]) ^ v);
      for_each_element(sizes, variable.capacity, [&](std::size_t compact, std::size_t padded) {
        if (mix(key ^ compact) >> 11 < limit) variable.row(i)[padded] = std::numeric_limits<double>::quiet_NaN();
      });
    }
  }
}

DataBatch complete_for_transform(const Facts& facts, DataBatch batch) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    VariableBatch& variable = batch.variables[v];
    if (facts.variables[v].role != Role::observed || !variable.present) continue;
    for (std::size_t i = 0; i < batch.count; ++i) {
      double* row = variable.row(i);
      const std::span sizes(variable.sizes.data() + i * variable.rank(), variable.rank());
      double replacement = facts.variables[v].constant_lower.value_or(facts.variables[v].constant_upper.value_or(0));
      for_each_element(sizes, variable.capacity, [&](std::size_t, std::size_t padded) {
        if (!std::isnan(row[padded])) replacement = row[padded];
      });
      for_each_element(sizes, variable.capacity, [&](std::size_t, std::size_t padded) {
        if (std::isnan(row[padded])) row[padded] = replacement;
      });
    }
  }
  return batch;
}

void to_json(nlohmann::json& json, const InferenceSetup& setup) {
  json = {{"encoder", setup.encoder},
          {"candidates", setup.candidates},
          {"missing_share", setup.missing_share},
          {"parameter_count", setup.parameter_count},
          {"parameter_names", setup.parameter_names},
          {"notes", setup.notes}};
  if (setup.design) json["design"] = data_set_json(*setup.design);
}

void from_json(const nlohmann::json& json, InferenceSetup& setup) {
  json.at("encoder").get_to(setup.encoder);
  json.at("candidates").get_to(setup.candidates);
  json.at("missing_share").get_to(setup.missing_share);
  json.at("parameter_count").get_to(setup.parameter_count);
  json.at("parameter_names").get_to(setup.parameter_names);
  json.at("notes").get_to(setup.notes);
  if (json.contains("design")) setup.design = data_set_from(json.at("design"));
}

} // namespace sibyl
