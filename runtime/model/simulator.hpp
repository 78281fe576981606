// Simulated data sets from a compiled model, on as many threads as wanted.
//
// A data set depends on the seed and its own index, on nothing else: not on the batch that it is in, the number of
// threads, or how many lanes run at once.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/edge_values.hpp"
#include "runtime/model/data_batch.hpp"
#include "runtime/model/model_call.hpp"
#include "runtime/model/region.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// Data sets are numbered; these ranges never meet, so that nothing is validated on what it was trained on.
inline constexpr std::uint64_t first_training_index = 0;
inline constexpr std::uint64_t first_pilot_index = std::uint64_t{1} << 60;
inline constexpr std::uint64_t first_validation_index = std::uint64_t{2} << 60;
inline constexpr std::uint64_t first_calibration_index = std::uint64_t{3} << 60;

struct SimulatorOptions {
  std::optional<Precision> precision; // default: float where the model's text allows it
  int lanes = 0;                      // 0: as many as run fastest
  int threads = 1;
  std::optional<DataSet> design; // design variables that no design statement covers
  // Instead of the priors and the design: parameters from the region, data with the design of its data set.
  std::optional<Region> region;
  bool keep_all = false; // also parameters, transformed parameters and transformed data, not only the data
  // For inference: leaves out what is not finite or violates the data's declared bounds, as what fails is left out
  // (edge_values.hpp), and may leave nothing.
  bool only_finite = false;
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: stop, and throw RuntimeError
};

struct SimulatedBatch {
  DataBatch data;
  std::vector<std::uint64_t> indices; // of the data sets that are there
  ParameterSpace space;               // of every data set
  std::size_t parameter_count = 0;
  std::vector<double> unconstrained; // [data set][parameter]
  LeftOut left_out;
};

class Simulator {
 public:
  // Throws UserError where the text is not generative (with a region: its data cannot be simulated), or a design
  // variable has neither a distribution nor a value.
  Simulator(std::shared_ptr<const CompiledModel> model, SimulatorOptions options = {});
  ~Simulator();
  Simulator(Simulator&&) noexcept;

  // Data sets first_index .. first_index + count - 1, less those that are left out. Throws RuntimeError with the reason
  // where none is left and not `only_finite`; UserError where the parameters' sizes differ between data sets.
  SimulatedBatch simulate(std::uint64_t first_index, std::size_t count, std::uint64_t seed);

 private:
  struct Parameters;
  struct Part;
  // `known`: the parameters of the calls before, if any; those of this one afterwards.
  Part simulate_lanes(std::size_t thread, std::uint64_t first_index, std::size_t count, std::uint64_t seed,
                      std::shared_ptr<const Parameters>& known) const;
  // Runs the lanes; with a region, what it gives are their parameters.
  bool run(std::size_t thread, std::uint64_t first_index, std::size_t count, std::uint64_t seed,
           std::vector<double>& given, std::shared_ptr<const Parameters>& known) const;
  static std::shared_ptr<const Parameters> find_parameters(const ModelCall& call, int lane);
  void leave_out_not_finite(Part& part) const;
  void leave_out_violations(ModelCall& check, Part& part) const;
  static void keep(Part& part, const std::vector<std::size_t>& kept);

  std::shared_ptr<const CompiledModel> model_;
  SimulatorOptions options_;
  DataBatch design_;
  std::vector<std::unique_ptr<ModelCall>> calls_;     // one per thread
  std::vector<std::unique_ptr<RegionDraws>> regions_; // likewise, or none
  std::vector<std::unique_ptr<ModelCall>> checks_;    // likewise, or none
};

} // namespace sibyl
