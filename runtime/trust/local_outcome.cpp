#include "runtime/trust/local_outcome.hpp"

#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

constexpr double tolerated_shift = 0.2, tolerated_ratio = 1.2;

double beyond(double value, double error) { return std::max(0.0, std::abs(value) - error); }

double size_of_shift(const LocalDifference& d) { return beyond(d.shift, d.shift_error) / tolerated_shift; }

double size_of_ratio(const LocalDifference& d) {
  return beyond(std::log(d.sd_ratio), d.ratio_error) / std::log(tolerated_ratio);
}

std::string in_words(const LocalDifference& d) {
  if (size_of_shift(d) >= size_of_ratio(d))
    return fmt::format("the mean of {} is {:.1g} sd off", d.parameter, std::abs(d.shift));
  return fmt::format("the sd of {} is {:.2g} times the posterior's", d.parameter, d.sd_ratio);
}

} // namespace

double LocalDifference::size() const { return std::max(size_of_shift(*this), size_of_ratio(*this)); }

bool LocalOutcome::is_good() const {
  return p_value >= unlikely || (difference.size() <= 1 && c2st <= largest_good_c2st);
}

std::string LocalOutcome::text() const {
  const std::string how =
      fmt::format("local classifier test on {} simulations{}: C2ST {}, p = {}", simulations,
                  is_near ? " near them" : "", fixed_beside(c2st, 2, largest_good_c2st),
                  significant_beside(p_value, 2, unlikely));
  if (!is_good())
    return difference.size() > 1 ? fmt::format("approximate: {} ({})", in_words(difference), how)
                                 : fmt::format("approximate: draws UNLIKE the posterior's ({})", how);
  if (p_value < unlikely) return fmt::format("draws close to the posterior's ({})", how);
  return fmt::format("draws not told from the posterior's ({})", how);
}

double p_value_of_smallest(double smallest, std::size_t count) {
  return -std::expm1(static_cast<double>(count) * std::log1p(-std::min(smallest, 1.0)));
}

LocalOutcome join(const LocalOutcome& a, const LocalOutcome& b) {
  LocalOutcome outcomes[2] = {a, b};
  for (LocalOutcome& one : outcomes) one.p_value = p_value_of_smallest(one.p_value, 2);
  const bool is_second = outcomes[0].is_good() == outcomes[1].is_good() ? outcomes[1].p_value < outcomes[0].p_value
                                                                       : outcomes[0].is_good();
  return outcomes[is_second ? 1 : 0];
}

} // namespace sibyl
