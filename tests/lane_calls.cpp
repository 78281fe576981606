#include "tests/lane_calls.hpp"

#include "compiler/jit/jit_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace sibyl::test {

namespace {

int status_of_last_run = 0;
std::vector<Report> reports;

void record_print(const sibyl_call*, std::int32_t message, std::int32_t, const double* values, std::int32_t count) {
  reports.push_back({static_cast<std::uint32_t>(message), {values, values + count}});
}

struct Free {
  void operator()(char* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Free>;

Memory allocate(std::size_t bytes) {
  const std::size_t padded = (bytes + 127) / 64 * 64;
  Memory memory(static_cast<char*>(std::aligned_alloc(64, padded)));
  std::memset(memory.get(), 0x5a, padded); // uninitialized memory should be noticed
  return memory;
}

class LaneCall {
 public:
  LaneCall(const ir::Function& function, const LaneOptions& options)
      : function_(function), options_(options), width_(static_cast<std::size_t>(options.lanes)) {
    for (const ir::Array& array : function.arrays)
      if (array.binding == ir::Binding::variable) variable_count_ = std::max(variable_count_, array.variable + 1);
    variables_.resize(variable_count_);
  }

  void run(sibyl_function code, std::vector<DataSet>& sets, std::size_t first, std::size_t active) {
    sibyl_call call{};
    Memory arena = allocate(options_.arena_bytes), tape = allocate(options_.tape_bytes);
    call.variables = variables_.data();
    call.arena = arena.get();
    call.arena_end = arena.get() + options_.arena_bytes;
    call.tape = tape.get();
    call.tape_end = tape.get() + options_.tape_bytes;
    call.seed = options_.seed;
    call.first_index = options_.first_index + first;
    call.active_lanes = static_cast<std::int32_t>(active);
    call.include_jacobian = options_.include_jacobian;
    const std::size_t parameters = sets[first].unconstrained.size();
    Memory unconstrained = allocate(parameters * width_ * 8), gradient = allocate(parameters * width_ * 8);
    for (std::size_t lane = 0; lane < active; ++lane)
      for (std::size_t p = 0; p < parameters; ++p)
        write(unconstrained.get(), p * width_ + lane, ir::Type::real, sets[first + lane].unconstrained[p]);
    call.unconstrained = unconstrained.get();
    call.unconstrained_count = static_cast<std::int64_t>(parameters);
    Memory density = allocate(width_ * 8);
    call.log_density = density.get();
    call.gradient = gradient.get();
    std::vector<std::int32_t> failed(width_, 77);
    std::vector<double> failed_values(width_ * SIBYL_MAX_REPORTED_VALUES);
    call.failed_message = failed.data();
    call.failed_values = failed_values.data();
    call.interrupted = &options_.interrupted;
    call.print = record_print;
    bind_inputs(sets, first, active);

    status_of_last_run = code(&call);
    for (std::size_t lane = 0; lane < active; ++lane) {
      DataSet& set = sets[first + lane];
      if (failed[lane] >= 0) {
        const double* values = failed_values.data() + lane * SIBYL_MAX_REPORTED_VALUES;
        set.failure = Report{static_cast<std::uint32_t>(failed[lane]), {values, values + SIBYL_MAX_REPORTED_VALUES}};
      }
      if (status_of_last_run > SIBYL_SOME_LANES_FAILED || set.failure) continue;
      read_outputs(set, lane, call);
    }
  }

 private:
  std::size_t bytes(ir::Type type) const {
    return type == ir::Type::real && options_.precision == Precision::f64 ? 8 : 4;
  }
  void write(void* memory, std::size_t at, ir::Type type, double value) const {
    if (type != ir::Type::real) static_cast<std::int32_t*>(memory)[at] = static_cast<std::int32_t>(value);
    else if (options_.precision == Precision::f64) static_cast<double*>(memory)[at] = value;
    else static_cast<float*>(memory)[at] = static_cast<float>(value);
  }
  double read(const void* memory, std::size_t at, ir::Type type) const {
    if (type != ir::Type::real) return static_cast<const std::int32_t*>(memory)[at];
    if (options_.precision == Precision::f64) return static_cast<const double*>(memory)[at];
    return static_cast<const float*>(memory)[at];
  }

  // Calls use(flat position in the tensor, flat position in the capacity) for each element.
  template <typename Use>
  static void for_each(const std::vector<std::int32_t>& sizes, const std::int64_t* capacity, const Use& use) {
    std::size_t count = 1;
    for (const std::int32_t size : sizes) count *= static_cast<std::size_t>(size);
    for (std::size_t flat = 0; flat < count; ++flat) {
      std::size_t rest = flat, padded = 0, stride = 1;
      for (std::size_t d = sizes.size(); d-- > 0;) {
        padded += rest % static_cast<std::size_t>(sizes[d]) * stride;
        rest /= static_cast<std::size_t>(sizes[d]);
        stride *= static_cast<std::size_t>(capacity[d]);
      }
      use(flat, padded);
    }
  }

  void bind_inputs(const std::vector<DataSet>& sets, std::size_t first, std::size_t active) {
    memory_.clear();
    for (const ir::Array& array : function_.arrays) {
      if (array.binding != ir::Binding::variable || !sets[first].variables.contains(array.variable)) continue;
      sibyl_variable& variable = variables_[array.variable];
      const auto rank = static_cast<std::size_t>(array.rank);
      memory_.push_back(allocate(rank * width_ * 4));
      variable.sizes = reinterpret_cast<std::int32_t*>(memory_.back().get());
      std::size_t elements = 1;
      for (std::size_t d = 0; d < rank; ++d) {
        std::int32_t largest = 0;
        for (std::size_t lane = 0; lane < active; ++lane) {
          const std::int32_t size = sets[first + lane].variables.at(array.variable).sizes.at(d);
          variable.sizes[d * width_ + lane] = size;
          largest = std::max(largest, size);
        }
        variable.capacity[d] = largest;
        elements *= static_cast<std::size_t>(largest);
      }
      memory_.push_back(allocate(elements * width_ * bytes(array.element)));
      variable.values = memory_.back().get();
      for (std::size_t lane = 0; lane < active; ++lane) {
        const Tensor& tensor = sets[first + lane].variables.at(array.variable);
        for_each(tensor.sizes, variable.capacity, [&](std::size_t flat, std::size_t padded) {
          write(variable.values, padded * width_ + lane, array.element, tensor.values.at(flat));
        });
      }
    }
  }

  void read_outputs(DataSet& set, std::size_t lane, const sibyl_call& call) const {
    for (const ir::Array& array : function_.arrays) {
      switch (array.binding) {
      case ir::Binding::variable: {
        if (set.variables.contains(array.variable)) break;
        const sibyl_variable& variable = variables_[array.variable];
        Tensor tensor;
        std::size_t elements = 1;
        for (std::size_t d = 0; d < static_cast<std::size_t>(array.rank); ++d) {
          tensor.sizes.push_back(variable.sizes[d * width_ + lane]);
          elements *= static_cast<std::size_t>(tensor.sizes.back());
        }
        tensor.values.resize(elements);
        for_each(tensor.sizes, variable.capacity, [&](std::size_t flat, std::size_t padded) {
          tensor.values[flat] = read(variable.values, padded * width_ + lane, array.element);
        });
        set.variables.emplace(array.variable, tensor);
        break;
      }
      case ir::Binding::unconstrained_out:
        set.unconstrained.clear();
        for (std::int64_t p = 0; p < call.unconstrained_count; ++p)
          set.unconstrained.push_back(
              read(call.unconstrained, static_cast<std::size_t>(p) * width_ + lane, ir::Type::real));
        break;
      case ir::Binding::log_density: set.log_density = read(call.log_density, lane, ir::Type::real); break;
      case ir::Binding::gradient:
        set.gradient.clear();
        for (std::size_t p = 0; p < set.unconstrained.size(); ++p)
          set.gradient.push_back(read(call.gradient, p * width_ + lane, ir::Type::real));
        break;
      default: break;
      }
    }
  }

  const ir::Function& function_;
  const LaneOptions& options_;
  std::size_t width_;
  std::uint32_t variable_count_ = 0;
  std::vector<sibyl_variable> variables_;
  std::vector<Memory> memory_;
};

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
    return (std::isnan(x) && std::isnan(y)) || std::memcmp(&x, &y, sizeof x) == 0;
  });
}

