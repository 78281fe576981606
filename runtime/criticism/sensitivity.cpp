#include "runtime/criticism/sensitivity.hpp"

#include "runtime/criticism/html_page.hpp"
#include "runtime/criticism/svg_plot.hpp"
#include "runtime/model/log_likelihood.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
    if (!(at.k_hat <= largest_good_k_hat)) bad_powers.push_back(curve.powers[i]), bad_means.push_back(at.mean);
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
  if (!sensitivity.label.empty()) text += fmt::format("<p><b>Data set {}</b></p>\n", svg::escape(sensitivity.label));
  text += "<div class=\"plots\">\n";
  for (std::size_t i = 0; i < std::min(most, sensitivity.parameters.size()); ++i) {
    const MarginalSensitivity& one = sensitivity.parameters[i];
    const svg::Range range = range_of(one);
    text += plot_of(fmt::format("{} ({:.2f})", one.name, one.prior.distance), "prior", one.prior_curve, range,
                    one.prior.is_sensitive());
    text += plot_of(fmt::format("{} ({:.2f})", one.name, one.likelihood.distance), "likelihood", one.likelihood_curve,
                    range, one.likelihood.is_sensitive());
  }
  return text + "</div>\n";
}

std::string sensitivity_page(const std::string& model_name, std::span<const DataSensitivity> sensitivities) {
  std::string text = fmt::format("<h1>{}: sensitivity</h1>\n{}", svg::escape(model_name), sensitivity_explanation());
  text += "<div class=\"scroll\"><table><tr><th class=\"text\">data</th><th class=\"text\">parameter</th><th>prior</th>"
          "<th>likelihood</th><th class=\"text\">diagnosis</th></tr>\n";
  for (const DataSensitivity& set : sensitivities)
    for (const MarginalSensitivity& one : set.parameters)
      text += fmt::format("<tr><td class=\"text\">{}</td><td class=\"text\">{}</td><td>{:.2f}</td><td>{:.2f}</td><td "
                          "class=\"text{}\">{}</td></tr>\n",
                          svg::escape(set.label), svg::escape(one.name), one.prior.distance, one.likelihood.distance,
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
