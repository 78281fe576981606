// Calls the functions of a compiled model: data sets into lanes, results out, failures as text.
//
// A call belongs to one thread. Its typical life: bind data sets to lanes, run transform_data, then run other functions
// on them as often as needed; each run overwrites the results of the one before, but not those of transform_data.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/model/data_batch.hpp"
#include "runtime/model/lane_memory.hpp"
#include "runtime/model/parameter_extents.hpp"
#include "runtime/model/parameter_space.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct RunOptions {
  std::uint64_t seed = 0;
  std::uint64_t first_index = 0; // of lane 0
  bool include_jacobian = true;
};

// Where the texts of `print` statements go, one line each, for the whole program; null: standard output.
using PrintSink = void (*)(const char* text, std::size_t length);
void set_print_sink(PrintSink sink);

class ModelCall {
 public:
  // `lanes` 0: as many as run fastest.
  ModelCall(std::shared_ptr<const CompiledModel> model, Precision precision, int lanes = 0);

  const CompiledModel& model() const { return *model_; }
  Precision precision() const { return precision_; }
  int lanes() const { return lanes_; }
  int active_lanes() const { return call_.active_lanes; }

  // Lane l takes data set which[l] of the batch, all variables that it holds. Lanes beyond which.size() are idle.
  void bind(const DataBatch& batch, std::span<const std::size_t> which);
  // No data: for simulation without given design.
  void bind_nothing(int active_lanes);
  // Runs transform_data (where the model has it) and keeps its outputs; for simulated data sets, whose observed
  // transformed data are drawn, its counterpart that leaves them. False where a lane failed.
  bool transform_data();

  // The unconstrained parameters to be set before a run of a function that reads them; [parameter][lane].
  double* unconstrained_input(std::size_t parameter_count);

  // Whether the model has the function; the reason why not is the exception of `run`.
  bool has(std::string_view function) const;
  // True where all lanes succeeded. Throws RuntimeError when memory runs out or on interruption.
  bool run(std::string_view function, const RunOptions& options = {});
  // What functions of log_density kind write: the gradient's memory is [parameter][lane].
  bool run_density(bool with_gradient, bool include_jacobian);

  bool failed(int lane) const { return failed_message_[static_cast<std::size_t>(lane)] >= 0; }
  int failed_check(int lane) const { return failed_message_[static_cast<std::size_t>(lane)]; } // its message's number
  std::string failure(int lane) const; // "" where it did not fail
  std::string first_failure() const; // of the first lane that failed

  double log_density(int lane) const;
  const double* gradient() const { return static_cast<const double*>(gradient_.data()); }
  std::size_t unconstrained_count() const { return static_cast<std::size_t>(call_.unconstrained_count); }
  double unconstrained(std::size_t parameter, int lane) const;
  // After a run of `sizes`, `simulate` or `unconstrain`: the unconstrained vector's parts.
  ParameterSpace parameter_space(int lane) const;

  // An output (or input): one element, by its row-major position in the capacity, and its extents.
  double value(std::size_t variable, std::size_t flat, int lane) const;
  std::int32_t extent(std::size_t variable, std::size_t dimension, int lane) const;
  std::vector<std::int64_t> extents(std::size_t variable, int lane) const;
  // Those of all parameters in a lane.
  ParameterExtents parameter_extents(int lane) const;
  bool has_parameters(int lane, const ParameterExtents& expected) const; // quicker than to compare the above
  // Copies lanes `lanes` of a variable to a batch.
  VariableBatch read(std::size_t variable, std::span<const int> lanes) const;

  // While not zero, running functions stop and `run` throws. The flag must outlive the call.
  void set_interrupt_flag(const std::atomic<std::int32_t>* flag) {
    static_assert(sizeof *flag == sizeof(std::int32_t) && std::atomic<std::int32_t>::is_always_lock_free);
    call_.interrupted = reinterpret_cast<const std::int32_t*>(flag); // the compiled code loads it atomically
  }

 private:
  sibyl_function find(std::string_view function);
  bool execute(sibyl_function function);
  void reset_arena();
  std::size_t element_size(std::size_t variable) const;
  bool has_drawn_transformed_data(const DataBatch& batch, std::span<const std::size_t> which) const;

  std::shared_ptr<const CompiledModel> model_;
  Precision precision_;
  int lanes_;
  std::map<std::string, sibyl_function, std::less<>> functions_;
  sibyl_function density_ = nullptr, gradient_function_ = nullptr;
  std::unique_ptr<ReservedMemory> arena_, tape_;
  char* arena_free_ = nullptr; // behind what transform_data has written
  const char* data_transform_ = "transform_data";
  std::vector<sibyl_variable> variables_;
  std::vector<AlignedBuffer> input_values_, input_sizes_;
  AlignedBuffer unconstrained_, gradient_, log_density_, failed_values_;
  std::vector<std::int32_t> failed_message_;
  std::size_t input_parameters_ = 0;
  sibyl_call call_{};
};

} // namespace sibyl
