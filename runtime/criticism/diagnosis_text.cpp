#include "runtime/criticism/diagnose.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace sibyl {

namespace {

double share_above(const std::vector<double>& sorted, double limit) {
  if (sorted.empty()) return 0;
  return static_cast<double>(sorted.end() - std::upper_bound(sorted.begin(), sorted.end(), limit)) /
         static_cast<double>(sorted.size());
}

std::size_t count_fine(const std::vector<Posterior>& posteriors) {
  return static_cast<std::size_t>(
      std::count_if(posteriors.begin(), posteriors.end(), [](const Posterior& one) { return one.verdict.is_fine(); }));
}

} // namespace

std::vector<std::string> describe_range(const InferenceSetup& setup) {
  std::vector<std::string> clauses;
  const nlohmann::json range = setup.trained_range;
  for (const auto& interval : range.at("intervals")) {
    const std::string name = interval.at(0);
    const int dimension = interval.at(1);
    const double low = interval.at(2), high = interval.at(3);
    const std::string what = dimension >= 0    ? fmt::format("size {} of `{}`", dimension + 1, name)
                             : dimension == -1 ? fmt::format("`{}`", name)
                                               : fmt::format("the values of `{}`", name);
    clauses.push_back(low == high ? fmt::format("{} {:.6g}", what, low)
                                  : fmt::format("{} from {:.4g} to {:.4g}", what, low, high));
  }
  for (const auto& [name, value] : range.at("fixed").items())
    clauses.push_back(fmt::format("`{}` as it was given in training", name));
  if (setup.missing_share > 0)
    clauses.push_back(fmt::format("up to about {:.0f}% missing values", 100 * setup.missing_share));
  else clauses.push_back("no missing values");
  if (setup.region) clauses.push_back("data like those that it was trained around");
  return clauses;
}

nlohmann::ordered_json diagnosis_json(const Diagnosis& diagnosis, const InferenceSetup& setup) {
  nlohmann::ordered_json json = {{"simulations", diagnosis.simulations},
                                 {"draws", diagnosis.draws},
                                 {"seconds", diagnosis.seconds},
                                 {"complaints", diagnosis.complaints()},
                                 {"trained_for", describe_range(setup)},
                                 {"left_out_share", diagnosis.left_out.share()},
                                 {"tarp_inside_band", diagnosis.tarp_inside},
                                 {"coverage_levels", Diagnosis::levels},
                                 {"coverage_error_99", diagnosis.coverage_error}};
  auto parameters = nlohmann::ordered_json::array();
  for (const ParameterDiagnosis& one : diagnosis.parameters)
    parameters.push_back({{"name", one.name},
                          {"inside_band", one.inside_band},
                          {"calibration_error", one.numbers.calibration_error},
                          {"recovery", finite_or_null(one.numbers.recovery)},
                          {"contraction", finite_or_null(one.numbers.contraction)},
                          {"coverage", one.covered},
                          {"ranks", one.ranks}});
  json["parameters"] = std::move(parameters);
  if (diagnosis.k_hat.empty()) json["k_hat"] = {{"not_known", diagnosis.no_k_hat}};
  else
    json["k_hat"] = {{"median", finite_or_null(diagnosis.k_hat[diagnosis.k_hat.size() / 2])},
                     {"share_above_0.7", share_above(diagnosis.k_hat, largest_good_k_hat)}};
  json["typical_share"] = diagnosis.typical_share;
  auto data = nlohmann::ordered_json::array();
  for (const Posterior& one : diagnosis.data) {
    nlohmann::ordered_json entry = {
        {"data", one.draws.label}, {"verdict", one.verdict.text()}, {"fine", one.verdict.is_fine()}};
    entry["k_hat"] = one.verdict.check ? finite_or_null(one.verdict.check->k_hat) : nlohmann::ordered_json();
    const auto& verification = one.verdict.verification;
    entry["p_value"] = verification && verification->data_unchecked.empty() ? finite_or_null(verification->data.p_value)
                                                                            : nlohmann::ordered_json();
    data.push_back(std::move(entry));
  }
  json["data"] = std::move(data);
  return json;
}

std::string diagnosis_text(const Diagnosis& diagnosis, const InferenceSetup& setup) {
  std::string text = fmt::format("on {} fresh simulations, {} draws each, in {:.1f} s:\n", diagnosis.simulations,
                                 diagnosis.draws, diagnosis.seconds);
  std::size_t width = 9;
  for (const ParameterDiagnosis& one : diagnosis.parameters) width = std::max(width, one.name.size());
  text += fmt::format("{:<{}}  {:>17}  {:>8}  {:>11}  {:>12}  {:>12}\n", "parameter", width, "calibration error",
                      "recovery", "contraction", "50% coverage", "90% coverage");
  for (const ParameterDiagnosis& one : diagnosis.parameters)
    text += fmt::format("{:<{}}  {:>17}  {:>8.3f}  {:>11.3f}  {:>12.3f}  {:>12.3f}\n", one.name, width,
                        fmt::format("{:.3f}{}", one.numbers.calibration_error, one.inside_band ? " " : "*"),
                        one.numbers.recovery, one.numbers.contraction, one.covered[4], one.covered[8]);
  text += "* the ranks' ECDF is outside of its simultaneous 99% band\n";
  if (diagnosis.k_hat.empty()) text += "k-hat is not known: " + diagnosis.no_k_hat + "\n";
  else
    text += fmt::format("k-hat of simulated data sets: {:.2f} at the median, above {} for {:.1f}%\n",
                        diagnosis.k_hat[diagnosis.k_hat.size() / 2], largest_good_k_hat,
                        100 * share_above(diagnosis.k_hat, largest_good_k_hat));
  text += fmt::format("trained for {}; not to be used for other data\n", fmt::join(describe_range(setup), ", "));
  if (!diagnosis.data.empty()) {
    text += fmt::format("{} of {} data sets raise no doubt\n", count_fine(diagnosis.data), diagnosis.data.size());
    constexpr std::size_t most_shown = 20;
    std::size_t shown = 0;
    for (const Posterior& one : diagnosis.data)
      if (!one.verdict.is_fine() && shown++ < most_shown)
        text += fmt::format("  {}: {}\n", one.draws.label, one.verdict.text());
    if (shown > most_shown) text += fmt::format("  and {} more\n", shown - most_shown);
  }
  const std::vector<std::string> complaints = diagnosis.complaints();
  if (complaints.empty()) text += "nothing is wrong with the sampler itself\n";
  for (const std::string& one : complaints) text += "WRONG: " + one + "\n";
  return text;
}

} // namespace sibyl
