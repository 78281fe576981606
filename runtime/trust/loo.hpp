// Leave-one-out by Pareto-smoothed importance sampling: how well a model predicts each point from all others, from
// draws of the posterior given all.
//
// Vehtari, Gelman and Gabry 2017, "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
// Statistics and Computing 27; Vehtari et al. 2024 (importance.hpp). Draws of an approximation take part with their own
// ratios p / q: the product with 1 / p(y_i | theta) is what is smoothed, and k-hat is that of both.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

struct Loo {
  // Of each point: log p(y_i | all others), its share of the effective number of parameters, its k-hat.
  std::vector<double> elpd, p_loo, k_hat;
  double total = 0, error = 0;  // the sum of elpd and its standard error, over points as a sample
  double monte_carlo_error = 0; // of the sum, from the number of draws
  double effective_parameters = 0;
  std::size_t bad = 0;       // points whose k-hat is too large for the number of draws
  double largest_good = 0.7; // min(1 - 1 / log10(draws), 0.7)
};

// `log_likelihood`: [draw][point]. `log_ratios`: log p - log q of each draw, up to a constant; empty: the draws are of
// the posterior itself.
Loo leave_one_out(std::span<const double> log_likelihood, std::size_t points, std::span<const double> log_ratios);

struct LooDifference {
  double difference = 0, error = 0; // of the elpd, paired by points
};
// a less b. Both have the same points.
LooDifference compare(const Loo& a, const Loo& b);

} // namespace sibyl
