#include "runtime/criticism/report.hpp"

#include "lang/words.hpp"
#include "runtime/criticism/html_page.hpp"
#include "runtime/criticism/sensitivity.hpp"
#include "runtime/criticism/svg_plot.hpp"
#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

using svg::Plot;

constexpr std::size_t most_parameters = 24, most_rows = 200, most_shown_data = 3, bins = 24;

std::string card(const char* tone, const std::string& head, const std::string& text) {
  return fmt::format("<div class=\"card {}\"><b>{}</b>{}</div>\n", tone, escaped_html(head), escaped_html(text));
}

std::string list(const std::vector<std::string>& items) {
  std::string text = "<ul>";
  for (const std::string& one : items) text += "<li>" + with_code(one) + "</li>";
  return text + "</ul>\n";
}

std::string cards(const Diagnosis& diagnosis) {
  std::string text = "<div class=\"cards\">\n";
  std::size_t inside = 0;
  bool is_covered = true;
  for (const ParameterDiagnosis& one : diagnosis.parameters) {
    inside += one.inside_band;
    for (const std::size_t level : Diagnosis::judged_levels) is_covered &= diagnosis.is_covered(one, level);
  }
  const bool is_calibrated = inside == diagnosis.parameters.size() && diagnosis.tarp_inside && is_covered;
  text += card(
      is_calibrated ? "" : "bad", is_calibrated ? "Calibrated" : "Not calibrated",
      fmt::format("{} of {} parameters' ranks within the 99% band over {} simulations; jointly {}; {}", inside,
                  diagnosis.parameters.size(), diagnosis.simulations, diagnosis.tarp_inside ? "too" : "not",
                  is_covered ? "50% and 90% intervals hold as they say" : "some intervals do not hold as they say"));
  if (diagnosis.k_hat.empty()) {
    text += card("none", "No density to compare with", diagnosis.no_k_hat);
  } else {
    const auto good = static_cast<double>(
        std::upper_bound(diagnosis.k_hat.begin(), diagnosis.k_hat.end(), largest_good_k_hat) - diagnosis.k_hat.begin());
    const double share = good / static_cast<double>(diagnosis.k_hat.size());
    text += card(share >= 0.95 ? "" : "bad", fmt::format("k-hat good for {:.0f}%", 100 * share),
                 fmt::format("of {} simulated data sets; the median is {:.2f}", diagnosis.k_hat.size(),
                             diagnosis.k_hat[diagnosis.k_hat.size() / 2]));
  }
  if (diagnosis.data.empty()) {
    text += card("none", "No data", "only simulated data sets were looked at");
  } else {
    std::size_t fine = 0;
    for (const Posterior& one : diagnosis.data) fine += one.verdict.is_fine();
    text += card(fine == diagnosis.data.size() ? "" : "bad",
                 fine == diagnosis.data.size()
                     ? fmt::format("{} of {} data sets fine", fine, diagnosis.data.size())
                     : fmt::format("{} of {} data sets in doubt", diagnosis.data.size() - fine, diagnosis.data.size()),
                 fine == diagnosis.data.size() ? "their posteriors and the model's fit raise no doubt"
                                               : "their verdicts are below");
  }
  return text + "</div>\n";
}

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.4g}", value) : "-"; }

std::string parameter_table(const Diagnosis& diagnosis) {
  std::string text = "<div class=\"scroll\"><table><tr><th class=\"text\">parameter</th><th>calibration error</th>"
                     "<th>recovery</th><th>contraction</th><th>50% coverage</th><th>90% coverage</th></tr>\n";
  const auto covered = [&](const ParameterDiagnosis& one, std::size_t level) {
    return fmt::format("<td{}>{:.3f}</td>", diagnosis.is_covered(one, level) ? "" : " class=\"off\"",
                       one.covered[level]);
  };
  for (const ParameterDiagnosis& one : diagnosis.parameters)
    text += fmt::format("<tr><td class=\"text\">{}</td><td{}>{:.3f}</td><td>{:.3f}</td><td>{:.3f}</td>{}{}</tr>\n",
                        escaped_html(one.name), one.inside_band ? "" : " class=\"off\"", one.numbers.calibration_error,
                        one.numbers.recovery, one.numbers.contraction, covered(one, Diagnosis::judged_levels[0]),
                        covered(one, Diagnosis::judged_levels[1]));
  return text + "</table></div>\n";
}

