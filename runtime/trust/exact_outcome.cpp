#include "runtime/trust/exact_outcome.hpp"

#include "runtime/trust/beside_limit.hpp"
#include "runtime/trust/importance.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

std::string ExactOutcome::text() const {
  if (method == ExactMethod::none) return "NOT exact: " + reason;
  if (method == ExactMethod::importance_sampling)
    return fmt::format("exact: importance sampling{}, k-hat {}",
                       modes == 0   ? ""
                       : modes == 1 ? " around the networks' draws and a mode"
                                    : fmt::format(" around the networks' draws and {} modes", modes),
                       fixed_beside(k_hat, 2, largest_good_k_hat));
  if (is_exact) return fmt::format("exact: HMC, nested R-hat {:.3f}, {} steps", r_hat, steps);
  if (std::isinf(r_hat) && steps == 0) return "NOT exact: the density is not finite at any draw";
  if (!(r_hat <= largest_good_r_hat))
    return fmt::format("NOT exact: nested R-hat {} after {} steps of HMC", fixed_beside(r_hat, 2, largest_good_r_hat),
                       steps);
  return fmt::format("NOT exact: {}% of HMC's trajectories diverge",
                     fixed_beside(100 * divergent, 1, 100 * most_divergent));
}

} // namespace sibyl
