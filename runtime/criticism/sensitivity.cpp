#include "runtime/criticism/sensitivity.hpp"

#include "lang/errors.hpp"
#include "lang/words.hpp"
#include "runtime/criticism/html_page.hpp"
#include "runtime/criticism/svg_plot.hpp"
#include "runtime/data/powers.hpp"
#include "runtime/model/log_likelihood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

constexpr int curve_points = 9; // from weaker_power to stronger_power
constexpr double largest_good_k_hat = 0.7;

PowerCurve curve_of(std::span<const double> values, std::span<const double> component,
                    std::span<const double> log_ratios) {
  PowerCurve result;
  for (int i = 0; i < curve_points; ++i) {
    const double share = static_cast<double>(i) / (curve_points - 1);
    result.powers.push_back(weaker_power * std::pow(stronger_power / weaker_power, share));
    result.at.push_back(power_scaled(values, component, log_ratios, result.powers.back()));
  }
  return result;
}

std::string plot_of(const std::string& title, const char* what, const PowerCurve& curve, const svg::Range& range,
                    bool is_sensitive) {
  svg::Plot plot({weaker_power, stronger_power}, range);
  std::vector<double> means, low, high, bad_powers, bad_means;
  for (std::size_t i = 0; i < curve.at.size(); ++i) {
    const PowerScaled& at = curve.at[i];
    means.push_back(at.mean);
    low.push_back(at.mean - at.sd);
    high.push_back(at.mean + at.sd);
    if (at.k_hat > largest_good_k_hat) bad_powers.push_back(curve.powers[i]), bad_means.push_back(at.mean);
  }
  plot.band(curve.powers, low, high);
  plot.segment(1, range.low, 1, range.high);
  plot.line(curve.powers, means);
  plot.dots(bad_powers, bad_means, "bad", 2.5);
  return plot.finish(title, fmt::format("power of the {}", what), "mean ± sd",
                     fmt::format("{} at powers of the {} from 0.8 to 1.25: {}", title, what,
                                 is_sensitive ? "sensitive" : "not sensitive"));
}

svg::Range range_of(const MarginalSensitivity& one) {
  std::vector<double> ends;
  for (const PowerCurve* curve : {&one.prior_curve, &one.likelihood_curve})
    for (const PowerScaled& at : curve->at) ends.insert(ends.end(), {at.mean - at.sd, at.mean + at.sd});
  return svg::range_of(ends);
}

} // namespace