std::string difference_plot(const std::string& title, const EcdfBand& band, const std::vector<double>& difference,
                            const char* what) {
  std::vector<double> all = band.low;
  all.insert(all.end(), band.high.begin(), band.high.end());
  all.insert(all.end(), difference.begin(), difference.end());
  Plot plot({0, 1}, svg::range_of(all));
  plot.band(band.at, band.low, band.high);
  plot.segment(0, 0, 1, 0);
  plot.line(band.at, difference);
  return plot.finish(title, what, "ECDF − uniform",
                     fmt::format("ECDF difference of {}, {} its simultaneous band", title,
                                 is_inside(difference, band) ? "within" : "outside of"));
}

std::string recovery_plot(const ParameterDiagnosis& one) {
  std::vector<double> all = one.truth;
  all.insert(all.end(), one.median.begin(), one.median.end());
  // A few long posterior tails would leave no room for the rest.
  const svg::Range range = svg::range_of(all);
  Plot plot(range, range);
  const std::size_t shown = std::min<std::size_t>(one.truth.size(), 200);
  for (std::size_t i = 0; i < shown; ++i) plot.segment(one.truth[i], one.q5[i], one.truth[i], one.q95[i], "faint");
  plot.segment(range.low, range.low, range.high, range.high);
  plot.dots(std::span(one.truth).first(shown), std::span(one.median).first(shown));
  return plot.finish(one.name, "truth", "median, 90% interval", "Recovery of " + one.name);
}

std::string contraction_plot(const ParameterDiagnosis& one) {
  std::vector<double> contraction, score;
  double mean = 0, variance = 0;
  const auto count = static_cast<double>(one.truth.size());
  for (const double truth : one.truth) mean += truth / count;
  for (const double truth : one.truth) variance += (truth - mean) * (truth - mean) / count;
  for (std::size_t i = 0; i < one.truth.size(); ++i) {
    contraction.push_back(std::max(-1.0, 1 - one.sd[i] * one.sd[i] / variance));
    score.push_back(std::clamp((one.mean[i] - one.truth[i]) / one.sd[i], -5.0, 5.0));
  }
  std::vector<double> sorted = contraction;
  std::sort(sorted.begin(), sorted.end());
  const svg::Range range{std::min(0.0, sorted_quantile(sorted, 0.02)) - 0.02, 1.02};
  Plot plot(range, {-5, 5});
  for (const double at : {-2.0, 0.0, 2.0}) plot.segment(range.low, at, range.high, at);
  plot.dots(contraction, score);
  return plot.finish(one.name, "contraction of the variance", "z-score", "Contraction and z-score of " + one.name);
}

std::string coverage_plot(const Diagnosis& diagnosis, const ParameterDiagnosis& one) {
  std::vector<double> levels = {0}, low = {0}, high = {0}, covered = {0};
  for (std::size_t i = 0; i < std::size(Diagnosis::levels); ++i) {
    const double level = Diagnosis::levels[i];
    const double error = 2 * diagnosis.coverage_error * std::sqrt(level * (1 - level));
    levels.push_back(level), low.push_back(level - error), high.push_back(level + error);
    covered.push_back(one.covered[i]);
  }
  Plot plot({0, 1}, {0, 1});
  plot.band(levels, low, high);
  plot.segment(0, 0, 1, 1);
  plot.line(levels, covered);
  return plot.finish(one.name, "central interval", "share covered", "Coverage of central intervals of " + one.name);
}

