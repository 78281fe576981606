#include "runtime/model/model_call.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

// Of each call, twice; a page's whole memory has four GiB.
constexpr std::size_t address_space = sizeof(void*) == 8 ? std::size_t{1} << 36 : std::size_t{1} << 27;
constexpr std::int32_t missing_integer = std::numeric_limits<std::int32_t>::min();
const std::int32_t never_interrupted = 0;

std::atomic<PrintSink> print_sink = nullptr;

void print_message(const sibyl_call* call, std::int32_t message, std::int32_t, const double* values,
                   std::int32_t count) {
  const auto& model = *static_cast<const CompiledModel*>(call->user);
  const std::string_view written = model.messages().at(static_cast<std::size_t>(message)).text;
  const std::string text = fill_message(written, {values, static_cast<std::size_t>(count)}) + '\n';
  if (const PrintSink sink = print_sink) sink(text.data(), text.size());
  else fmt::print("{}", text);
}

// Calls use(pointer) with the pointer in the type that the variable has in the call's memory.
template <typename Use>
decltype(auto) with_type(void* values, bool is_integer, Precision precision, Use&& use) {
  if (is_integer) return use(static_cast<std::int32_t*>(values));
  if (precision == Precision::f32) return use(static_cast<float*>(values));
  return use(static_cast<double*>(values));
}

template <typename T>
T to_model_value(double value) {
  if constexpr (std::is_same_v<T, std::int32_t>) return std::isnan(value) ? missing_integer : static_cast<T>(value);
  else return static_cast<T>(value);
}

template <typename T>
double from_model_value(T value) {
  if constexpr (std::is_same_v<T, std::int32_t>)
    if (value == missing_integer) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(value);
}

} // namespace

void set_print_sink(PrintSink sink) { print_sink = sink; }

ModelCall::ModelCall(std::shared_ptr<const CompiledModel> model, Precision precision, int lanes)
    : model_(std::move(model)), precision_(precision), lanes_(lanes > 0 ? lanes : model_->preferred_lanes(precision)),
      arena_(std::make_unique<ReservedMemory>(address_space)), tape_(std::make_unique<ReservedMemory>(address_space)),
      variables_(model_->facts().variables.size()), input_values_(variables_.size()), input_sizes_(variables_.size()),
      failed_message_(static_cast<std::size_t>(lanes_), -1) {
  const auto width = static_cast<std::size_t>(lanes_);
  call_.variables = variables_.data();
  call_.tape = tape_->begin();
  call_.tape_end = tape_->end();
  call_.arena_end = arena_->end();
  call_.log_density = log_density_.reserve(width * sizeof(double));
  call_.failed_message = failed_message_.data();
  call_.failed_values =
      static_cast<double*>(failed_values_.reserve(width * SIBYL_MAX_REPORTED_VALUES * sizeof(double)));
  call_.interrupted = &never_interrupted;
  call_.print = print_message;
  call_.user = const_cast<CompiledModel*>(model_.get());
  reset_arena();
}

void ModelCall::reset_arena() { arena_free_ = arena_->begin(); }

void ModelCall::bind(const DataBatch& batch, std::span<const std::size_t> which) {
  if (which.size() > static_cast<std::size_t>(lanes_)) throw InternalError("more data sets than lanes");
  bind_nothing(static_cast<int>(which.size()));
  if (has_drawn_transformed_data(batch, which)) data_transform_ = "transform_simulated_data";
  const auto width = static_cast<std::size_t>(lanes_);
  for (std::size_t v = 0; v < batch.variables.size(); ++v) {
    const VariableBatch& source = batch.variables[v];
    if (!source.present) continue;
    sibyl_variable& variable = variables_[v];
    const std::size_t rank = source.rank();
    auto* sizes = static_cast<std::int32_t*>(input_sizes_[v].reserve(std::max<std::size_t>(1, rank * width) * 4));
    variable.sizes = sizes;
    std::int64_t count = 1;
    for (std::size_t d = 0; d < rank; ++d) {
      std::int32_t largest = 0;
      for (std::size_t lane = 0; lane < width; ++lane) {
        const std::int32_t size = lane < which.size() ? source.size(which[lane], d) : 0;
        sizes[d * width + lane] = size;
        largest = std::max(largest, size);
      }
      variable.capacity[d] = largest;
      count *= largest;
    }
    const std::size_t bytes = static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * width * element_size(v);
    variable.values = input_values_[v].reserve(bytes);
    with_type(variable.values, model_->facts().variables[v].is_integer, precision_, [&](auto* values) {
      using Value = std::remove_pointer_t<decltype(values)>;
      // Idle lanes and what lies behind a short lane's end are read by no one, but must not trap or be NaN by chance.
      std::fill_n(values, static_cast<std::size_t>(std::max<std::int64_t>(count, 1)) * width, Value{0});
      if (source.is_shared && !which.empty()) {
        const double* row = source.row(0);
        for_each_element(std::span(source.sizes.data(), rank), source.capacity,
                         [&](std::size_t compact, std::size_t padded) {
                           std::fill_n(values + compact * width, which.size(), to_model_value<Value>(row[padded]));
                         });
        return;
      }
      for (std::size_t lane = 0; lane < which.size(); ++lane) {
        const double* row = source.row(which[lane]);
        if (rank == 0) {
          values[lane] = to_model_value<Value>(row[0]);
        } else if (rank == 1) {
          const std::int32_t size = source.size(which[lane], 0);
          for (std::int32_t i = 0; i < size; ++i)
            values[static_cast<std::size_t>(i) * width + lane] = to_model_value<Value>(row[i]);
        } else {
          const std::span own(source.sizes.data() + which[lane] * rank, rank);
          std::vector<std::size_t> from;
          for_each_element(own, source.capacity, [&](std::size_t, std::size_t padded) { from.push_back(padded); });
          for_each_element(own, std::span<const std::int64_t>(variable.capacity, rank),
                           [&](std::size_t compact, std::size_t padded) {
                             values[padded * width + lane] = to_model_value<Value>(row[from[compact]]);
                           });
        }
      }
    });
  }
}