DataSensitivity find_sensitivity(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                 const WeightedPosterior& posterior) {
  const PointwiseLikelihood terms = log_likelihood(model, data, posterior.draws);
  // The prior is that of the parameters as the model declares them.
  std::vector<double> prior = log_joint(model, data, posterior.unconstrained), likelihood;
  const std::size_t points = terms.points.size();
  for (std::size_t s = 0; s < posterior.draws.row_count; ++s) {
    double sum = 0;
    for (std::size_t p = 0; p < points; ++p) sum += terms.values[s * points + p];
    likelihood.push_back(sum);
    prior[s] -= sum;
  }
  DataSensitivity result{data.label, {}};
  for (std::size_t column = 0; column < posterior.draws.columns.size(); ++column) {
    const std::string& name = posterior.draws.columns[column];
    const int v = model->facts().find(name.substr(0, name.find('.')));
    if (v < 0 || model->facts().variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
    std::vector<double> values(posterior.draws.row_count);
    for (std::size_t row = 0; row < values.size(); ++row) values[row] = posterior.draws.at(row, column);
    MarginalSensitivity one{.name = name};
    one.prior = power_sensitivity(values, prior, posterior.log_ratios);
    one.likelihood = power_sensitivity(values, likelihood, posterior.log_ratios);
    one.prior_curve = curve_of(values, prior, posterior.log_ratios);
    one.likelihood_curve = curve_of(values, likelihood, posterior.log_ratios);
    result.parameters.push_back(std::move(one));
  }
  return result;
}

namespace {

// The draws' columns at each power of the curve.
struct DrawnAtPowers {
  std::vector<double> powers;
  std::vector<Posterior> posteriors;
};

DrawnAtPowers draw_at_powers(const PosteriorSampler& sampler, const DataSet& data, const char* name,
                             const SampleOptions& options) {
  DrawnAtPowers result;
  std::vector<DataSet> sets;
  for (int i = 0; i < curve_points; ++i) {
    const double share = static_cast<double>(i) / (curve_points - 1);
    result.powers.push_back(weaker_power * std::pow(stronger_power / weaker_power, share));
    DataSet set = data;
    for (const char* power : {prior_power_name, likelihood_power_name})
      if (set.variables.contains(power)) set.variables[power] = {false, {}, {1}};
    set.variables[name] = {false, {}, {result.powers.back()}};
    // One by one: the same random numbers serve all powers, so that what moves is the posterior.
    result.posteriors.push_back(std::move(sampler.sample(std::span(&set, 1), options).front()));
  }
  return result;
}

PowerScaled summarize_column(const Posterior& posterior, std::size_t column) {
  const Draws& draws = posterior.draws;
  PowerScaled result{0, 0, std::numeric_limits<double>::quiet_NaN()};
  const auto count = static_cast<double>(draws.row_count);
  for (std::size_t row = 0; row < draws.row_count; ++row) result.mean += draws.at(row, column) / count;
  for (std::size_t row = 0; row < draws.row_count; ++row)
    result.sd += (draws.at(row, column) - result.mean) * (draws.at(row, column) - result.mean) / count;
  result.sd = std::sqrt(result.sd);
  if (posterior.verdict.check) result.k_hat = posterior.verdict.check->k_hat;
  return result;
}

void add_component(const DrawnAtPowers& drawn, std::size_t column, PowerSensitivity& sensitivity, PowerCurve& curve) {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  if (drawn.posteriors.empty()) {
    sensitivity.distance = unknown;
    sensitivity.weaker = sensitivity.stronger = {unknown, unknown, unknown};
    return;
  }
  curve.powers = drawn.powers;
  for (const Posterior& one : drawn.posteriors) curve.at.push_back(summarize_column(one, column));
  sensitivity.weaker = curve.at.front();
  sensitivity.stronger = curve.at.back();
  // The distance between the ends, for each doubling.
  const Draws &first = drawn.posteriors.front().draws, &last = drawn.posteriors.back().draws;
  std::vector<double> values, of_first, of_last;
  for (const auto& [draws, is_first] : {std::pair(&first, true), std::pair(&last, false)})
    for (std::size_t row = 0; row < draws->row_count; ++row) {
      const double weight = 1 / static_cast<double>(draws->row_count);
      values.push_back(draws->at(row, column));
      of_first.push_back(is_first ? weight : 0);
      of_last.push_back(is_first ? 0 : weight);
    }
  sensitivity.distance =
      cumulative_jensen_shannon(values, of_first, of_last) / std::log2(stronger_power / weaker_power);
}

} // namespace

DataSensitivity find_sensitivity_by_networks(const PosteriorSampler& sampler, const DataSet& data,
                                             const SampleOptions& options) {
  const Facts& facts = sampler.model().facts();
  if (!has_powers(facts)) throw UserError("the sampler was trained for no other powers (sibyl train --sensitivity)");
  const auto draw = [&](const char* name) {
    const int v = facts.find(name);
    return v >= 0 && is_power(facts.variables[static_cast<std::size_t>(v)])
               ? draw_at_powers(sampler, data, name, options)
               : DrawnAtPowers();
  };
  const DrawnAtPowers prior = draw(prior_power_name), likelihood = draw(likelihood_power_name);
  const Draws& draws = (prior.posteriors.empty() ? likelihood : prior).posteriors.front().draws;
  DataSensitivity result{data.label, {}};
  for (std::size_t column = 0; column < draws.columns.size(); ++column) {
    const std::string& name = draws.columns[column];
    const int v = facts.find(name.substr(0, name.find('.')));
    if (v < 0 || facts.variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
    MarginalSensitivity one{.name = name};
    add_component(prior, column, one.prior, one.prior_curve);
    add_component(likelihood, column, one.likelihood, one.likelihood_curve);
    result.parameters.push_back(std::move(one));
  }
  return result;
}

std::string sensitivity_explanation() {
  return fmt::format("<p class=\"soft\">Posterior means (lines) and sds (shaded) where the prior or the likelihood is "
                     "raised to a power: "
                     "a steep line hangs on it. The distance is how far the marginal moves for each doubling of the "
                     "power; above {} it "
                     "is sensitive. Coloured dots: the weights could not carry the mean.</p>\n",
                     noteworthy_sensitivity);
}

std::string sensitivity_plots(const DataSensitivity& sensitivity, std::size_t most) {
  std::string text;
  if (!sensitivity.label.empty()) text += fmt::format("<p><b>Data set {}</b></p>\n", escaped_html(sensitivity.label));
  text += "<div class=\"plots\">\n";
  for (std::size_t i = 0; i < std::min(most, sensitivity.parameters.size()); ++i) {
    const MarginalSensitivity& one = sensitivity.parameters[i];
    const svg::Range range = range_of(one);
    if (!one.prior_curve.at.empty())
      text += plot_of(fmt::format("{} ({:.2f})", one.name, one.prior.distance), "prior", one.prior_curve, range,
                      one.prior.is_sensitive());
    if (!one.likelihood_curve.at.empty())
      text += plot_of(fmt::format("{} ({:.2f})", one.name, one.likelihood.distance), "likelihood", one.likelihood_curve,
                      range, one.likelihood.is_sensitive());
  }
  return text + "</div>\n";
}

std::string sensitivity_page(const std::string& model_name, std::span<const DataSensitivity> sensitivities) {
  std::string text = fmt::format("<h1>{}: sensitivity</h1>\n{}", escaped_html(model_name), sensitivity_explanation());
  text += "<div class=\"scroll\"><table><tr><th class=\"text\">data</th><th class=\"text\">parameter</th><th>prior</th>"
          "<th>likelihood</th><th class=\"text\">diagnosis</th></tr>\n";
  for (const DataSensitivity& set : sensitivities)
    for (const MarginalSensitivity& one : set.parameters)
      text += fmt::format("<tr><td class=\"text\">{}</td><td class=\"text\">{}</td><td>{:.2f}</td><td>{:.2f}</td><td "
                          "class=\"text{}\">{}</td></tr>\n",
                          escaped_html(set.label), escaped_html(one.name), one.prior.distance, one.likelihood.distance,
                          one.diagnosis() == "-" ? "" : " off", one.diagnosis());
  text += "</table></div>\n";
  constexpr std::size_t most_sets = 20, most_parameters = 24;
  for (std::size_t i = 0; i < std::min(most_sets, sensitivities.size()); ++i)
    text += sensitivity_plots(sensitivities[i], most_parameters);
  if (sensitivities.size() > most_sets)
    text +=
        fmt::format("<p class=\"soft\">Plots of the first {} of {} data sets.</p>\n", most_sets, sensitivities.size());
  return html_page(model_name + ": sensitivity", text);
}

} // namespace sibyl
