#include "runtime/model/simulator.hpp"

#include "lang/errors.hpp"
#include "runtime/model/finite.hpp"
#include "runtime/model/parameter_extents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
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

// Whether the data that are drawn have bounds, which a density checks and a distribution may not know of.
bool has_bounded_data(const Facts& facts) {
  return std::any_of(facts.variables.begin(), facts.variables.end(), [](const VariableFact& one) {
    return one.role == Role::observed && (!one.lower.empty() || !one.upper.empty() || one.is_constrained_type);
  });
}

} // namespace

struct Simulator::Parameters {
  ParameterExtents extents;
  ParameterSpace space;
  std::size_t count = 0;
};

// What one call of the model's simulate gave.
struct Simulator::Part {
  DataBatch data;
  std::vector<std::uint64_t> indices;
  std::shared_ptr<const Parameters> parameters; // of every data set here
  std::vector<double> unconstrained;
  LeftOut left_out;
};

Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;

Simulator::Simulator(std::shared_ptr<const CompiledModel> model, SimulatorOptions options)
    : model_(std::move(model)), options_(std::move(options)) {
  const Facts& facts = model_->facts();
  if (options_.region) {
    design_ = gather(facts, std::vector<DataSet>{options_.region->data});
  } else {
    check_design(facts, options_.design);
    design_ = gather(facts, std::vector<DataSet>{options_.design.value_or(DataSet())});
    add_without_elements(facts, design_);
  }
  const Precision wanted = facts.allows_single_precision ? Precision::f32 : Precision::f64;
  const Precision precision = options_.region ? Precision::f64 : options_.precision.value_or(wanted);
  for (int thread = 0; thread < std::max(1, options_.threads); ++thread) {
    calls_.push_back(std::make_unique<ModelCall>(model_, precision, options_.lanes));
    if (options_.interrupted) calls_.back()->set_interrupt_flag(options_.interrupted);
    if (options_.only_finite && has_bounded_data(facts))
      checks_.push_back(std::make_unique<ModelCall>(model_, Precision::f64));
    if (options_.region)
      regions_.push_back(std::make_unique<RegionDraws>(model_, *options_.region, options_.interrupted));
  }
  // Asks for the code now, so that a text that is not generative is refused here.
  model_->function(options_.region ? "simulate_data" : "simulate", precision, calls_[0]->lanes());
}

// Where the call tells the parameters' sizes.
std::shared_ptr<const Simulator::Parameters> Simulator::find_parameters(const ModelCall& call, int lane) {
  auto found = std::make_shared<Parameters>();
  found->extents = call.parameter_extents(lane);
  found->space = call.parameter_space(lane);
  found->count = dimension(found->space);
  return found;
}

bool Simulator::run(std::size_t thread, std::uint64_t first_index, std::size_t count, std::uint64_t seed,
                    std::vector<double>& given, std::shared_ptr<const Parameters>& known) const {
  ModelCall& call = *calls_[thread];
  const std::vector<std::size_t> same_design(count, 0);
  call.bind(design_, same_design);
  if (!options_.region) return call.run("simulate", {.seed = seed, .first_index = first_index});
  if (!call.transform_data() || !call.run("sizes")) throw RuntimeError(call.first_failure());
  if (!known) known = find_parameters(call, 0); // one design: the same for all
  given = regions_[thread]->draw(first_index, count, seed);
  const std::size_t dimension = options_.region->dimension(), width = static_cast<std::size_t>(call.lanes());
  double* input = call.unconstrained_input(dimension);
  for (std::size_t p = 0; p < dimension; ++p)
    for (std::size_t lane = 0; lane < width; ++lane)
      input[p * width + lane] = given[std::min(lane, count - 1) * dimension + p];
  return call.run("simulate_data", {.seed = seed, .first_index = first_index});
}

Simulator::Part Simulator::simulate_lanes(std::size_t thread, std::uint64_t first_index, std::size_t count,
                                          std::uint64_t seed, std::shared_ptr<const Parameters>& known) const {
  const ModelCall& call = *calls_[thread];
  std::vector<double> given;
  const bool all_succeeded = run(thread, first_index, count, seed, given, known);
  Part part;
  part.left_out.count_tries(count);
  std::vector<int> lanes;
  for (int lane = 0; lane < static_cast<int>(count); ++lane) {
    if (!all_succeeded && call.failed(lane)) {
      part.left_out.add(call.failed_check(lane), [&] { return call.failure(lane); });
      continue;
    }
    if (!known || (lanes.empty() && !options_.region && !call.has_parameters(lane, known->extents))) {
      known = find_parameters(call, lane);
    } else if (!options_.region && !call.has_parameters(lane, known->extents)) {
      require_same_parameters(model_->facts(), known->extents, call.parameter_extents(lane));
    }
    lanes.push_back(lane);
    part.indices.push_back(first_index + static_cast<std::uint64_t>(lane));
  }
  part.data.count = lanes.size();
  part.data.variables.resize(model_->facts().variables.size());
  for (std::size_t v = 0; v < part.data.variables.size(); ++v) {
    const VariableFact& fact = model_->facts().variables[v];
    if (!is_data(fact) && (!options_.keep_all || fact.role == Role::generated)) continue;
    part.data.variables[v] = call.read(v, lanes);
    // What the data would have to be for what is computed from them, and is simulated, nobody knows.
    if (options_.region && fact.role == Role::underlying)
      std::ranges::fill(part.data.variables[v].values, std::numeric_limits<double>::quiet_NaN());
  }
  if (lanes.empty()) return part;
  part.parameters = known;
  part.unconstrained.reserve(known->count * lanes.size());
  for (const int lane : lanes)
    for (std::size_t p = 0; p < known->count; ++p)
      part.unconstrained.push_back(given.empty() ? call.unconstrained(p, lane)
                                                 : given[static_cast<std::size_t>(lane) * known->count + p]);
  if (options_.only_finite) leave_out_not_finite(part);
  if (!checks_.empty()) leave_out_violations(*checks_[thread], part);
  return part;
}

