#include "runtime/inference/calibration.hpp"

#include "runtime/inference/parallel.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

// The 99% point of Kolmogorov's distribution: times 1 / sqrt(n), the half width of a simultaneous band of the ECDF.
constexpr double kolmogorov_99 = 1.6276;

SimulatedBatch simulate_fresh(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup,
                              std::uint64_t first, std::size_t count, std::uint64_t seed, int threads) {
  SimulatorOptions options;
  options.threads = threads;
  options.design = setup.design;
  options.keep_all = true;
  Simulator simulator(model, options);
  SimulatedBatch batch = simulator.simulate(first, count, seed);
  drop_values(model->facts(), batch.data, batch.indices, setup.missing_share, seed);
  return batch;
}

// What the draws of one data set say about one parameter's truth.
struct Comparison {
  double truth, median, variance, rank; // rank: share of the draws below
  bool covered;
};

ParameterCalibration judge(const std::string& name, std::vector<Comparison> comparisons, double band) {
  ParameterCalibration result;
  result.name = name;
  const double n = static_cast<double>(comparisons.size());
  double truth = 0, estimate = 0;
  for (const Comparison& c : comparisons) {
    truth += c.truth / n;
    estimate += c.median / n;
    result.coverage_90 += c.covered / n;
  }
  double truth_squares = 0, estimate_squares = 0, products = 0;
  for (const Comparison& c : comparisons) {
    truth_squares += (c.truth - truth) * (c.truth - truth);
    estimate_squares += (c.median - estimate) * (c.median - estimate);
    products += (c.truth - truth) * (c.median - estimate);
  }
  result.recovery = products / std::sqrt(truth_squares * estimate_squares);
  std::vector<double> variances;
  for (const Comparison& c : comparisons)
    variances.push_back(std::isnan(c.variance) ? std::numeric_limits<double>::infinity() : c.variance);
  const auto middle = variances.begin() + static_cast<std::ptrdiff_t>(variances.size() / 2);
  std::nth_element(variances.begin(), middle, variances.end());
  result.contraction = 1 - *middle / (truth_squares / n);
  std::sort(comparisons.begin(), comparisons.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const double below = static_cast<double>(i) / n, above = static_cast<double>(i + 1) / n;
    result.calibration_error =
        std::max({result.calibration_error, above - comparisons[i].rank, comparisons[i].rank - below});
  }
  result.inside_band = result.calibration_error <= band;
  return result;
}

} // namespace

Calibration calibrate(std::shared_ptr<const CompiledModel> model, const PosteriorSampler& sampler,
                      const CalibrationOptions& options) {
  const InferenceSetup& setup = sampler.setup();
  const Facts& facts = model->facts();
  const SimulatedBatch simulated =
      simulate_fresh(model, setup, first_calibration_index, options.simulations, options.seed, options.threads);
  const std::size_t count = simulated.data.count, parameters = setup.parameter_names.size(), n = setup.parameter_count;

  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < count; ++i) sets.push_back(extract(facts, simulated.data, i));
  SampleOptions sample_options;
  sample_options.draws = options.draws;
  sample_options.seed = options.seed;
  sample_options.outputs = Outputs::parameters;
  sample_options.threads = options.threads;

  std::vector<std::vector<Comparison>> comparisons(parameters);
  // In parts, so that the draws of all data sets are never in memory together.
  constexpr std::size_t part = 250;
  const DataBatch complete = complete_for_transform(facts, simulated.data);
  ParameterTransform transform(model);
  for (std::size_t first = 0; first < count; first += part) {
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

  Calibration result;
  result.simulations = count;
  result.draws = options.draws;
  result.band = kolmogorov_99 / std::sqrt(static_cast<double>(count)) + 0.5 / static_cast<double>(options.draws + 1);
  for (std::size_t p = 0; p < parameters; ++p)
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

std::string describe(const Calibration& calibration) {
  std::string text =
      fmt::format("on {} fresh simulations, {} draws each:\n"
                  "mean log posterior density of the true parameters: {:.4f} (standard error {:.4f})\n",
                  calibration.simulations, calibration.draws, calibration.log_density, calibration.log_density_error);
  std::size_t width = 9;
  for (const ParameterCalibration& p : calibration.parameters) width = std::max(width, p.name.size());
  text += fmt::format("{:<{}}  {:>17}  {:>8}  {:>11}  {:>12}\n", "parameter", width, "calibration error", "recovery",
                      "contraction", "90% coverage");
  for (const ParameterCalibration& p : calibration.parameters)
    text += fmt::format("{:<{}}  {:>17}  {:>8.3f}  {:>11.3f}  {:>12.3f}\n", p.name, width,
                        fmt::format("{:.3f}{}", p.calibration_error, p.inside_band ? " " : "*"), p.recovery,
                        p.contraction, p.coverage_90);
  text += fmt::format("calibration error: of the ranks' ECDF; * outside of the 99% band ({:.3f})\n", calibration.band);
  return text;
}

void to_json(nlohmann::json& json, const Calibration& calibration) {
  const auto finite = [](double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); };
  json = {{"simulations", calibration.simulations},
          {"draws", calibration.draws},
          {"log_density", finite(calibration.log_density)},
          {"log_density_standard_error", finite(calibration.log_density_error)},
          {"band", calibration.band}};
  json["parameters"] = nlohmann::json::array();
  for (const ParameterCalibration& p : calibration.parameters)
    json["parameters"].push_back({{"name", p.name},
                                  {"calibration_error", p.calibration_error},
                                  {"inside_band", p.inside_band},
                                  {"recovery", finite(p.recovery)},
                                  {"contraction", finite(p.contraction)},
                                  {"coverage_90", p.coverage_90}});
}

} // namespace sibyl
