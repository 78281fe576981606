#include "runtime/terminal/summary_table.hpp"

#include "runtime/terminal/terminal.hpp"
#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace sibyl::cli {

namespace {

// "-12.341 (0.008)": as many digits as its standard error has meaning for.
std::string format_evidence(const DensityCheck& check) {
  if (!check.log_evidence) return "-";
  const double error = check.log_evidence_error;
  const int digits = error > 0 ? std::clamp(2 - static_cast<int>(std::ceil(std::log10(error))), 1, 4) : 4;
  return fmt::format("{:.{}f} ({:.{}f})", *check.log_evidence, digits, error, digits);
}

nlohmann::ordered_json verification_json(const Verdict& verdict) {
  const Verification& found = *verdict.verification;
  auto statistics = nlohmann::ordered_json::array();
  for (const StatisticCheck& one : found.data.statistics)
    statistics.push_back({{"name", one.name},
                          {"observed", one.observed},
                          {"predicted", one.mean},
                          {"predicted_sd", one.sd},
                          {"p_value", one.p_value}});
  nlohmann::ordered_json json = {{"answered_by", name_of(found.answered_by)},
                                 {"p_value", nullptr},
                                 {"summary_p_value", verdict.p_value},
                                 {"outside_of_training", verdict.warnings},
                                 {"local_p_value", nullptr},
                                 {"not_checked", found.not_checked},
                                 {"seconds", found.seconds},
                                 {"densities", found.densities},
                                 {"gradients", found.gradients},
                                 {"simulations", found.simulations}};
  if (found.local) {
    json["local_p_value"] = found.local->p_value;
    json["local_c2st"] = found.local->c2st;
    json["local_simulations"] = found.local->simulations;
    const LocalDifference& largest = found.local->difference;
    json["local_difference"] = {{"parameter", largest.parameter},
                                {"shift", largest.shift},
                                {"shift_error", largest.shift_error},
                                {"sd_ratio", largest.sd_ratio},
                                {"log_sd_ratio_error", largest.ratio_error}};
  }
  if (!found.data_unchecked.empty()) {
    json["data_not_compared"] = found.data_unchecked;
    return json;
  }
  json["p_value"] = found.data.p_value;
  json["worst"] = found.data.worst;
  json["unusual_design"] = found.data.has_unusual_design;
  json["replications"] = found.data.replications;
  json["compared_with"] = found.data.simulated;
  json["statistics"] = std::move(statistics);
  return json;
}

// What the density says of a posterior, in the row with its verdict.
std::vector<std::string> check_cells(const Verdict& verdict) {
  if (!verdict.check) return {"-", "-", "-"};
  return {fixed_beside(verdict.check->k_hat, 2, largest_good_k_hat_of(verdict.check->draws)),
          fmt::format("{:.0f}", verdict.check->effective_size), format_evidence(*verdict.check)};
}

} // namespace

std::string summary_table(std::span<const Posterior> posteriors, const Facts& facts, const std::string& by) {
  std::vector<std::vector<std::string>> rows;
  const bool is_checked = std::any_of(posteriors.begin(), posteriors.end(),
                                      [](const Posterior& one) { return one.verdict.check.has_value(); });
  for (const Posterior& posterior : posteriors) {
    bool first = true;
    for (const ColumnSummary& one : summarize(posterior.draws)) {
      const int variable = facts.find(one.column.substr(0, one.column.find('.')));
      if (variable < 0 || facts.variables[static_cast<std::size_t>(variable)].role != Role::parameter) continue;
      rows.push_back({first ? posterior.draws.label : "", one.column, format_number(one.mean), format_number(one.sd),
                      format_number(one.q5), format_number(one.median), format_number(one.q95)});
      if (is_checked) {
        const std::vector<std::string> cells = check_cells(posterior.verdict);
        for (const std::string& cell : cells) rows.back().push_back(first ? cell : "");
      }
      rows.back().push_back(first ? posterior.verdict.text() : "");
      first = false;
    }
  }
  // The verdict, a sentence, stands last and to the left: its column is not aligned.
  std::vector<std::string> verdicts;
  for (auto& row : rows) {
    verdicts.push_back(row.back());
    row.pop_back();
  }
  std::vector<std::string> header = {by.empty() ? "data" : by, "parameter", "mean", "sd", "5%", "50%", "95%"};
  if (is_checked) header.insert(header.end(), {"k-hat", "ESS", "log evidence"});
  const std::string table = format_table(header, rows, 2);
  std::string text;
  std::size_t line = 0, begin = 0;
  for (std::size_t end = table.find('\n'); end != std::string::npos;
       begin = end + 1, end = table.find('\n', begin), ++line) {
    const std::string& verdict = line == 0 ? "verdict" : verdicts[line - 1];
    text += fmt::format("{}{}{}\n", table.substr(begin, end - begin), verdict.empty() ? "" : "  ", verdict);
  }
  return text;
}

