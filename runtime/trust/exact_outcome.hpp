// How draws of the model's own posterior were made, and whether that succeeded.
#pragma once

#include "runtime/trust/density_check.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace sibyl {

enum class ExactMethod { none, importance_sampling, hmc };

// Chains go on until nested R-hat is below 1.01; at the end of their budget so much still passes.
inline constexpr double largest_good_r_hat = 1.05;
// Of trajectories: where more lose their energy, a part of the posterior is too narrow for the chains to enter.
inline constexpr double most_divergent = 0.01;

struct ExactOutcome {
  ExactMethod method = ExactMethod::none;
  bool is_exact = false;
  double k_hat = 0;      // of the amortized draws
  std::size_t modes = 0;     // around which more was drawn
  bool has_profiles = false; // whether more was drawn along each parameter
  double r_hat = 0;      // nested, where chains ran, whatever the method then was
  std::size_t steps = 0; // of the chains, after warm-up
  double divergent = 0;  // share of their trajectories
  double seconds = 0;    // what chains may take
  bool is_out_of_time = false;              // whether they took that
  std::size_t densities = 0, gradients = 0; // evaluated, of what was tried
  std::optional<std::size_t> rounded;  // a parameter of which the chains' states differ by rounding alone
  std::string rounded_name;            // as the user knows it
  std::string reason;                  // where there was no method: why not
  std::optional<HeavyTail> heavy_tail; // of the draws

  // "exact: importance sampling, k-hat 0.31", "exact: HMC, nested R-hat 1.004, 64 steps", "NOT exact: nested R-hat 1.32
  // after 3000 steps of HMC"; and behind it the heavy tail, if any.
  std::string text() const;
};

} // namespace sibyl
