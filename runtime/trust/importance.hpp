// Pareto-smoothed importance sampling: draws of an approximation q are weighted to stand for the target p, and the
// shape k-hat of the weights' upper tail says whether they can.
//
// Vehtari, Simpson, Gelman, Yao and Gabry 2024, "Pareto smoothed importance sampling", JMLR 25(72); the tail's fit is
// the one of Zhang and Stephens 2009, "A new and efficient estimation method for the generalized Pareto distribution",
// Technometrics 51(3), with the former's weakly informative prior.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sibyl {

// Above this k-hat neither the weights nor what is computed with them can be trusted, however many draws there are.
inline constexpr double largest_good_k_hat = 0.7;
// With fewer draws k-hat itself has no such meaning.
inline constexpr std::size_t least_weighted_draws = 2200;
// What is good of so many draws (section 3.2.4 of the paper).
double largest_good_k_hat_of(std::size_t draws);

// A generalized Pareto distribution of what exceeds a threshold: k > 0 has a heavy tail with 1 / k finite moments.
struct ParetoTail {
  double k = 0, sigma = 0;
};

// `exceedances`: positive, in increasing order, at least five.
ParetoTail fit_pareto_tail(std::span<const double> exceedances);

struct ImportanceWeights {
  double k_hat = 0; // infinite where there are too few weights to tell
  // Their logarithms, smoothed, of weights that sum to one; minus infinity where a draw has none.
  std::vector<double> log_weights;
  double effective_size = 0; // of the weighted draws: 1 / the sum of squared weights
  double log_mean = 0;       // of the ratios p / q: an estimate of the logarithm of the integral of p
  double log_mean_error = 0; // its standard error
  std::size_t without = 0;   // draws without a finite ratio: their weight is zero

  bool are_good() const { return k_hat <= largest_good_k_hat_of(log_weights.size()); }
};

// The logarithm of the sum of what these are the logarithms of; minus infinity of none.
double log_sum_exp(std::span<const double> logs);

// `log_ratios`: log p - log q at independent draws of q. Those that are not finite have the weight zero.
ImportanceWeights smooth_importance_weights(std::span<const double> log_ratios);

// `count` draws with probabilities proportional to the weights, by number, as evenly as can be (systematic resampling:
// a draw of weight w is taken count * w times, rounded up or down), in random order.
std::vector<std::size_t> resample(const ImportanceWeights& weights, std::size_t count, std::uint64_t seed);

} // namespace sibyl
