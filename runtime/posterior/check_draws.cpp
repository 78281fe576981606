#include "runtime/posterior/check_draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace sibyl {

namespace {

// At so many draws it is looked at whether the priors' mass depends on the parameters.
constexpr std::size_t compared_points = 16;

// The logarithm of the integral of the density's prior, or why it is not known.
struct PriorMass {
  double log_mass = 0;
  std::string unknown;
};

PriorMass find_prior_mass(ParameterTransform& transform, std::span<const double> unconstrained,
                          const ImportanceWeights& weights) {
  const std::size_t n = transform.unconstrained_count();
  std::vector<double> points;
  for (std::size_t i = 0; i < weights.log_weights.size() && points.size() < compared_points * n; ++i)
    if (std::isfinite(weights.log_weights[i]))
      points.insert(points.end(), unconstrained.begin() + static_cast<std::ptrdiff_t>(i * n),
                    unconstrained.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
  const auto masses = transform.log_prior_mass(points);
  if (!masses) return {0, "the text cannot be simulated, so its prior may not be normalized"};
  double least = std::numeric_limits<double>::infinity(), largest = -least;
  for (const double mass : *masses) {
    if (!std::isfinite(mass)) return {0, "the mass of a prior within its bounds is not known"};
    least = std::min(least, mass);
    largest = std::max(largest, mass);
  }
  if (!(largest - least < 1e-9 * (1 + std::abs(largest))))
    return {0, "the mass of a prior within its bounds depends on parameters, and Stan's density does not divide by it"};
  return {largest, ""};
}

void note_tail(const HeavyTail& tail, DensityCheck& check) {
  check.tail_k_hat = tail.k_hat;
  if (tail.k_hat > HeavyTail::largest_good) check.heavy_tail = tail;
}

} // namespace

std::vector<double> log_ratios(TargetDensity& target, std::span<const double> unconstrained,
                               std::span<const double> log_density) {
  std::vector<double> result(log_density.size());
  target.evaluate(unconstrained, result);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] -= log_density[i];
  return result;
}

DensityCheck check_draws(ParameterTransform& transform, std::span<const double> unconstrained,
                         const ImportanceWeights& weights, const Draws& shown, bool compares_shown) {
  DensityCheck check;
  check.draws = weights.log_weights.size();
  check.without = weights.without;
  check.k_hat = weights.k_hat;
  check.effective_size = weights.effective_size;
  if (!weights.are_good()) {
    check.no_evidence = "k-hat is too large";
    return check;
  }
  const std::size_t columns = transform.layout(Outputs::parameters).columns.size();
  if (shown.row_count == check.draws) {
    check.disagreement = largest_disagreement(shown, columns, shown, weights);
    note_tail(heaviest_tail(shown, columns, weights.log_weights), check);
  } else {
    LeftOut failed;
    const Draws all = transform.constrain(unconstrained, Outputs::parameters, 0, 0, &failed);
    check.disagreement =
        largest_disagreement(compares_shown && shown.row_count >= check.draws ? shown : all, columns, all, weights);
    note_tail(heaviest_tail(all, columns, weights.log_weights), check);
  }
  const PriorMass prior = find_prior_mass(transform, unconstrained, weights);
  check.no_evidence = prior.unknown;
  if (!prior.unknown.empty()) return check;
  check.log_evidence = weights.log_mean - prior.log_mass;
  check.log_evidence_error = weights.log_mean_error;
  return check;
}

} // namespace sibyl
