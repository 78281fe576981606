#include "runtime/model/simulator.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace sibyl {

namespace {

void check_design(const Facts& facts, const std::optional<DataSet>& design) {
  std::vector<std::string> missing;
  for (const VariableFact& variable : facts.variables)
    if (is_wanted(variable, Wanted::given_design) && variable.given_elements != GivenElements::perhaps &&
        !(design && design->variables.count(variable.name)))
      missing.push_back(variable.name);
  if (missing.empty()) return;
  throw UserError(
      fmt::format("to simulate, the design needs {}: give {} with `--design FILE`, or add a distribution to the "
                  "model:\n  design {{ {} ~ ...; }}",
                  fmt::join(missing, ", "), missing.size() == 1 ? "it" : "them", missing.front()));
}

} // namespace

// What one call of the model's simulate gave.
struct Simulator::Part {
  DataBatch data;
  std::vector<std::uint64_t> indices;
  std::size_t parameter_count = 0;
  std::vector<double> unconstrained;
  std::size_t failures = 0;
  std::string first_failure;
};

Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;

Simulator::Simulator(std::shared_ptr<const CompiledModel> model, SimulatorOptions options)
    : model_(std::move(model)), options_(std::move(options)) {
  const Facts& facts = model_->facts();
  check_design(facts, options_.design);
  design_ = gather(facts, std::vector<DataSet>{options_.design.value_or(DataSet())});
  add_without_elements(facts, design_);
  const Precision precision =
      options_.precision.value_or(facts.allows_single_precision ? Precision::f32 : Precision::f64);
  for (int thread = 0; thread < std::max(1, options_.threads); ++thread) {
    calls_.push_back(std::make_unique<ModelCall>(model_, precision, options_.lanes));
    if (options_.interrupted) calls_.back()->set_interrupt_flag(options_.interrupted);
  }
  // Asks for the code now, so that a text that is not generative is refused here.
  model_->function("simulate", precision, calls_[0]->lanes());
}

Simulator::Part Simulator::simulate_lanes(ModelCall& call, std::uint64_t first_index, std::size_t count,
                                          std::uint64_t seed) const {
  const std::vector<std::size_t> same_design(count, 0);
  call.bind(design_, same_design);
  const bool all_succeeded = call.run("simulate", {.seed = seed, .first_index = first_index});
  Part part;
  std::vector<int> lanes;
  for (int lane = 0; lane < static_cast<int>(count); ++lane) {
    if (!all_succeeded && call.failed(lane)) {
      if (part.failures++ == 0) part.first_failure = call.failure(lane);
      continue;
    }
    lanes.push_back(lane);
    part.indices.push_back(first_index + static_cast<std::uint64_t>(lane));
  }
  part.data.count = lanes.size();
  part.data.variables.resize(model_->facts().variables.size());
  for (std::size_t v = 0; v < part.data.variables.size(); ++v) {
    const VariableFact& fact = model_->facts().variables[v];
    if (is_data(fact) || (options_.keep_all && fact.role != Role::generated))
      part.data.variables[v] = call.read(v, lanes);
  }
  part.parameter_count = call.unconstrained_count();
  for (const int lane : lanes)
    for (std::size_t p = 0; p < part.parameter_count; ++p) part.unconstrained.push_back(call.unconstrained(p, lane));
  return part;
}

SimulatedBatch Simulator::simulate(std::uint64_t first_index, std::size_t count, std::uint64_t seed) {
  const auto lanes = static_cast<std::size_t>(calls_[0]->lanes());
  std::vector<Part> parts((count + lanes - 1) / lanes);
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&](ModelCall& call) {
    try {
      for (std::size_t part; (part = next++) < parts.size();) {
        if (options_.interrupted && *options_.interrupted) throw RuntimeError("interrupted");
        const std::size_t done = part * lanes;
        parts[part] = simulate_lanes(call, first_index + done, std::min(lanes, count - done), seed);
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      next = parts.size();
    }
  };
  {
    std::vector<std::jthread> threads; // joined also where the next one cannot be started
    for (std::size_t thread = 1; thread < std::min(calls_.size(), parts.size()); ++thread)
      threads.emplace_back(work, std::ref(*calls_[thread]));
    work(*calls_[0]);
  }
  if (error) std::rethrow_exception(error);

  SimulatedBatch result;
  std::vector<DataBatch> batches;
  for (Part& part : parts) {
    if (part.failures > 0 && result.failures == 0) result.first_failure = part.first_failure;
    result.failures += part.failures;
    if (part.data.count == 0) continue;
    if (result.parameter_count == 0) result.parameter_count = part.parameter_count;
    if (part.parameter_count != result.parameter_count)
      throw UserError(
          "the number of parameters differs between simulated data sets; parameters whose sizes vary with the "
          "design cannot be inferred together yet");
    result.indices.insert(result.indices.end(), part.indices.begin(), part.indices.end());
    result.unconstrained.insert(result.unconstrained.end(), part.unconstrained.begin(), part.unconstrained.end());
    batches.push_back(std::move(part.data));
  }
  result.data = merge(std::move(batches));
  if (result.data.variables.empty()) result.data.variables.resize(model_->facts().variables.size());
  if (count > 0 && result.data.count == 0)
    throw RuntimeError(fmt::format("all {} simulations failed; the first: {}", count, result.first_failure));
  return result;
}

} // namespace sibyl