bool same(const DataSet& a, const DataSet& b) {
  if (a.failure.has_value() != b.failure.has_value()) return false;
  if (a.failure) return a.failure->message == b.failure->message; // the values that do not count are not cleared
  if (a.variables.size() != b.variables.size()) return false;
  for (const auto& [index, tensor] : a.variables) {
    const auto other = b.variables.find(index);
    if (other == b.variables.end() || tensor.sizes != other->second.sizes) return false;
    if (!same_bits(tensor.values, other->second.values)) return false;
  }
  return same_bits(a.unconstrained, b.unconstrained) && same_bits(a.gradient, b.gradient) &&
         same_bits({a.log_density}, {b.log_density});
}

} // namespace

std::vector<DataSet> run_lanes(const ir::Function& function, std::vector<DataSet> data_sets,
                               const LaneOptions& options) {
  ir::Model model;
  model.functions.push_back(function);
  const auto source = jit::make_jit_source(model, {.machine = codegen::machine_named(options.processor)});
  const sibyl_function code = source->find(function.name, options.precision, options.lanes);
  reports.clear();
  const auto lanes = static_cast<std::size_t>(options.lanes);
  for (std::size_t first = 0; first < data_sets.size(); first += lanes)
    LaneCall(function, options).run(code, data_sets, first, std::min(lanes, data_sets.size() - first));
  return data_sets;
}

int last_status() { return status_of_last_run; }
const std::vector<Report>& printed() { return reports; }

bool same(const std::vector<DataSet>& a, const std::vector<DataSet>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const DataSet& x, const DataSet& y) { return same(x, y); });
}

} // namespace sibyl::test
