// Between the unconstrained space that networks and samplers work in and the parameters as the model declares them.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/model/model_call.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// Which of a model's outputs are wanted.
enum class Outputs {
  parameters,
  all // and transformed parameters and generated quantities
};

// For one data set at a time, whose sizes and bounds the parameters may depend on. Not for several threads at once.
class ParameterTransform {
 public:
  explicit ParameterTransform(std::shared_ptr<const CompiledModel> model, int lanes = 0);

  // Throws RuntimeError where the data set violates the model's declarations.
  void bind(const DataBatch& batch, std::size_t data_set);

  std::size_t unconstrained_count() const { return unconstrained_count_; }
  const ParameterSpace& space() const { return space_; }
  // Names and columns without draws.
  const Draws& layout(Outputs outputs) const { return outputs == Outputs::all ? all_ : parameters_; }

  // One row per row of `unconstrained` ([draw][parameter]). Generated quantities draw from the seed and the draw's
  // index, first_index + its row. Draws that fail a check of the model are counted in `failed`, and miss what is
  // computed from their parameters (edge_values.hpp); without it, a failure is a RuntimeError.
  Draws constrain(std::span<const double> unconstrained, Outputs outputs, std::uint64_t seed = 0,
                  std::uint64_t first_index = 0, LeftOut* failed = nullptr);

  // log |d parameters / d unconstrained| for each row; NaN where the parameters fail a check of the model.
  std::vector<double> log_jacobian(std::span<const double> unconstrained);

  // For each row, the logarithm of the mass that the priors have within the declared bounds: what the density lacks to
  // be that of the simulated joint. NaN where it is not known, nothing where the model has no such function.
  std::optional<std::vector<double>> log_prior_mass(std::span<const double> unconstrained);

  // The unconstrained parameters of given ones: `parameters` has the data and parameters of the data set bound.
  std::vector<double> unconstrain(const DataBatch& parameters, std::size_t data_set);

 private:
  Draws make_layout(Outputs outputs) const;
  std::size_t row_count(std::span<const double> unconstrained) const;
  // What a function of log_density's kind gives for each row; NaN where it fails.
  std::vector<double> evaluate(const char* function, std::span<const double> unconstrained);
  void run(const char* function, std::span<const double> unconstrained, std::size_t row, std::size_t active,
           const RunOptions& options);
  // Puts the lanes' results into the rows of `draws` from `first_row` on, in `variables`' columns.
  void copy_results(std::span<const DrawsVariable> variables, std::span<const std::size_t> lanes, std::size_t first_row,
                    Draws& draws) const;

  ModelCall call_;
  std::size_t unconstrained_count_ = 0;
  ParameterSpace space_;
  Draws parameters_, all_;
};

} // namespace sibyl
