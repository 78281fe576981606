#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/pointwise.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/trust/power_scaling.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  bool json = false;
};

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const PowerSensitivity& one) {
  const auto scaled = [](const PowerScaled& at) {
    return nlohmann::ordered_json{{"mean", number(at.mean)}, {"sd", number(at.sd)}, {"k_hat", number(at.k_hat)}};
  };
  return {{"distance", number(one.distance)}, {"at_0.8", scaled(one.weaker)}, {"at_1.25", scaled(one.stronger)}};
}

// The logarithms of the prior (parameters as the model declares them) and of the likelihood, for each draw.
struct Components {
  std::vector<double> prior, likelihood;
};

Components components_of(const ModelPosteriors& found, std::size_t i) {
  const WeightedPosterior& posterior = found.posteriors[i];
  const PointwiseLikelihood terms = log_likelihood(found.model, found.data_sets[i], posterior.draws);
  Components result;
  result.prior = log_joint(found.model, found.data_sets[i], posterior.unconstrained);
  const std::size_t points = terms.points.size();
  for (std::size_t s = 0; s < posterior.draws.row_count; ++s) {
    double sum = 0;
    for (std::size_t p = 0; p < points; ++p) sum += terms.values[s * points + p];
    result.likelihood.push_back(sum);
    result.prior[s] -= sum;
  }
  return result;
}

// "0.12 (0.10 to 0.14)", with a mark where the weights could not carry it.
std::string moved(const PowerSensitivity& one) {
  const bool is_shaky = !(std::max(one.weaker.k_hat, one.stronger.k_hat) <= 0.7);
  return fmt::format("{} to {}{}", format_number(one.weaker.mean), format_number(one.stronger.mean),
                     is_shaky ? "?" : " ");
}

void run(const Options& options) {
  const ModelPosteriors found = find_posteriors(options);
  const Facts& facts = found.model->facts();
  std::vector<std::vector<std::string>> rows;
  auto all = nlohmann::ordered_json::array();
  bool is_shaky = false;
  for (std::size_t i = 0; i < found.posteriors.size(); ++i) {
    const WeightedPosterior& posterior = found.posteriors[i];
    const Components components = components_of(found, i);
    auto parameters = nlohmann::ordered_json::object();
    bool is_first = true;
    for (std::size_t column = 0; column < posterior.draws.columns.size(); ++column) {
      const std::string& name = posterior.draws.columns[column];
      const int v = facts.find(name.substr(0, name.find('.')));
      if (v < 0 || facts.variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
      std::vector<double> values;
      for (std::size_t s = 0; s < posterior.draws.row_count; ++s) values.push_back(posterior.draws.at(s, column));
      const PowerSensitivity prior = power_sensitivity(values, components.prior, posterior.log_ratios);
      const PowerSensitivity likelihood = power_sensitivity(values, components.likelihood, posterior.log_ratios);
      const std::string diagnosis = diagnose_sensitivity(prior, likelihood);
      for (const PowerSensitivity* one : {&prior, &likelihood})
        is_shaky |= !(std::max(one->weaker.k_hat, one->stronger.k_hat) <= 0.7);
      rows.push_back({is_first ? found.data_sets[i].label : "", name, fmt::format("{:.3f}", prior.distance),
                      fmt::format("{:.3f}", likelihood.distance), moved(prior), moved(likelihood), "  " + diagnosis});
      is_first = false;
      parameters[name] = {{"prior", to_json(prior)}, {"likelihood", to_json(likelihood)}, {"diagnosis", diagnosis}};
    }
    nlohmann::ordered_json entry = {{"data", found.data_sets[i].label}, {"parameters", std::move(parameters)}};
    if (posterior.verdict.exact && !posterior.verdict.exact->is_exact) {
      entry["doubt"] = posterior.verdict.exact->text();
      print_note(
          fmt::format("data set {}: its draws are {}", found.data_sets[i].label, posterior.verdict.exact->text()));
    }
    all.push_back(std::move(entry));
  }
  if (options.json) {
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{}", format_table({options.by.empty() ? "data" : options.by, "parameter", "prior", "likelihood",
                                 "mean, prior^0.8 to ^1.25 ", "mean, likelihood^0.8 to ^1.25 ", "  diagnosis"},
                                rows, 2));
  fmt::print(
      "prior, likelihood: how far the marginal moves (cumulative Jensen-Shannon distance) for each doubling of its "
      "power; above {} is sensitive\n",
      noteworthy_sensitivity);
  if (is_shaky) fmt::print("?: the weights' k-hat is above 0.7, the mean is not to be trusted\n");
}

} // namespace

void add_sensitivity(CLI::App& program) {
  auto options = std::make_shared<Options>();
  options->threads = default_threads();
  CLI::App* command = program.add_subcommand(
      "sensitivity", "Which conclusions hang on the prior and which on the data, by powers of both");
  command->add_option("file", options->file, "sampler file, or model (.sib, .stan, .so), which is sampled by chains")
      ->required();
  command->add_option("data", options->data, "data: Stan JSON, CSV or NPZ")->required();
  add_include_option(*command, options->include_directories);
  command->add_option("--by", options->by, "the column whose values tell data sets apart");
  command->add_option("-n,--draws", options->draws, "draws for each data set")
      ->capture_default_str()
      ->check(CLI::Range(100, 10000000));
  command->add_option("--seed", options->seed, "random seed")->capture_default_str();
  command->add_option("--threads", options->threads, "number of threads")->capture_default_str();
  command->add_flag("--json", options->json, "the table as JSON");
  command->callback([options] { run(*options); });
}

} // namespace sibyl::cli