nlohmann::ordered_json posterior_json(const Posterior& posterior) {
  const Verdict& verdict = posterior.verdict;
  nlohmann::ordered_json json = {
      {"data", posterior.draws.label}, {"verdict", verdict.text()}, {"fine", verdict.is_fine()}};
  for (const char* name : {"k_hat", "ess", "log_evidence", "log_evidence_error"}) json[name] = nullptr;
  if (!verdict.unchecked.empty()) json["not_checked"] = verdict.unchecked;
  if (verdict.check) {
    // What is infinite becomes null.
    json["k_hat"] = verdict.check->k_hat;
    json["ess"] = verdict.check->effective_size;
    json["tail_k_hat"] = verdict.check->tail_k_hat;
    json["draws_without_weight"] = verdict.check->without;
    if (verdict.check->log_evidence) {
      json["log_evidence"] = *verdict.check->log_evidence;
      json["log_evidence_error"] = verdict.check->log_evidence_error;
    } else {
      json["no_evidence"] = verdict.check->no_evidence;
    }
  }
  if (verdict.exact) {
    constexpr const char* methods[] = {"none", "importance sampling", "hmc"};
    json["exact"] = verdict.exact->is_exact;
    json["method"] = methods[static_cast<int>(verdict.exact->method)];
    if (verdict.exact->method == ExactMethod::hmc) {
      json["nested_r_hat"] = verdict.exact->r_hat;
      json["steps"] = verdict.exact->steps;
      json["divergent"] = verdict.exact->divergent;
    }
  }
  if (verdict.verification) json["verification"] = verification_json(verdict);
  json["summary"] = summary_json(posterior.draws);
  return json;
}

std::string verification_summary(std::span<const Posterior> posteriors) {
  struct Cost {
    std::size_t sets = 0, densities = 0, gradients = 0, simulations = 0;
    double seconds = 0;
  };
  std::map<Rung, Cost> costs;
  std::size_t unlike = 0, fine = 0, verified = 0;
  for (const Posterior& posterior : posteriors) {
    if (!posterior.verdict.verification) continue;
    const Verification& found = *posterior.verdict.verification;
    ++verified;
    fine += posterior.verdict.is_fine();
    unlike += found.data.p_value < Verdict::unusual_p_value;
    Cost& cost = costs[found.answered_by];
    ++cost.sets;
    cost.densities += found.densities;
    cost.gradients += found.gradients;
    cost.simulations += found.simulations;
    cost.seconds += found.seconds;
  }
  if (verified == 0) return "";
  std::string text = fmt::format("{} of {} data sets raise no doubt; {} unlike the model's at p < {}\n", fine, verified,
                                 unlike, Verdict::unusual_p_value);
  for (const auto& [rung, cost] : costs) {
    text += fmt::format("answered by {}: {} data set{}, {:.3g} s each", name_of(rung), cost.sets,
                        cost.sets == 1 ? "" : "s", cost.seconds / static_cast<double>(cost.sets));
    const auto add = [&](std::size_t count, const char* what) {
      if (count > 0) text += fmt::format(", {} {}", count / cost.sets, what);
    };
    add(cost.densities, "densities");
    add(cost.gradients, "gradients");
    add(cost.simulations, "simulations");
    text += "\n";
  }
  return text;
}

std::vector<DataSetNumbers> check_numbers(std::span<const Posterior> posteriors) {
  std::vector<DataSetNumbers> numbers = {{"k_hat", {}}, {"ess", {}}, {"log_evidence", {}}, {"log_evidence_error", {}}};
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  bool is_checked = false;
  for (const Posterior& posterior : posteriors) {
    const auto& check = posterior.verdict.check;
    is_checked |= check.has_value();
    const bool has_evidence = check && check->log_evidence;
    const double values[] = {check ? check->k_hat : unknown, check ? check->effective_size : unknown,
                             has_evidence ? *check->log_evidence : unknown,
                             has_evidence ? check->log_evidence_error : unknown};
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i].values.push_back(values[i]);
  }
  if (!is_checked) numbers.clear();
  return numbers;
}

} // namespace sibyl::cli