std::string histogram(const std::string& title, const std::vector<double>& values, const char* label,
                      const std::vector<double>& marked) {
  std::vector<double> all = values;
  all.insert(all.end(), marked.begin(), marked.end());
  std::sort(all.begin(), all.end());
  // What lies far out is drawn at the edge: a single extreme would squeeze all others into one bar.
  svg::Range range = svg::range_of(all);
  if (all.size() >= 100) {
    // Heavy tails would squeeze the rest likewise: no further than four times the middle half's width from it.
    const double first = sorted_quantile(all, 0.25), third = sorted_quantile(all, 0.75), reach = 4 * (third - first);
    double low = sorted_quantile(all, 0.005), high = sorted_quantile(all, 0.995);
    if (reach > 0) low = std::max(low, first - reach), high = std::min(high, third + reach);
    // Marks are shown where they are, if that leaves the bars half of the width.
    const double width = high - low;
    for (const double one : marked) {
      if (one < low && one > low - 0.5 * width) low = one;
      if (one > high && one < high + 0.5 * width) high = one;
    }
    if (low < high) range = {low - 0.1 * (high - low), high + 0.1 * (high - low)};
  }
  const double top = svg::largest_count(values, range, bins);
  Plot plot(range, {0, 1.08 * top});
  svg::add_histogram(plot, values, range, bins);
  for (const double one : marked) plot.segment(one, 0, one, 1.05 * top, "bad");
  return plot.finish(title, label, "simulations", "Histogram: " + title);
}

std::string loss_plot(const nlohmann::json& history) {
  std::vector<double> steps, losses;
  const double determinant = history.value("mean_log_determinant", 0.0);
  for (const auto& point : history.value("validation", nlohmann::json::array())) {
    if (!point.at("loss").is_number()) continue;
    steps.push_back(point.at("step"));
    losses.push_back(point.at("loss").get<double>() - determinant);
  }
  if (steps.size() < 2) return "";
  // The first losses are so large that the rest would be a line.
  std::vector<double> later(losses.begin() + static_cast<std::ptrdiff_t>(losses.size() / 10), losses.end());
  Plot plot({0, steps.back() * 1.02}, svg::range_of(later), 480, 190);
  plot.line(steps, losses);
  return plot.finish("validation loss", "training step", "nats", "Validation loss by training step");
}

// A statistic's place among its replications, in their sds.
std::string statistics_plot(const Posterior& posterior) {
  const std::vector<StatisticCheck>& all = posterior.verdict.verification->data.statistics;
  const std::size_t shown = std::min<std::size_t>(all.size(), 12);
  std::string text = fmt::format("<h3>{}</h3><div class=\"scroll\"><table><tr><th class=\"text\">statistic</th>"
                                 "<th>observed</th><th>predicted</th><th>sd</th><th>p</th>"
                                 "<th class=\"text\">in sds of the predictions, −4 to 4</th></tr>\n",
                                 escaped_html("data set " + posterior.draws.label));
  for (std::size_t i = 0; i < shown; ++i) {
    const StatisticCheck& one = all[i];
    const double z = one.sd > 0 ? std::clamp((one.observed - one.mean) / one.sd, -4.2, 4.2) : 0;
    const double middle = 100, scale = 22;
    const bool is_off = one.p_value < Verdict::unusual_p_value;
    text += fmt::format(
        "<tr><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td><td{}>{}</td><td class=\"text\">"
        "<svg width=\"200\" height=\"16\" viewBox=\"0 0 200 16\"><rect class=\"band\" x=\"{:.0f}\" y=\"2\" "
        "width=\"{:.0f}\" height=\"12\"/><line class=\"rule\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"0\" y2=\"16\"/><circle "
        "class=\"{}\" cx=\"{:.1f}\" cy=\"8\" r=\"4\"/></svg></td></tr>\n",
        escaped_html(one.name), number(one.observed), number(one.mean), number(one.sd), is_off ? " class=\"off\"" : "",
        fixed_beside(one.p_value, 3, Verdict::unusual_p_value), middle - 2 * scale, 4 * scale, middle, middle,
        is_off ? "bad" : "dot", middle + z * scale);
  }
  return text + "</table></div>\n";
}

