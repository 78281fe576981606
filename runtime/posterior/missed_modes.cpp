#include "runtime/posterior/missed_modes.hpp"

#include "runtime/posterior/check_draws.hpp"
#include "runtime/posterior/profiles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

namespace sibyl {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Newton's method starts where p / q is so much above its mean over q's draws.
const double suspicious_ratio = std::log(10.0);
// A mode joins where p / q at its top is so much above its mean, and it seems to hold so much of the posterior.
const double missed_ratio = std::log(5.0);
constexpr double least_share = 0.005, most_modes = 8;
constexpr std::size_t most_starts = 16, least_neighbours = 4;
// Where the approximation's weights are bad, Newton's method starts from so many of its draws, too. In more dimensions
// draws around modes do no better.
constexpr std::size_t own_starts = 8, most_dimensions = 20;
// Of weights without a finite variance, nearly: a rare part of the posterior may be missing, to which a skewed
// parameter owes its sd.
constexpr double doubtful_k_hat = 0.4;
// Less is not worth a word, nor what a few standard errors of the evidence explain.
constexpr double negligible_share = 0.01, standard_errors = 4;
// Of the effective sample size, that a mixture must keep to be taken whatever the modes hold.
constexpr double least_kept = 0.5;
// Of the draws around modes, an even number: few where there are few parameters, whose posteriors may have tails as
// heavy as a Cauchy distribution's; more where heavy tails would throw most draws away.
int degrees_of_freedom_of(std::size_t dimension) { return dimension < 5 ? 2 : 4; }
// Of the mixture, what lies along the parameters; of each part at least so many draws, with tails of their own.
constexpr double profile_share = 0.4;
constexpr std::size_t least_of_part = 10;
constexpr int profile_freedom = 4;
// Where such a mixture's weights are worth less it is drawn again, up to so many times as large.
constexpr double least_effective = 400, most_more = 8;
// Of the mixture, that the approximation keeps whatever the modes seem to hold.
constexpr double least_own_share = 0.2;
// The mixture's draws beside the approximation's, and the fewest from a mode.
constexpr std::size_t mixture_factor = 2, least_of_mode = 50;

// The standard library's distributions are not the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); }

 private:
  std::mt19937_64 engine_;
};

// Whether none of the points that are nearest to one, in the prior's units, has a larger density: those are in valleys
// of their own (multi level single linkage; Rinnooy Kan and Timmer 1987, "Stochastic global optimization methods",
// Mathematical Programming 39).
bool is_highest_of_neighbours(std::size_t point, std::span<const double> z, std::span<const double> values,
                              std::size_t n) {
  std::vector<std::pair<double, double>> others; // square of the distance, density
  for (std::size_t other = 0; other < values.size(); ++other) {
    if (other == point) continue;
    double square = 0;
    for (std::size_t p = 0; p < n; ++p)
      square += (z[other * n + p] - z[point * n + p]) * (z[other * n + p] - z[point * n + p]);
    others.emplace_back(square, values[other]);
  }
  const auto end =
      others.begin() + static_cast<std::ptrdiff_t>(std::min(others.size(), std::max(least_neighbours, n + 1)));
  std::partial_sort(others.begin(), end, others.end());
  return std::all_of(others.begin(), end, [&](const auto& other) { return !(other.second > values[point]); });
}

// Of the suspicious points those that are the highest of their neighbours, the best first.
std::vector<double> choose_starts(const ModeSearch& search, std::span<const double> points, double log_mean) {
  const std::size_t n = search.target.dimension(), count = points.size() / n;
  std::vector<double> target(count);
  search.target.evaluate(points, target);
  const std::vector<double> own = search.log_density(points);
  std::vector<double> z(points.size());
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < count; ++i)
    if (std::isfinite(target[i]) && !(target[i] - own[i] <= log_mean + suspicious_ratio)) chosen.push_back(i);
  if (chosen.empty()) return {};
  const FrameBatch frame = search.prior.repeat(1);
  for (std::size_t i = 0; i < count; ++i) frame.to_frame(0, points.data() + i * n, z.data() + i * n);
  std::erase_if(chosen, [&](std::size_t i) { return !is_highest_of_neighbours(i, z, target, n); });
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) { return target[a] > target[b]; });
  chosen.resize(std::min(most_starts, chosen.size()));
  std::vector<double> starts;
  for (const std::size_t i : chosen)
    starts.insert(starts.end(), points.begin() + static_cast<std::ptrdiff_t>(i * n),
                  points.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
  return starts;
}

double log_add(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
}

double log_t(const FrameBatch& modes, std::size_t mode, double freedom, const double* point, std::vector<double>& z) {
  const auto n = static_cast<double>(modes.dimension);
  modes.to_frame(mode, point, z.data());
  double square = 0;
  for (const double one : z) square += one * one;
  return std::lgamma((freedom + n) / 2) - std::lgamma(freedom / 2) - n / 2 * std::log(freedom * std::numbers::pi) +
         modes.log_determinant[mode] - (freedom + n) / 2 * std::log1p(square / freedom);
}

