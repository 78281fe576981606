#include "runtime/trust/calibration.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

// The 99% point of Kolmogorov's distribution: times 1 / sqrt(n), the half width of a simultaneous band of the ECDF.
constexpr double kolmogorov_99 = 1.6276;

} // namespace

double calibration_band(std::size_t simulations, std::size_t draws) {
  return kolmogorov_99 / std::sqrt(static_cast<double>(simulations)) + 0.5 / static_cast<double>(draws + 1);
}

bool varies(const std::vector<Comparison>& comparisons) {
  constexpr double rounding = 1e-9;
  const auto [least, greatest] =
      std::minmax_element(comparisons.begin(), comparisons.end(),
                          [](const Comparison& a, const Comparison& b) { return a.truth < b.truth; });
  return greatest != comparisons.end() &&
         greatest->truth - least->truth > rounding * std::max(1.0, std::abs(greatest->truth));
}

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
  if (calibration.left_out.is_noteworthy()) text += calibration.left_out.describe("simulations") + "\n";
  return text;
}

void to_json(nlohmann::json& json, const Calibration& calibration) {
  const auto finite = [](double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); };
  json = {{"simulations", calibration.simulations},
          {"left_out_share", calibration.left_out.share()},
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