std::string data_section(const Diagnosis& diagnosis) {
  if (diagnosis.data.empty()) return "";
  std::string text = "<h2>The data</h2>\n<p class=\"soft\">Each posterior was compared with the model's density where "
                     "there is one, and each data set with replications from its posterior. p is that of all "
                     "statistics together: uniform for data of the model.</p>\n"
                     "<div class=\"scroll\"><table><tr><th class=\"text\">data set</th><th>k-hat</th><th>ESS</th>"
                     "<th>log evidence</th><th>p</th><th class=\"text\">verdict</th></tr>\n";
  std::vector<const Posterior*> order;
  for (const Posterior& one : diagnosis.data) order.push_back(&one);
  if (order.size() > most_rows)
    std::stable_sort(order.begin(), order.end(), [](const Posterior* a, const Posterior* b) {
      return a->verdict.verification->data.p_value < b->verdict.verification->data.p_value;
    });
  for (std::size_t i = 0; i < std::min(order.size(), most_rows); ++i) {
    const Verdict& verdict = order[i]->verdict;
    const auto& check = verdict.check;
    const auto& verification = *verdict.verification;
    text += fmt::format(
        "<tr><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td "
        "class=\"verdict{}\">{}</td></tr>\n",
        escaped_html(order[i]->draws.label),
        check && std::isfinite(check->k_hat) ? fixed_beside(check->k_hat, 2, largest_good_k_hat_of(check->draws)) : "-",
        check ? fmt::format("{:.0f}", check->effective_size) : "-",
        check && check->log_evidence ? fmt::format("{:.2f}", *check->log_evidence) : "-",
        verification.data_unchecked.empty() ? fixed_beside(verification.data.p_value, 3, Verdict::unusual_p_value)
                                            : "-",
        verdict.is_fine() ? "" : " off", with_code(verdict.text()));
  }
  text += "</table></div>\n";
  if (order.size() > most_rows)
    text += fmt::format("<p class=\"soft\">The {} with the smallest p of {}.</p>\n", most_rows, order.size());
  std::vector<const Posterior*> shown;
  for (const Posterior& one : diagnosis.data)
    if (one.verdict.verification->data_unchecked.empty()) shown.push_back(&one);
  std::stable_sort(shown.begin(), shown.end(), [](const Posterior* a, const Posterior* b) {
    return a->verdict.verification->data.p_value < b->verdict.verification->data.p_value;
  });
  if (!shown.empty())
    text += "<h2>Posterior predictive checks</h2>\n<p class=\"soft\">Statistics of the data beside their replications; "
            "the shaded part is two sds to either side. Data sets with the smallest p first.</p>\n";
  for (std::size_t i = 0; i < std::min(shown.size(), most_shown_data); ++i) text += statistics_plot(*shown[i]);
  return text;
}

std::string sensitivity_section(const Diagnosis& diagnosis) {
  if (diagnosis.data.empty()) return "";
  std::string text = "<h2>Sensitivity to the prior and the likelihood</h2>\n";
  if (diagnosis.sensitivities.empty())
    return text + "<p class=\"soft\">Not known: " + with_code(diagnosis.no_sensitivity) + ".</p>\n";
  text += sensitivity_explanation();
  for (const DataSensitivity& one : diagnosis.sensitivities) text += sensitivity_plots(one, most_parameters);
  return text;
}

std::string plots(const Diagnosis& diagnosis, std::string (*plot)(const ParameterDiagnosis&)) {
  std::string text = "<div class=\"plots\">\n";
  for (std::size_t p = 0; p < std::min(diagnosis.parameters.size(), most_parameters); ++p)
    text += plot(diagnosis.parameters[p]);
  return text + "</div>\n";
}

std::string section(const char* head, const char* explanation, const std::string& content) {
  return fmt::format("<h2>{}</h2>\n<p class=\"soft\">{}</p>\n{}", head, explanation, content);
}