// The modes that the approximation misses, and the share that each seems to hold.
struct Found {
  std::vector<std::size_t> modes; // numbers in the batch, the largest first
  std::vector<double> shares;
  bool is_any_missed = false; // not only one that the approximation reaches
};

Found select(const ModeSearch& search, const FrameBatch& modes, double log_mean, bool are_all_wanted) {
  const std::size_t n = modes.dimension;
  const std::vector<double> own = search.log_density(modes.center);
  std::vector<std::pair<double, std::size_t>> missed;
  std::vector<char> is_missed_mode(modes.count, 0);
  double total = log_mean;
  for (std::size_t i = 0; i < modes.count; ++i) {
    const bool is_missed = modes.objective[i] - own[i] > log_mean + missed_ratio;
    if (!are_all_wanted && !is_missed) continue;
    is_missed_mode[i] = is_missed;
    // Laplace's approximation of its mass.
    const double mass =
        modes.objective[i] + 0.5 * static_cast<double>(n) * std::log(2 * std::numbers::pi) - modes.log_determinant[i];
    missed.emplace_back(mass, i);
    total = log_add(total, mass);
  }
  std::sort(missed.begin(), missed.end(), std::greater<>());
  Found result;
  for (const auto& [mass, mode] : missed)
    if (const double share = std::exp(mass - total); share >= least_share && result.modes.size() < most_modes) {
      result.modes.push_back(mode);
      result.shares.push_back(share);
      result.is_any_missed |= is_missed_mode[mode] != 0;
    }
  return result;
}

// One of the mixture's distributions beside the approximation: a t distribution in a frame.
struct Part {
  const FrameBatch* frames;
  std::size_t frame;
  int freedom;
  double share; // of what is not the approximation's
  std::size_t least; // draws
};

// `wanted` draws or some more, of which the approximation's are among those that there are.
WeightedDraws draw_mixture(const ModeSearch& search, const WeightedDraws& drawn, std::span<const Part> parts,
                           double own_share, double wanted, std::uint64_t seed) {
  const std::size_t n = search.target.dimension(), count = drawn.weights.log_weights.size();
  std::vector<std::size_t> numbers = {std::min(count, static_cast<std::size_t>(own_share * wanted) + 1)};
  for (const Part& part : parts)
    numbers.push_back(std::max(part.least, static_cast<std::size_t>(part.share * (1 - own_share) * wanted)));
  WeightedDraws result;
  std::vector<double>& mixed = result.unconstrained;
  mixed.assign(drawn.unconstrained.begin(), drawn.unconstrained.begin() + static_cast<std::ptrdiff_t>(numbers[0] * n));
  Random random(seed);
  std::vector<double> z(n);
  std::size_t total = numbers[0];
  for (std::size_t k = 0; k < parts.size(); ++k)
    for (std::size_t i = 0; i < numbers[k + 1]; ++i, ++total) {
      for (double& one : z) one = random.normal();
      // A chi-squared variable with two degrees of freedom is an exponential one.
      double chi_square = 0;
      for (int pair = 0; pair < parts[k].freedom; pair += 2) chi_square -= 2 * std::log(random.uniform());
      for (double& one : z) one *= std::sqrt(parts[k].freedom / chi_square);
      mixed.resize(mixed.size() + n);
      parts[k].frames->from_frame(parts[k].frame, z.data(), mixed.data() + mixed.size() - n);
    }
  std::vector<double> log_density = search.log_density(mixed);
  std::vector<double> logs(parts.size() + 1);
  for (std::size_t i = 0; i < total; ++i) {
    logs[0] = std::isnan(log_density[i]) ? -infinity : log_density[i] + std::log(static_cast<double>(numbers[0]));
    for (std::size_t k = 0; k < parts.size(); ++k)
      logs[k + 1] = log_t(*parts[k].frames, parts[k].frame, parts[k].freedom, mixed.data() + i * n, z) +
                    std::log(static_cast<double>(numbers[k + 1]));
    log_density[i] = log_sum_exp(logs) - std::log(static_cast<double>(total));
  }
  result.weights = smooth_importance_weights(log_ratios(search.target, mixed, log_density));
  return result;
}

} // namespace

std::vector<double> search_points(const PriorFrame& prior, std::span<const double> candidates, std::size_t count,
                                  std::uint64_t seed) {
  const std::size_t n = prior.dimension();
  std::vector<double> points(candidates.begin(), candidates.end());
  const FrameBatch frame = prior.repeat(1);
  Random random(seed);
  std::vector<double> z(n);
  while (points.size() < count * n) {
    for (double& one : z) one = random.normal();
    points.resize(points.size() + n);
    frame.from_frame(0, z.data(), points.data() + points.size() - n);
  }
  return points;
}

