#include "runtime/training/calibrate.hpp"

#include "lang/errors.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/simulator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace sibyl {

namespace {

SimulatedBatch simulate_fresh(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup,
                              std::uint64_t first, std::size_t count, std::uint64_t seed, int threads,
                              const std::atomic<std::int32_t>* interrupted = nullptr) {
  SimulatorOptions options;
  options.interrupted = interrupted;
  options.threads = threads;
  options.design = setup.design;
  options.region = setup.region;
  options.keep_all = true;
  options.only_finite = true;
  Simulator simulator(model, options);
  SimulatedBatch batch = simulator.simulate(first, count, seed);
  if (batch.left_out.is_hopeless())
    throw RuntimeError("too few simulations are usable: " + batch.left_out.describe("simulations"));
  drop_values(model->facts(), batch.data, batch.indices, setup.missing_share, seed);
  return batch;
}

} // namespace

Calibration calibrate(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                      const CalibrationOptions& options) {
  const InferenceSetup& setup = sampler.setup();
  const Facts& facts = model->facts();
  const auto start = std::chrono::steady_clock::now();
  SimulatedBatch simulated =
      simulate_fresh(model, setup, first_calibration_index, options.simulations, options.seed, options.threads,
                     options.interrupts_before == 0 ? options.interrupted : nullptr);
  std::size_t count = simulated.data.count;
  const std::size_t parameters = setup.parameter_names.size(), n = setup.parameter_count;

  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(extract(facts, simulated.data, i));
  SampleOptions sample_options;
  sample_options.draws = options.draws;
  sample_options.seed = options.seed;
  sample_options.outputs = Outputs::parameters;
  sample_options.check_density = false;
  sample_options.threads = options.threads;

  std::vector<std::vector<Comparison>> comparisons(parameters);
  // In parts, so that the draws of all data sets are never in memory together.
  constexpr std::size_t part = 50;
  const DataBatch complete = complete_for_transform(facts, simulated.data);
  ParameterTransform transform(model);
  for (std::size_t first = 0; first < count; first += part) {
    if (options.interrupted && *options.interrupted > options.interrupts_before) throw RuntimeError("interrupted");
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (options.seconds > 0 && taken.count() > options.seconds && first >= options.fewest) {
      count = first;
      break;
    }
    const std::size_t end = std::min(count, first + part);
    const std::vector<Posterior> posteriors =
        sampler.sample(std::span(sets).subspan(first, end - first), sample_options);
    for (std::size_t i = first; i < end; ++i) {
      transform.bind(complete, i);
      const Draws truth =
          transform.constrain(std::span(simulated.unconstrained).subspan(i * n, n), Outputs::parameters);
      const Draws& draws = posteriors[i - first].draws;
      const std::vector<ColumnSummary> summaries = summarize(draws);
      for (std::size_t p = 0; p < parameters; ++p) {
        const double value = truth.at(0, p);
        std::size_t below = 0;
        for (std::size_t row = 0; row < draws.row_count; ++row) below += draws.at(row, p) < value;
        const ColumnSummary& s = summaries[p];
        // The middle of the truth's place among the draws, so that ranks are symmetric.
        const double rank = (static_cast<double>(below) + 0.5) / static_cast<double>(draws.row_count + 1);
        comparisons[p].push_back({value, s.median, s.sd * s.sd, rank, value >= s.q5 && value <= s.q95});
      }
    }
  }

  std::vector<std::size_t> judged(count);
  std::iota(judged.begin(), judged.end(), 0);
  keep_data_sets(simulated.data, judged);
  simulated.unconstrained.resize(count * n);
  Calibration result;
  result.simulations = count;
  result.left_out = simulated.left_out;
  result.draws = options.draws;
  result.band = calibration_band(count, options.draws);
  for (std::size_t p = 0; p < parameters; ++p)
    if (varies(comparisons[p]))
      result.parameters.push_back(judge(setup.parameter_names[p], std::move(comparisons[p]), result.band));
  const std::vector<double> densities = sampler.density_at(simulated.data, simulated.unconstrained);
  double squares = 0;
  for (const double density : densities) result.log_density += density / static_cast<double>(count);
  for (const double density : densities) squares += (density - result.log_density) * (density - result.log_density);
  result.log_density_error = std::sqrt(squares) / static_cast<double>(count);
  return result;
}

TypicalSet measure_typical_set(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                               std::size_t simulations, std::uint64_t seed, int threads) {
  // Behind the calibration's own data sets.
  constexpr std::uint64_t first = first_calibration_index + (std::uint64_t{1} << 40);
  const SimulatedBatch simulated = simulate_fresh(model, sampler.setup(), first, simulations, seed, threads);
  const std::vector<float> summaries = sampler.summarize(simulated.data);
  return TypicalSet(summaries, summaries.size() / simulated.data.count);
}

} // namespace sibyl
