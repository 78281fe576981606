// Whether many short chains agree: nested R-hat (Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari, Gelman 2024,
// "Nested R-hat: assessing the convergence of Markov chain Monte Carlo when running many short chains", Bayesian
// Analysis, eq. 5-7).
//
// Chains come in groups (superchains) that start at the same point. As long as chains remember where they started, the
// groups' means differ by more than the chains' own variance explains.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

// `values`: [step][chain] of one quantity, after warm-up; chain c is in group c / chains_in_group. Infinite where
// values are not finite, or all the same in a way that differs between chains; one where nothing varies at all.
double nested_r_hat(std::span<const double> values, std::size_t chain_count, std::size_t chains_in_group);

// The values' ranks (the mean rank for ties) as normal scores (Blom 1958; Vehtari et al. 2021, eq. 14): R-hat is then
// for quantities without moments too.
std::vector<double> normal_scores(std::span<const double> values);

} // namespace sibyl
