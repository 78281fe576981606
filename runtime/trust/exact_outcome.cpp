#include "runtime/trust/exact_outcome.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

std::string ExactOutcome::text() const {
  if (method == ExactMethod::none) return "NOT exact: " + reason;
  if (method == ExactMethod::importance_sampling) return fmt::format("exact: importance sampling, k-hat {:.2f}", k_hat);
  if (is_exact) return fmt::format("exact: HMC, nested R-hat {:.3f}, {} steps", r_hat, steps);
  if (std::isinf(r_hat) && steps == 0) return "NOT exact: the density is not finite at any draw";
  if (!(r_hat <= largest_good_r_hat))
    return fmt::format("NOT exact: nested R-hat {:.2f} after {} steps of HMC", r_hat, steps);
  return fmt::format("NOT exact: {:.1f}% of HMC's trajectories diverge", 100 * divergent);
}

} // namespace sibyl
