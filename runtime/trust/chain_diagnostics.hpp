// Whether Markov chains have mixed, and how much their draws are worth: rank-normalized split R-hat, effective sample
// sizes of the bulk and the tails, Monte Carlo standard errors (Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021,
// "Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 16), and E-BFMI (Betancourt
// 2016, "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo").
//
// Values are [chain][draw], all chains of one length; a chain is split into halves (the middle one of an odd number of
// draws is left out). Where nothing can be estimated (fewer than four draws in a chain, a value that is not finite, or
// values that are all the same) the result is NaN.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

// Above this R-hat chains have not mixed; below this many effective draws for each chain, R-hat and errors themselves
// cannot be relied on (Vehtari et al. 2021, section 4).
inline constexpr double largest_good_rhat = 1.01;
inline constexpr double least_ess_per_chain = 100;
// Below this E-BFMI the momenta explore the energies too slowly (Betancourt 2016, and CmdStan's `diagnose`).
inline constexpr double least_good_ebfmi = 0.3;

// The larger of the split R-hats of the rank-normalized values and of their rank-normalized distances from the median.
double rhat(std::span<const double> values, std::size_t chains);

// Of the mean of the values as they are.
double mean_ess(std::span<const double> values, std::size_t chains);
// Of the rank-normalized values: how well the chains mix in the middle.
double bulk_ess(std::span<const double> values, std::size_t chains);
// The smaller of those of the 5% and the 95% quantile.
double tail_ess(std::span<const double> values, std::size_t chains);

// The standard error of the mean as an estimate of the expectation: sd / sqrt(mean_ess).
double mean_error(std::span<const double> values, std::size_t chains);

// sum (E_i - E_{i-1})^2 / sum (E_i - mean)^2 over the energies of one chain.
double ebfmi(std::span<const double> energies);

struct ChainSummary {
  double mean = 0, mean_error = 0, sd = 0, q5 = 0, median = 0, q95 = 0;
  double rhat = 0, bulk_ess = 0, tail_ess = 0;
};

ChainSummary summarize_chains(std::span<const double> values, std::size_t chains);

} // namespace sibyl