void Simulator::leave_out_not_finite(Part& part) const {
  const Facts& facts = model_->facts();
  const std::size_t parameter_count = part.parameters->count;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < part.data.count; ++i) {
    const auto parameters = std::span(part.unconstrained).subspan(i * parameter_count, parameter_count);
    const std::optional<NotFinite> found = find_not_finite(facts, part.data, i, part.parameters->space, parameters);
    if (!found) kept.push_back(i);
    // Statements are told apart by their checks' numbers, which are not negative.
    else
      part.left_out.add(-1 - static_cast<std::int64_t>(found->variable),
                        [&] { return model_->place(facts.variables[found->variable].drawn) + found->text; });
  }
  keep(part, kept);
}

// Which data sets there are to learn from may depend on the data: the posterior of those that are left is the same.
void Simulator::leave_out_violations(ModelCall& check, Part& part) const {
  const auto width = static_cast<std::size_t>(check.lanes());
  std::vector<std::size_t> kept;
  for (std::size_t first = 0; first < part.data.count; first += width) {
    std::vector<std::size_t> which(std::min(width, part.data.count - first));
    std::iota(which.begin(), which.end(), first);
    check.bind(part.data, which);
    const bool all_succeeded = check.transform_data();
    for (std::size_t lane = 0; lane < which.size(); ++lane) {
      const int number = static_cast<int>(lane);
      if (all_succeeded || !check.failed(number)) kept.push_back(which[lane]);
      else part.left_out.add(check.failed_check(number), [&] { return check.failure(number); });
    }
  }
  keep(part, kept);
}

void Simulator::keep(Part& part, const std::vector<std::size_t>& kept) {
  if (kept.size() == part.data.count) return;
  const std::size_t parameter_count = part.parameters->count;
  keep_data_sets(part.data, kept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == i) continue;
    part.indices[i] = part.indices[kept[i]];
    std::copy_n(part.unconstrained.begin() + static_cast<std::ptrdiff_t>(kept[i] * parameter_count), parameter_count,
                part.unconstrained.begin() + static_cast<std::ptrdiff_t>(i * parameter_count));
  }
  part.indices.resize(kept.size());
  part.unconstrained.resize(kept.size() * parameter_count);
}

SimulatedBatch Simulator::simulate(std::uint64_t first_index, std::size_t count, std::uint64_t seed) {
  const auto lanes = static_cast<std::size_t>(calls_[0]->lanes());
  std::vector<Part> parts((count + lanes - 1) / lanes);
  std::atomic<std::size_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&](std::size_t thread) {
    std::shared_ptr<const Parameters> parameters;
    try {
      for (std::size_t part; (part = next++) < parts.size();) {
        if (options_.interrupted && *options_.interrupted) throw RuntimeError("interrupted");
        const std::size_t done = part * lanes;
        parts[part] = simulate_lanes(thread, first_index + done, std::min(lanes, count - done), seed, parameters);
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
      threads.emplace_back(work, thread);
    work(0);
  }
  if (error) std::rethrow_exception(error);

  SimulatedBatch result;
  std::vector<DataBatch> batches;
  std::shared_ptr<const Parameters> parameters;
  for (Part& part : parts) {
    result.left_out.add(part.left_out);
    if (part.data.count == 0) continue;
    if (!parameters) parameters = part.parameters;
    if (parameters != part.parameters)
      require_same_parameters(model_->facts(), parameters->extents, part.parameters->extents);
    result.indices.insert(result.indices.end(), part.indices.begin(), part.indices.end());
    result.unconstrained.insert(result.unconstrained.end(), part.unconstrained.begin(), part.unconstrained.end());
    batches.push_back(std::move(part.data));
  }
  if (parameters) {
    result.space = parameters->space;
    result.parameter_count = parameters->count;
  }
  result.data = merge(std::move(batches));
  if (result.data.variables.empty()) result.data.variables.resize(model_->facts().variables.size());
  if (count > 0 && result.data.count == 0 && !options_.only_finite)
    throw RuntimeError(fmt::format("all {} simulations failed; the first: {}", count, result.left_out.first()));
  return result;
}

} // namespace sibyl