MissedModes find_missed_modes(const ModeSearch& search, std::span<const double> points, const WeightedDraws& drawn,
                              std::uint64_t seed) {
  const std::size_t n = search.target.dimension(), count = drawn.weights.log_weights.size();
  MissedModes result;
  if (!std::isfinite(drawn.weights.log_mean)) return result;
  const double log_mean = drawn.weights.log_mean;
  std::vector<double> starts = choose_starts(search, points, log_mean);
  const bool is_bad = !drawn.weights.are_good() && n <= most_dimensions;
  const bool is_doubtful =
      is_bad || (search.is_thorough && n <= most_dimensions && drawn.weights.k_hat > doubtful_k_hat);
  for (std::size_t i = 0; i < own_starts && is_doubtful; ++i) {
    const auto draw = drawn.unconstrained.begin() + static_cast<std::ptrdiff_t>(i * (count / own_starts) * n);
    starts.insert(starts.end(), draw, draw + static_cast<std::ptrdiff_t>(n));
  }
  Profiles profiles;
  if (search.is_thorough && n <= most_dimensions && (is_doubtful || search.has_heavy_tail))
    profiles = find_profiles(search.target, drawn.unconstrained, drawn.weights.log_weights);
  if (starts.empty() && profiles.log_mass.empty()) return result;
  FrameBatch modes;
  Found found;
  if (!starts.empty()) {
    modes = search.newton().find_from(search.batch, search.data_set, starts);
    found = select(search, modes, log_mean, is_doubtful);
  }
  if (found.modes.empty() && profiles.log_mass.empty()) return result;

  // Shares of the mixture as numbers of draws, of which the approximation's are those that there are.
  double of_modes = 0;
  for (const double one : found.shares) of_modes += one;
  const double of_profiles = profiles.log_mass.empty() ? 0 : profile_share, of_parts = of_modes + of_profiles;
  const double own_share = std::max(least_own_share, 1 - of_parts);
  std::vector<Part> parts;
  for (std::size_t k = 0; k < found.modes.size(); ++k)
    parts.push_back({&modes, found.modes[k], degrees_of_freedom_of(n), found.shares[k] / of_parts, least_of_mode});
  const double log_total = log_sum_exp(profiles.log_mass);
  for (std::size_t k = 0; k < profiles.log_mass.size(); ++k)
    // Half of them as the posterior seems to have it, half for the tails.
    parts.push_back({&profiles.parts, k, profile_freedom,
                     of_profiles / of_parts / 2 *
                         (std::exp(profiles.log_mass[k] - log_total) +
                          1 / static_cast<double>(profiles.log_mass.size())),
                     least_of_part});
  result.mixture = draw_mixture(search, drawn, parts, own_share, static_cast<double>(mixture_factor * count), seed);
  ImportanceWeights& weights = result.mixture.weights;
  // Good weights of few effective draws: more draws of the same.
  const double wanted = std::max(least_effective, static_cast<double>(count)) / weights.effective_size;
  if (!profiles.log_mass.empty() && weights.are_good() && wanted > 1)
    result.mixture = draw_mixture(search, drawn, parts, own_share,
                                  static_cast<double>(mixture_factor * count) * std::min(wanted, most_more), seed);
  const double gain = weights.log_mean - log_mean;
  const double error = std::hypot(weights.log_mean_error, drawn.weights.log_mean_error);
  // Where even the mixture's weights are bad, all that is known is what the modes seem to hold.
  const double share = weights.are_good() ? -std::expm1(-gain) : of_modes;
  // Where no weights are good, chains that start in all modes tell that they do not agree.
  if (is_bad && !weights.are_good() && !found.is_any_missed) return {};
  const bool is_sure = !weights.are_good() || gain > standard_errors * error;
  // Draws that are worth about as many cost nothing, and rare places count for moments: of these the evidence says
  // little.
  if (!is_bad && !(is_sure && share > negligible_share) &&
      !(weights.are_good() && weights.effective_size > least_kept * drawn.weights.effective_size) &&
      !(weights.are_good() && search.has_heavy_tail))
    return {};
  result.share = is_sure && share > negligible_share ? share : 0;
  result.is_better = true;
  result.modes = found.modes.size();
  result.has_profiles = !profiles.log_mass.empty();
  const auto heaviest =
      std::max_element(profiles.log_mass.begin(), profiles.log_mass.end()) - profiles.log_mass.begin();
  const auto largest = found.modes.empty()
                           ? profiles.parts.center.begin() + heaviest * static_cast<std::ptrdiff_t>(n)
                           : modes.center.begin() + static_cast<std::ptrdiff_t>(found.modes.front() * n);
  result.largest.assign(largest, largest + static_cast<std::ptrdiff_t>(n));
  return result;
}

} // namespace sibyl