// Where an observed variable is given that the model computes, and what it is computed from has no values.
bool ModelCall::has_drawn_transformed_data(const DataBatch& batch, std::span<const std::size_t> which) const {
  bool is_given = false, is_missing = false;
  for (std::size_t v = 0; v < batch.variables.size(); ++v) {
    const VariableFact& fact = model_->facts().variables[v];
    const VariableBatch& variable = batch.variables[v];
    is_given |= fact.is_computed && variable.present;
    if (fact.role != Role::underlying || !variable.present) continue;
    for (const std::size_t i : which)
      for_each_element(std::span(variable.sizes.data() + i * variable.rank(), variable.rank()), variable.capacity,
                       [&](std::size_t, std::size_t padded) { is_missing |= std::isnan(variable.row(i)[padded]); });
  }
  return is_given && is_missing;
}

void ModelCall::bind_nothing(int active_lanes) {
  call_.active_lanes = active_lanes;
  reset_arena();
  data_transform_ = "transform_data";
  std::fill(failed_message_.begin(), failed_message_.end(), -1);
  for (sibyl_variable& variable : variables_) variable = {};
}

bool ModelCall::transform_data() {
  if (!has(data_transform_)) return true;
  const bool succeeded = run(data_transform_);
  arena_free_ = call_.arena;
  return succeeded;
}

double* ModelCall::unconstrained_input(std::size_t parameter_count) {
  if (precision_ != Precision::f64) throw InternalError("unconstrained parameters are given in double precision");
  input_parameters_ = parameter_count;
  const std::size_t bytes =
      std::max<std::size_t>(1, parameter_count) * static_cast<std::size_t>(lanes_) * sizeof(double);
  call_.gradient = gradient_.reserve(bytes);
  return static_cast<double*>(unconstrained_.reserve(bytes));
}

bool ModelCall::has(std::string_view function) const { return model_->has(function, precision_, lanes_); }

sibyl_function ModelCall::find(std::string_view function) {
  if (const auto found = functions_.find(function); found != functions_.end()) return found->second;
  const sibyl_function code = model_->function(function, precision_, lanes_);
  if (!code) throw InternalError(fmt::format("the model {} has no function {}", model_->name(), function));
  return functions_.emplace(std::string(function), code).first->second;
}

bool ModelCall::execute(sibyl_function function) {
  call_.arena = arena_free_;
  call_.unconstrained = unconstrained_.data();
  call_.unconstrained_count = static_cast<std::int64_t>(input_parameters_);
  std::fill(failed_message_.begin(), failed_message_.end(), -1);
  switch (function(&call_)) {
  case SIBYL_OK: return true;
  case SIBYL_SOME_LANES_FAILED: return false;
  case SIBYL_INTERRUPTED: throw RuntimeError("interrupted");
  default:
    throw RuntimeError(fmt::format("the model {} needs more than {} MiB for {} data sets at once", model_->name(),
                                   (arena_->end() - arena_->begin()) >> 20, lanes_));
  }
}

bool ModelCall::run(std::string_view function, const RunOptions& options) {
  call_.seed = options.seed;
  call_.first_index = options.first_index;
  call_.include_jacobian = options.include_jacobian;
  return execute(find(function));
}

bool ModelCall::run_density(bool with_gradient, bool include_jacobian) {
  sibyl_function& function = with_gradient ? gradient_function_ : density_;
  if (!function) function = find(with_gradient ? "log_density_gradient" : "log_density");
  call_.include_jacobian = include_jacobian;
  return execute(function);
}

std::string ModelCall::failure(int lane) const {
  if (!failed(lane)) return "";
  return model_->describe_failure(failed_message_[static_cast<std::size_t>(lane)],
                                  call_.failed_values + lane * SIBYL_MAX_REPORTED_VALUES);
}

