#include "runtime/criticism/typical_scores.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

constexpr double tail_share = 0.1;
constexpr std::size_t least_exceedances = 5;
// Tails that end, or nearly do, would make a score just beyond their end count for everything.
constexpr double least_shape = 0.05;

std::size_t count_from(const std::vector<double>& sorted, double value) {
  return static_cast<std::size_t>(sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), value));
}

} // namespace

TypicalScores::TypicalScores(std::span<const double> scores, std::size_t score_count) {
  const std::size_t count = score_count == 0 ? 0 : scores.size() / score_count, half = count / 2;
  if (count < 20) throw InternalError("too few simulated data sets to tell what is typical");
  for (std::size_t s = 0; s < score_count; ++s) {
    std::vector<double> first, both;
    for (std::size_t i = 0; i < count; ++i) {
      if (i < half) first.push_back(scores[i * score_count + s]);
      both.push_back(scores[i * score_count + s]);
    }
    std::sort(first.begin(), first.end());
    std::sort(both.begin(), both.end());
    const std::size_t in_tail =
        std::max(least_exceedances, static_cast<std::size_t>(tail_share * static_cast<double>(half)));
    const double threshold = first[half - in_tail - 1];
    std::vector<double> exceedances;
    for (const double one : first)
      if (one > threshold) exceedances.push_back(one - threshold);
    ParetoTail tail;
    if (exceedances.size() >= least_exceedances) tail = fit_pareto_tail(exceedances);
    if (!std::isfinite(tail.k) || !std::isfinite(tail.sigma)) tail = {};
    tail.k = std::max(tail.k, least_shape);
    tails_.push_back(tail);
    sorted_.push_back(std::move(first));
    all_.push_back(std::move(both));
  }
  for (std::size_t i = half; i < count; ++i) {
    double largest = 0;
    for (std::size_t s = 0; s < score_count; ++s) largest = std::max(largest, surprise(s, scores[i * score_count + s]));
    largest_.push_back(largest);
  }
  std::sort(largest_.begin(), largest_.end());
}

double TypicalScores::surprise(std::size_t score, double value) const {
  const std::vector<double>& sorted = sorted_[score];
  const std::size_t half = sorted.size();
  const std::size_t in_tail =
      std::max(least_exceedances, static_cast<std::size_t>(tail_share * static_cast<double>(half)));
  const double threshold = sorted[half - in_tail - 1];
  const auto total = static_cast<double>(half + 1);
  const ParetoTail& tail = tails_[score];
  if (value <= threshold || !(tail.sigma > 0))
    return -std::log((static_cast<double>(count_from(sorted, value)) + 1) / total);
  return -std::log(static_cast<double>(in_tail + 1) / total) +
         std::log1p(tail.k * (value - threshold) / tail.sigma) / tail.k;
}

double TypicalScores::value_beyond(std::size_t score, double share) const {
  const std::vector<double>& sorted = all_[score];
  const auto beyond = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[sorted.size() - std::clamp<std::size_t>(beyond, 1, sorted.size())];
}

TypicalScores::Place TypicalScores::place(std::span<const double> scores) const {
  Place result;
  double largest = -1;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    const double one = surprise(s, scores[s]);
    if (one > largest) largest = one, result.worst = s;
    result.p_values.push_back((static_cast<double>(count_from(all_[s], scores[s])) + 1) /
                              static_cast<double>(all_[s].size() + 1));
  }
  result.p_value = (static_cast<double>(count_from(largest_, largest)) + 1) / static_cast<double>(largest_.size() + 1);
  return result;
}

} // namespace sibyl
