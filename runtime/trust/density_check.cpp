#include "runtime/trust/density_check.hpp"

#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

constexpr double tolerated_shift = 0.2, tolerated_ratio = 1.2;
// Weighted draws that stand for fewer say too little about the draws.
constexpr double least_effective_size = 100;

struct Moments {
  double mean = 0, sd = 0;
};

template <typename Weight>
Moments moments(const Draws& draws, std::size_t column, const Weight& weight) {
  double total = 0, mean = 0, square = 0;
  for (std::size_t row = 0; row < draws.row_count; ++row)
    if (const double w = weight(row); w > 0 && !std::isnan(draws.at(row, column))) {
      total += w;
      mean += w * draws.at(row, column);
    }
  mean /= total;
  for (std::size_t row = 0; row < draws.row_count; ++row)
    if (const double w = weight(row); w > 0 && !std::isnan(draws.at(row, column)))
      square += w * std::pow(draws.at(row, column) - mean, 2);
  return {mean, std::sqrt(square / total)};
}

} // namespace

double Disagreement::size() const {
  const double of_mean = std::abs(shift) / tolerated_shift;
  const double of_sd = std::abs(std::log(sd_ratio)) / std::log(tolerated_ratio);
  // What is no number is as far off as can be.
  return std::isnan(of_mean) || std::isnan(of_sd) ? std::numeric_limits<double>::infinity() : std::max(of_mean, of_sd);
}

Disagreement largest_disagreement(const Draws& draws, std::size_t parameter_columns, const Draws& weighted,
                                  const ImportanceWeights& weights) {
  std::vector<double> weight(weighted.row_count);
  for (std::size_t row = 0; row < weighted.row_count; ++row) weight[row] = std::exp(weights.log_weights[row]);
  Disagreement largest;
  for (std::size_t column = 0; column < parameter_columns; ++column) {
    const Moments drawn = moments(draws, column, [](std::size_t) { return 1.0; });
    const Moments exact = moments(weighted, column, [&](std::size_t row) { return weight[row]; });
    if (drawn.sd == 0 && exact.sd == 0) continue; // an element that is a constant: a Cholesky factor's zeros
    const Disagreement one{draws.columns[column], (drawn.mean - exact.mean) / exact.sd, drawn.sd / exact.sd};
    if (largest.parameter.empty() || one.size() > largest.size()) largest = one;
  }
  return largest;
}

std::string HeavyTail::text() const {
  return fmt::format("the sd of {} is not known, its tail is too heavy (k-hat {})", parameter,
                     fixed_beside(k_hat, 2, largest_good));
}

HeavyTail heaviest_tail(const Draws& draws, std::size_t parameter_columns, std::span<const double> log_weights) {
  HeavyTail heaviest;
  std::vector<double> log_squares(draws.row_count);
  const auto weight = [&](std::size_t row) { return log_weights.empty() ? 1.0 : std::exp(log_weights[row]); };
  for (std::size_t column = 0; column < parameter_columns; ++column) {
    const double mean = moments(draws, column, weight).mean;
    for (std::size_t row = 0; row < draws.row_count; ++row)
      log_squares[row] =
          (log_weights.empty() ? 0.0 : log_weights[row]) + 2 * std::log(std::abs(draws.at(row, column) - mean));
    const ImportanceWeights squares = smooth_importance_weights(log_squares);
    if (std::isfinite(squares.k_hat) && (heaviest.parameter.empty() || squares.k_hat > heaviest.k_hat))
      heaviest = {draws.columns[column], squares.k_hat};
  }
  return heaviest;
}

std::optional<HeavyTail> find_heavy_tail(const Draws& draws, std::size_t parameter_columns,
                                         std::span<const double> log_weights) {
  HeavyTail heaviest = heaviest_tail(draws, parameter_columns, log_weights);
  if (!(heaviest.k_hat > HeavyTail::largest_good)) return std::nullopt;
  return heaviest;
}

bool DensityCheck::is_good() const { return complaint().empty(); }

std::string DensityCheck::complaint() const {
  if (!missed.empty()) return "the draws miss " + missed;
  const double good_k_hat = largest_good_k_hat_of(draws);
  if (!(k_hat <= good_k_hat))
    return std::isinf(k_hat) ? "k-hat infinite" : "k-hat " + fixed_beside(k_hat, 2, good_k_hat);
  if (effective_size < least_effective_size)
    return "effective sample size " + fixed_beside(effective_size, 0, least_effective_size);
  if (disagreement.size() <= 1) return heavy_tail ? heavy_tail->text() : in_training;
  const Disagreement& d = disagreement;
  if (std::abs(d.shift) / tolerated_shift >= std::abs(std::log(d.sd_ratio)) / std::log(tolerated_ratio))
    return fmt::format("the mean of {} is {} sd off", d.parameter,
                       significant_beside(std::abs(d.shift), 2, tolerated_shift));
  const bool is_wide = d.sd_ratio > 1;
  return fmt::format("the sd of {} is {} {} the exact one", d.parameter,
                     significant_beside(d.sd_ratio, 2, is_wide ? tolerated_ratio : 1 / tolerated_ratio),
                     is_wide ? "times" : "of");
}

} // namespace sibyl
