#include "runtime/trust/power_scaling.hpp"

#include "runtime/trust/importance.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sibyl {

namespace {

constexpr double close_to_one = 1.01; // and its inverse

std::vector<double> to_weights(const std::vector<double>& logs) {
  std::vector<double> result;
  for (const double one : logs) result.push_back(std::exp(one));
  return result;
}

struct Reweighted {
  std::vector<double> weights;
  double k_hat = 0;
};

Reweighted reweight(std::span<const double> component, std::span<const double> log_ratios, double power) {
  std::vector<double> ratios(component.size());
  for (std::size_t i = 0; i < ratios.size(); ++i)
    ratios[i] = (power - 1) * component[i] + (log_ratios.empty() ? 0 : log_ratios[i]);
  const ImportanceWeights weights = smooth_importance_weights(ratios);
  return {to_weights(weights.log_weights), weights.k_hat};
}

PowerScaled summarize(std::span<const double> values, const Reweighted& by) {
  PowerScaled result{0, 0, by.k_hat};
  for (std::size_t i = 0; i < values.size(); ++i) result.mean += by.weights[i] * values[i];
  for (std::size_t i = 0; i < values.size(); ++i)
    result.sd += by.weights[i] * (values[i] - result.mean) * (values[i] - result.mean);
  result.sd = std::sqrt(result.sd);
  return result;
}

// Of sorted values; `sign` minus one: of their negatives.
double distance_of_sorted(std::span<const double> values, std::span<const double> first,
                          std::span<const double> second) {
  double p = 0, q = 0, integral_p = 0, integral_q = 0, of_p = 0, of_q = 0;
  const auto term = [](double a, double b) { return a > 0 ? a * std::log2(a / (0.5 * a + 0.5 * b)) : 0; };
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    p += first[i];
    q += second[i];
    const double width = values[i + 1] - values[i];
    integral_p += p * width;
    integral_q += q * width;
    of_p += term(p, q) * width;
    of_q += term(q, p) * width;
  }
  const double bound = integral_p + integral_q;
  if (!(bound > 0)) return 0;
  const double constant = 0.5 / std::log(2.0) * (integral_q - integral_p);
  return std::sqrt(std::max(0.0, (of_p + constant + of_q - constant) / bound));
}

} // namespace

double cumulative_jensen_shannon(std::span<const double> values, std::span<const double> first,
                                 std::span<const double> second) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> sorted, p, q;
  for (const std::size_t i : order) sorted.push_back(values[i]), p.push_back(first[i]), q.push_back(second[i]);
  const double forward = distance_of_sorted(sorted, p, q);
  std::reverse(sorted.begin(), sorted.end());
  std::reverse(p.begin(), p.end());
  std::reverse(q.begin(), q.end());
  for (double& one : sorted) one = -one;
  return std::max(forward, distance_of_sorted(sorted, p, q));
}

PowerScaled power_scaled(std::span<const double> values, std::span<const double> component,
                         std::span<const double> log_ratios, double power) {
  return summarize(values, reweight(component, log_ratios, power));
}

PowerSensitivity power_sensitivity(std::span<const double> values, std::span<const double> component,
                                   std::span<const double> log_ratios) {
  const Reweighted base = reweight(component, log_ratios, 1);
  PowerSensitivity result;
  for (const double power : {close_to_one, 1 / close_to_one})
    result.distance += 0.5 *
                       cumulative_jensen_shannon(values, base.weights, reweight(component, log_ratios, power).weights) /
                       std::log2(close_to_one);
  result.weaker = summarize(values, reweight(component, log_ratios, weaker_power));
  result.stronger = summarize(values, reweight(component, log_ratios, stronger_power));
  return result;
}

std::string diagnose_sensitivity(const PowerSensitivity& prior, const PowerSensitivity& likelihood) {
  if (prior.is_sensitive() && likelihood.is_sensitive()) return "prior and data conflict";
  if (prior.is_sensitive()) return "the prior decides";
  return "-";
}

} // namespace sibyl