std::string quality_sections(const Diagnosis& diagnosis) {
  std::string text;
  std::string ranks = "<div class=\"plots\">\n";
  for (std::size_t p = 0; p < std::min(diagnosis.parameters.size(), most_parameters); ++p)
    ranks += difference_plot(diagnosis.parameters[p].name, diagnosis.band, diagnosis.parameters[p].difference,
                             "rank of the truth");
  ranks += difference_plot("all jointly (TARP)", diagnosis.band, diagnosis.tarp_difference, "share of closer draws");
  text +=
      section("Calibration",
              "Simulation-based calibration: ranks of the true parameters among the draws are uniform if posteriors "
              "are right. The line is their ECDF less the uniform one; the band holds all of it with 99%.",
              ranks + "</div>\n");
  std::string coverage = "<div class=\"plots\">\n";
  for (std::size_t p = 0; p < std::min(diagnosis.parameters.size(), most_parameters); ++p)
    coverage += coverage_plot(diagnosis, diagnosis.parameters[p]);
  text += section("Coverage", "How often central posterior intervals hold the truth, with 99% intervals of that share.",
                  coverage + "</div>\n");
  text += section("Recovery", "Posterior medians and 90% intervals of simulated data sets against the truth.",
                  plots(diagnosis, recovery_plot));
  text += section("Contraction and z-score",
                  "To the right the data tell much about a parameter; most z-scores are between −2 and 2 where "
                  "posteriors are right.",
                  plots(diagnosis, contraction_plot));
  if (!diagnosis.k_hat.empty()) {
    std::vector<double> of_data;
    for (const Posterior& one : diagnosis.data)
      if (one.verdict.check && std::isfinite(one.verdict.check->k_hat)) of_data.push_back(one.verdict.check->k_hat);
    text +=
        section("k-hat",
                "Shape of the importance weights' tail against the model's density, for simulated data sets (bars) and "
                "the data (lines): good up to 0.7.",
                "<div class=\"plots\">" + histogram("k-hat", diagnosis.k_hat, "k-hat", of_data) + "</div>\n");
  }
  std::string predictions = "<div class=\"plots\">\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(diagnosis.predictions.size(), most_parameters); ++i) {
    const PriorPrediction& one = diagnosis.predictions[i];
    if (!one.simulated.empty())
      predictions += histogram(
          one.statistic, one.simulated, "value",
          {one.observed.begin(),
           one.observed.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(100, one.observed.size()))});
  }
  text += section(
      "Prior predictive checks",
      "Statistics of simulated data sets (bars) and of the data (lines; at the edge where they lie beyond it). The few "
      "simulations that lie far out are not shown. Data far outside were never seen in training.",
      predictions + "</div>\n");
  return text;
}

} // namespace

std::string report_page(const Diagnosis& diagnosis, const SamplerFile& file) {
  const std::string name = escaped_html(file.model_name);
  std::string text = fmt::format("<h1>{}: the amortized posterior</h1>\n", name);
  const auto count = [&](const char* key) { return file.history.value(key, std::int64_t{0}); };
  text += fmt::format("<p class=\"soft\">Trained on {} simulations in {} steps and {:.0f} s; judged on {} fresh "
                      "simulations, {} draws each.</p>\n",
                      count("simulations"), count("steps"), file.history.value("seconds", 0.0), diagnosis.simulations,
                      diagnosis.draws);
  text += cards(diagnosis);
  if (const std::vector<std::string> complaints = diagnosis.complaints(); !complaints.empty())
    text += "<div class=\"warn\"><b>What is wrong</b>" + list(complaints) + "</div>\n";
  text +=
      section("For which data it may be used",
              "The sampler knows only what training showed it. For data outside of this its answers must not be used "
              "unless their verdict says that they are exact.",
              list(describe_range(file.setup)));
  text +=
      section("How good it is",
              "Calibration error: the largest distance of the ranks' ECDF from the uniform one. Recovery: correlation "
              "of medians and truths. Contraction: one less the posterior variance's share of the prior's. Coloured: "
              "more than chance explains, at 99% for all parameters together.",
              parameter_table(diagnosis));
  if (diagnosis.parameters.size() > most_parameters)
    text += fmt::format("<p class=\"soft\">Plots show the first {} of {} parameters.</p>\n", most_parameters,
                        diagnosis.parameters.size());
  text += data_section(diagnosis);
  text += sensitivity_section(diagnosis);
  text += quality_sections(diagnosis);
  text += "<h2>What was trained</h2>\n<pre>" + escaped_html(describe(file.setup.encoder.plan())) + "</pre>\n";
  if (!file.setup.notes.empty()) text += list(file.setup.notes);
  text += "<div class=\"plots\">" + loss_plot(file.history) + "</div>\n";
  if (!file.model_text.empty())
    text += "<details open><summary>The model</summary><pre>" + escaped_html(file.model_text) + "</pre></details>\n";
  return html_page(file.model_name + ": report", text);
}

} // namespace sibyl
