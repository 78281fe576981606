#include "runtime/trust/loo.hpp"

#include "runtime/trust/importance.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace sibyl {

namespace {

double log_weighted_sum(std::span<const double> log_weights, std::span<const double> logs) {
  std::vector<double> terms(logs.size());
  std::transform(log_weights.begin(), log_weights.end(), logs.begin(), terms.begin(), std::plus<>());
  return log_sum_exp(terms);
}

double standard_error_of_sum(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  double mean = 0, squares = 0;
  for (const double one : values) mean += one / n;
  for (const double one : values) squares += (one - mean) * (one - mean);
  return std::sqrt(n * squares / (n - 1));
}

} // namespace

Loo leave_one_out(std::span<const double> log_likelihood, std::size_t points, std::span<const double> log_ratios) {
  const std::size_t draws = points == 0 ? 0 : log_likelihood.size() / points;
  Loo result;
  result.largest_good = largest_good_k_hat_of(draws);
  std::vector<double> base(draws, -std::log(static_cast<double>(draws)));
  if (!log_ratios.empty()) base = smooth_importance_weights(log_ratios).log_weights;
  std::vector<double> ratios(draws), likelihood(draws);
  // What each draw adds to the sum's error: the points' errors are those of the same draws.
  std::vector<double> influence(draws, 0.0);
  for (std::size_t i = 0; i < points; ++i) {
    for (std::size_t s = 0; s < draws; ++s) {
      likelihood[s] = log_likelihood[s * points + i];
      ratios[s] = (log_ratios.empty() ? 0 : log_ratios[s]) - likelihood[s];
    }
    const ImportanceWeights weights = smooth_importance_weights(ratios);
    const double elpd = log_weighted_sum(weights.log_weights, likelihood);
    result.elpd.push_back(elpd);
    result.p_loo.push_back(log_weighted_sum(base, likelihood) - elpd);
    result.k_hat.push_back(weights.k_hat);
    result.total += elpd;
    result.effective_parameters += result.p_loo.back();
    result.bad += !(weights.k_hat <= result.largest_good);
    // Of the logarithm of a weighted mean, by the delta method; draws are taken as independent.
    for (std::size_t s = 0; s < draws; ++s)
      if (std::isfinite(weights.log_weights[s]))
        influence[s] += std::exp(weights.log_weights[s]) * std::expm1(likelihood[s] - elpd);
  }
  result.error = standard_error_of_sum(result.elpd);
  double variance = 0;
  for (const double one : influence) variance += one * one;
  result.monte_carlo_error = std::sqrt(variance);
  return result;
}

LooDifference compare(const Loo& a, const Loo& b) {
  std::vector<double> differences;
  LooDifference result;
  for (std::size_t i = 0; i < a.elpd.size(); ++i) {
    differences.push_back(a.elpd[i] - b.elpd[i]);
    result.difference += differences.back();
  }
  result.error = standard_error_of_sum(differences);
  return result;
}

} // namespace sibyl
