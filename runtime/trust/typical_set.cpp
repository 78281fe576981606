#include "runtime/trust/typical_set.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/small_matrix.hpp"
#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

constexpr std::size_t kept_distances = 1000;
constexpr double outside_factor = 1.5; // of the largest simulated distance

} // namespace

TypicalSet::TypicalSet(std::span<const float> summaries, std::size_t summary_size) {
  const std::size_t n = summary_size, count = n == 0 ? 0 : summaries.size() / n, half = count / 2;
  if (half < 2) throw InternalError("too few summaries to tell what is typical");
  mean_.assign(n, 0);
  for (std::size_t i = 0; i < half; ++i)
    for (std::size_t j = 0; j < n; ++j) mean_[j] += summaries[i * n + j] / static_cast<double>(half);
  factor_.assign(n * n, 0);
  for (std::size_t i = 0; i < half; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double left = (summaries[i * n + j] - mean_[j]) / static_cast<double>(half - 1);
      for (std::size_t k = 0; k <= j; ++k) factor_[j * n + k] += left * (summaries[i * n + k] - mean_[k]);
    }
  double trace = 0;
  for (std::size_t j = 0; j < n; ++j) trace += factor_[j * n + j];
  // Directions in which simulations hardly vary must not make every other data set infinitely far.
  const double ridge = std::max(1e-3 * trace / static_cast<double>(n), 1e-12);
  for (std::size_t j = 0; j < n; ++j) {
    factor_[j * n + j] += ridge;
    for (std::size_t k = 0; k < j; ++k) factor_[k * n + j] = factor_[j * n + k];
  }
  if (!small_matrix::cholesky(factor_.data(), n)) throw RuntimeError("the summaries are not finite");
  for (std::size_t i = half; i < count; ++i) distances_.push_back(distance(summaries.data() + i * n));
  std::sort(distances_.begin(), distances_.end());
  simulated_ = distances_.size();
  if (simulated_ <= kept_distances) return;
  std::vector<double> kept;
  for (std::size_t i = 0; i < kept_distances; ++i)
    kept.push_back(distances_[i * (simulated_ - 1) / (kept_distances - 1)]);
  distances_ = std::move(kept);
}

double TypicalSet::distance(const float* summary) const {
  std::vector<double> x(mean_.size());
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = summary[j] - mean_[j];
  small_matrix::solve_lower(factor_.data(), x.data(), x.size());
  double sum = 0;
  for (const double part : x) sum += part * part;
  return std::sqrt(sum);
}

double TypicalSet::p_value(double distance) const {
  const auto beyond =
      static_cast<double>(distances_.end() - std::lower_bound(distances_.begin(), distances_.end(), distance));
  const double share = beyond / static_cast<double>(distances_.size()), count = static_cast<double>(simulated_);
  return (share * count + 1) / (count + 1);
}

bool TypicalSet::is_outside(double distance) const { return !(distance <= outside_factor * distances_.back()); }

namespace {

std::string in_brackets(double p_value) {
  return fmt::format("(p = {})", significant_beside(p_value, 2, Verdict::unusual_p_value));
}

} // namespace

std::string Verdict::verified_text() const {
  std::vector<std::string> parts;
  const bool is_exact = exact && exact->is_exact;
  if (exact && exact->method != ExactMethod::none) parts.push_back(exact->text());
  if (!is_exact && outside) parts.push_back("outside of the simulations");
  if (!is_exact && !outside && p_value < unusual_p_value) parts.push_back("unusual " + in_brackets(p_value));
  if (verification->local) parts.push_back(verification->local->text());
  if (!verification->data_unchecked.empty())
    parts.push_back("data not compared with predictions: " + verification->data_unchecked);
  else if (verification->data.p_value < unusual_p_value)
    parts.push_back(fmt::format("data UNLIKE the model's {}: {}", in_brackets(verification->data.p_value),
                                verification->data.worst));
  else parts.push_back("data as the model predicts them " + in_brackets(verification->data.p_value));
  if (verification->data.has_unusual_design)
    parts.emplace_back("its design is unlike that of the simulations, whose summaries it is far from");
  if (!is_exact && !frame_converged) parts.push_back("its frame did not converge");
  if (has_missing) parts.push_back("has missing values");
  parts.insert(parts.end(), warnings.begin(), warnings.end());
  if (failed_draws.count() > 0) parts.push_back(describe_failed_draws(failed_draws));
  for (const std::string& one : verification->not_checked) parts.push_back("NOT checked: " + one);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string Verdict::text() const {
  if (verification) return verified_text();
  // Exact draws owe nothing to the networks, nor to what these were trained on.
  if (exact && exact->is_exact)
    return exact->text() + (failed_draws.count() > 0 ? "; " + describe_failed_draws(failed_draws) : "");
  std::string text = outside                     ? "outside of the simulations"
                     : p_value < unusual_p_value ? "unusual " + in_brackets(p_value)
                                                 : "typical";
  if (check && !check->is_good() && !exact)
    text = "approximate: " + check->complaint() + (text == "typical" ? "" : "; " + text);
  if (local && !local->is_good() && !exact) text = local->text() + (text == "typical" ? "" : "; " + text);
  if (exact) text = exact->text() + (text == "typical" ? "" : "; " + text);
  if (!frame_converged) text += "; its frame did not converge";
  if (has_missing) text += unchecked.empty() ? "; has missing values" : "; has missing values, so k-hat is not known";
  for (const std::string& warning : warnings) text += "; " + warning;
  if (failed_draws.count() > 0) text += "; " + describe_failed_draws(failed_draws);
  // Typical data do not make the draws right. The whole reason, of many words, is the same for all data sets.
  if (!check && !exact && !has_missing && !unchecked.empty()) text += "; NOT checked: the draws, without a density";
  return text;
}

bool Verdict::is_fine() const {
  if (verification && verification->data.p_value < unusual_p_value) return false;
  if (verification && verification->local && !verification->local->is_good()) return false;
  if (verification && exact && exact->method == ExactMethod::none)
    return !outside && frame_converged && p_value >= unusual_p_value && failed_draws.count() == 0 && warnings.empty();
  if (!verification && local && !local->is_good()) return false;
  if (exact) return exact->is_exact && failed_draws.count() == 0;
  return !outside && frame_converged && p_value >= unusual_p_value && failed_draws.count() == 0 && warnings.empty() &&
         (!check || check->is_good());
}

void to_json(nlohmann::json& json, const TypicalSet& set) {
  json = {{"mean", set.mean_}, {"factor", set.factor_}, {"distances", set.distances_}, {"simulated", set.simulated_}};
}

void from_json(const nlohmann::json& json, TypicalSet& set) {
  json.at("mean").get_to(set.mean_);
  json.at("factor").get_to(set.factor_);
  json.at("distances").get_to(set.distances_);
  json.at("simulated").get_to(set.simulated_);
  const std::size_t n = set.mean_.size();
  if (n == 0) return; // of a sampler without
  const auto are_finite = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  };
  constexpr std::size_t large = 1 << 20;
  bool is_sound = n <= large && set.factor_.size() == n * n && !set.distances_.empty() && set.simulated_ > 0 &&
                  std::is_sorted(set.distances_.begin(), set.distances_.end()) && are_finite(set.mean_) &&
                  are_finite(set.factor_) && are_finite(set.distances_);
  for (std::size_t j = 0; j < n && is_sound; ++j) is_sound = set.factor_[j * n + j] > 0;
  if (!is_sound) throw UserError("the sampler file is damaged: its typical set cannot be used");
}

} // namespace sibyl