std::string ModelCall::first_failure() const {
  for (int lane = 0; lane < call_.active_lanes; ++lane)
    if (failed(lane)) return failure(lane);
  return "";
}

double ModelCall::log_density(int lane) const {
  if (precision_ == Precision::f32) return static_cast<const float*>(call_.log_density)[lane];
  return static_cast<const double*>(call_.log_density)[lane];
}

double ModelCall::unconstrained(std::size_t parameter, int lane) const {
  const std::size_t at = parameter * static_cast<std::size_t>(lanes_) + static_cast<std::size_t>(lane);
  if (precision_ == Precision::f32) return static_cast<const float*>(call_.unconstrained)[at];
  return static_cast<const double*>(call_.unconstrained)[at];
}

ParameterSpace ModelCall::parameter_space(int lane) const {
  ParameterSpace blocks;
  const Facts& facts = model_->facts();
  std::size_t first = 0;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& fact = facts.variables[v];
    if (fact.role != Role::parameter) continue;
    ParameterBlock block{fact.name, fact.transform, "", extents(v, lane), {}, first, 0};
    for (int d = 0; d < fact.array_rank; ++d)
      block.plate += (d > 0 ? ", " : "") + fact.dimensions[static_cast<std::size_t>(d)].size;
    const std::size_t at = blocks.size() * static_cast<std::size_t>(lanes_) + static_cast<std::size_t>(lane);
    block.count = static_cast<std::size_t>(call_.block_sizes[at]);
    block.unconstrained_extents = block.extents;
    if (fact.is_constrained_type) {
      block.unconstrained_extents.resize(static_cast<std::size_t>(fact.array_rank));
      std::int64_t elements = 1;
      for (const std::int64_t extent : block.unconstrained_extents) elements *= extent;
      block.unconstrained_extents.push_back(elements > 0 ? static_cast<std::int64_t>(block.count) / elements : 0);
    }
    first += block.count;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

std::size_t ModelCall::element_size(std::size_t variable) const {
  return !model_->facts().variables[variable].is_integer && precision_ == Precision::f64 ? 8 : 4;
}

double ModelCall::value(std::size_t variable, std::size_t flat, int lane) const {
  return with_type(
      variables_[variable].values, model_->facts().variables[variable].is_integer, precision_, [&](auto* values) {
        return from_model_value(values[flat * static_cast<std::size_t>(lanes_) + static_cast<std::size_t>(lane)]);
      });
}

std::int32_t ModelCall::extent(std::size_t variable, std::size_t dimension, int lane) const {
  return variables_[variable].sizes[dimension * static_cast<std::size_t>(lanes_) + static_cast<std::size_t>(lane)];
}

std::vector<std::int64_t> ModelCall::extents(std::size_t variable, int lane) const {
  std::vector<std::int64_t> result(model_->facts().variables[variable].dimensions.size());
  for (std::size_t d = 0; d < result.size(); ++d) result[d] = extent(variable, d, lane);
  return result;
}

ParameterExtents ModelCall::parameter_extents(int lane) const {
  ParameterExtents result;
  for (std::size_t v = 0; v < variables_.size(); ++v)
    if (model_->facts().variables[v].role == Role::parameter) result.push_back(extents(v, lane));
  return result;
}

bool ModelCall::has_parameters(int lane, const ParameterExtents& expected) const {
  auto parameter = expected.begin();
  for (std::size_t v = 0; v < variables_.size(); ++v) {
    const VariableFact& fact = model_->facts().variables[v];
    if (fact.role != Role::parameter) continue;
    if (parameter == expected.end() || parameter->size() != fact.dimensions.size()) return false;
    for (std::size_t d = 0; d < fact.dimensions.size(); ++d)
      if (extent(v, d, lane) != (*parameter)[d]) return false;
    ++parameter;
  }
  return parameter == expected.end();
}

VariableBatch ModelCall::read(std::size_t variable, std::span<const int> lanes) const {
  const sibyl_variable& source = variables_[variable];
  const std::size_t rank = model_->facts().variables[variable].dimensions.size();
  VariableBatch result;
  result.present = true;
  result.capacity.assign(source.capacity, source.capacity + rank);
  for (const int lane : lanes)
    for (std::size_t d = 0; d < rank; ++d) result.sizes.push_back(extent(variable, d, lane));
  result.make_room(lanes.size());
  const std::size_t stride = result.stride(), width = static_cast<std::size_t>(lanes_);
  with_type(source.values, model_->facts().variables[variable].is_integer, precision_, [&](auto* values) {
    for (std::size_t i = 0; i < lanes.size(); ++i)
      for (std::size_t flat = 0; flat < stride; ++flat)
        result.values[i * stride + flat] = from_model_value(values[flat * width + static_cast<std::size_t>(lanes[i])]);
  });
  return result;
}

} // namespace sibyl
