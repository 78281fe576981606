#include "runtime/trust/exact_outcome.hpp"

#include "runtime/trust/beside_limit.hpp"
#include "runtime/trust/importance.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

namespace {

std::string in_words(const ExactOutcome& one) {
  if (one.method == ExactMethod::none) return "NOT exact: " + one.reason;
  if (one.method == ExactMethod::importance_sampling) {
    std::string around;
    if (one.modes > 0) around += one.modes == 1 ? " and a mode" : fmt::format(" and {} modes", one.modes);
    if (one.has_profiles) around += " and along each parameter";
    if (!around.empty()) around = " around the networks' draws" + around;
    return fmt::format("{}: importance sampling{}, k-hat {}", one.is_exact ? "exact" : "NOT exact", around,
                       fixed_beside(one.k_hat, 2, largest_good_k_hat));
  }
  if (one.rounded)
    return fmt::format("NOT exact: the density seems to have no bound: HMC's draws of {} differ by rounding alone",
                       one.rounded_name);
  if (one.is_exact) return fmt::format("exact: HMC, nested R-hat {:.3f}, {} steps", one.r_hat, one.steps);
  if (one.is_out_of_time && one.steps == 0)
    return fmt::format("NOT exact: {:.3g} s were too short for the warm-up of HMC", one.seconds);
  if (one.is_out_of_time)
    return fmt::format("NOT exact: nested R-hat {} after {} steps of HMC, for which there were {:.3g} s",
                       fixed_beside(one.r_hat, 2, largest_good_r_hat), one.steps, one.seconds);
  if (std::isinf(one.r_hat) && one.steps == 0) return "NOT exact: the density is not finite at any draw";
  if (!(one.r_hat <= largest_good_r_hat))
    return fmt::format("NOT exact: nested R-hat {} after {} steps of HMC",
                       fixed_beside(one.r_hat, 2, largest_good_r_hat), one.steps);
  return fmt::format("NOT exact: {}% of HMC's trajectories diverge",
                     fixed_beside(100 * one.divergent, 1, 100 * most_divergent));
}

} // namespace

std::string ExactOutcome::text() const {
  return in_words(*this) + (heavy_tail ? "; " + heavy_tail->text() : "");
}

} // namespace sibyl
