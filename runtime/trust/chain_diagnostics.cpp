#include "runtime/trust/chain_diagnostics.hpp"

#include "runtime/chains/nested_r_hat.hpp"
#include "runtime/data/draws.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>

namespace sibyl {

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Chains {
  std::vector<double> values; // [chain][draw]
  std::size_t count = 0, draws = 0;

  std::span<const double> chain(std::size_t number) const { return {values.data() + number * draws, draws}; }
};

bool can_be_judged(std::span<const double> values, std::size_t chains) {
  if (chains == 0 || values.size() / chains < 4) return false;
  if (!std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); })) return false;
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  return *least < *largest;
}

Chains split(std::span<const double> values, std::size_t chains) {
  const std::size_t draws = values.size() / chains, half = draws / 2;
  Chains result{{}, 2 * chains, half};
  result.values.reserve(2 * chains * half);
  for (std::size_t c = 0; c < chains; ++c) {
    const auto chain = values.subspan(c * draws, draws);
    result.values.insert(result.values.end(), chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(half));
    result.values.insert(result.values.end(), chain.end() - static_cast<std::ptrdiff_t>(half), chain.end());
  }
  return result;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance_of(std::span<const double> values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size() - 1);
}

double quantile_of(std::vector<double> values, double probability) {
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, probability);
}

double plain_rhat(const Chains& chains) {
  std::vector<double> means;
  double within = 0;
  for (std::size_t c = 0; c < chains.count; ++c) {
    means.push_back(mean_of(chains.chain(c)));
    within += variance_of(chains.chain(c)) / static_cast<double>(chains.count);
  }
  const auto draws = static_cast<double>(chains.draws);
  return std::sqrt(variance_of(means) / within + (draws - 1) / draws);
}

// In place; the size is a power of two.
void fourier_transform(std::vector<std::complex<double>>& values) {
  const std::size_t size = values.size();
  for (std::size_t i = 1, j = 0; i < size; ++i) {
    std::size_t bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(values[i], values[j]);
  }
  for (std::size_t length = 2; length <= size; length *= 2) {
    const double angle = -2 * std::numbers::pi / static_cast<double>(length);
    std::vector<std::complex<double>> roots(length / 2);
    for (std::size_t k = 0; k < length / 2; ++k) roots[k] = std::polar(1.0, angle * static_cast<double>(k));
    for (std::size_t first = 0; first < size; first += length)
      for (std::size_t k = 0; k < length / 2; ++k) {
        std::complex<double>&left = values[first + k], &right = values[first + k + length / 2];
        const std::complex<double> turned = right * roots[k];
        right = left - turned;
        left += turned;
      }
  }
}

// Adds sum_i (x_i - mean) (x_{i + lag} - mean) / draws for each lag.
void add_autocovariances(std::span<const double> chain, std::vector<double>& sums) {
  std::size_t size = 1;
  while (size < 2 * chain.size()) size *= 2;
  std::vector<std::complex<double>> values(size);
  const double mean = mean_of(chain);
  for (std::size_t i = 0; i < chain.size(); ++i) values[i] = chain[i] - mean;
  fourier_transform(values);
  for (auto& value : values) value = std::norm(value);
  fourier_transform(values); // of a real even sequence: the inverse but for the factor
  const auto scale = static_cast<double>(size) * static_cast<double>(chain.size());
  for (std::size_t lag = 0; lag < chain.size(); ++lag) sums[lag] += values[lag].real() / scale;
}

// By Geyer's initial monotone sequence over the autocorrelations of all chains (Vehtari et al. 2021, section 3.2). NaN
// where a half chain does not vary at all together with all others.
double plain_ess(const Chains& chains) {
  const auto [least, largest] = std::minmax_element(chains.values.begin(), chains.values.end());
  if (!(*least < *largest)) return not_a_number;
  const std::size_t n = chains.draws;
  const auto count = static_cast<double>(chains.count), draws = static_cast<double>(n);
  std::vector<double> covariances(n, 0), means;
  for (std::size_t c = 0; c < chains.count; ++c) {
    add_autocovariances(chains.chain(c), covariances);
    means.push_back(mean_of(chains.chain(c)));
  }
  for (double& one : covariances) one /= count;
  const double within = covariances[0] * draws / (draws - 1);
  const double total = within * (draws - 1) / draws + (chains.count > 1 ? variance_of(means) : 0);
  const auto correlation = [&](std::size_t lag) { return lag == 0 ? 1 : 1 - (within - covariances[lag]) / total; };

  // Sums of neighbours until the first that is negative, never growing.
  double sum = 0, before = std::numeric_limits<double>::infinity(), even = 1;
  for (std::size_t lag = 0;; lag += 2) {
    even = correlation(lag);
    const double pair = even + correlation(lag + 1);
    if (!(pair > 0) || lag + 4 >= n) break;
    before = std::min(before, pair);
    sum += 2 * before;
  }
  // The first even one that is left out reduces the variance of antithetic chains' estimate.
  if (even > 0) sum += even;
  const double samples = count * draws;
  return samples / std::max(sum - 1, 1 / std::log10(samples));
}

} // namespace

double rhat(std::span<const double> values, std::size_t chains) {
  if (!can_be_judged(values, chains)) return not_a_number;
  Chains bulk = split(values, chains), folded = bulk;
  const double median = quantile_of(bulk.values, 0.5);
  for (double& value : folded.values) value = std::abs(value - median);
  bulk.values = normal_scores(bulk.values);
  folded.values = normal_scores(folded.values);
  return std::max(plain_rhat(bulk), plain_rhat(folded));
}

double mean_ess(std::span<const double> values, std::size_t chains) {
  return can_be_judged(values, chains) ? plain_ess(split(values, chains)) : not_a_number;
}

double bulk_ess(std::span<const double> values, std::size_t chains) {
  if (!can_be_judged(values, chains)) return not_a_number;
  Chains halves = split(values, chains);
  halves.values = normal_scores(halves.values);
  return plain_ess(halves);
}

double tail_ess(std::span<const double> values, std::size_t chains) {
  if (!can_be_judged(values, chains)) return not_a_number;
  double result = std::numeric_limits<double>::infinity();
  const std::vector<double> all(values.begin(), values.end());
  for (const double probability : {0.05, 0.95}) {
    const double quantile = quantile_of(all, probability);
    std::vector<double> below(values.size());
    std::transform(values.begin(), values.end(), below.begin(),
                   [&](double value) { return value <= quantile ? 1.0 : 0.0; });
    const double ess = plain_ess(split(below, chains));
    if (std::isnan(ess)) return ess; // many draws are equal, and no quantile parts them
    result = std::min(result, ess);
  }
  return result;
}

double mean_error(std::span<const double> values, std::size_t chains) {
  return std::sqrt(variance_of(values) / mean_ess(values, chains));
}

double ebfmi(std::span<const double> energies) {
  if (energies.size() < 4) return not_a_number;
  const double mean = mean_of(energies);
  double steps = 0, spread = 0;
  for (std::size_t i = 0; i < energies.size(); ++i) {
    spread += (energies[i] - mean) * (energies[i] - mean);
    if (i > 0) steps += (energies[i] - energies[i - 1]) * (energies[i] - energies[i - 1]);
  }
  return steps / spread;
}

ChainSummary summarize_chains(std::span<const double> values, std::size_t chains) {
  ChainSummary result;
  const std::vector<double> all(values.begin(), values.end());
  const bool is_empty = all.empty();
  result.mean = is_empty ? not_a_number : mean_of(values);
  result.sd = all.size() > 1 ? std::sqrt(variance_of(values)) : not_a_number;
  const auto quantile = [&](double probability) {
    return is_empty || std::isnan(result.mean) ? not_a_number : quantile_of(all, probability);
  };
  result.q5 = quantile(0.05);
  result.median = quantile(0.5);
  result.q95 = quantile(0.95);
  result.mean_error = mean_error(values, chains);
  result.rhat = rhat(values, chains);
  result.bulk_ess = bulk_ess(values, chains);
  result.tail_ess = tail_ess(values, chains);
  return result;
}

} // namespace sibyl
