#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/sensitivity.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/powers.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  std::string html;
  std::vector<std::string> vary; // NAME=VALUE,VALUE,...
};

nlohmann::ordered_json to_json(const PowerSensitivity& one) {
  const auto scaled = [](const PowerScaled& at) {
    return nlohmann::ordered_json{
        {"mean", finite_or_null(at.mean)}, {"sd", finite_or_null(at.sd)}, {"k_hat", finite_or_null(at.k_hat)}};
  };
  return {
      {"distance", finite_or_null(one.distance)}, {"at_0.8", scaled(one.weaker)}, {"at_1.25", scaled(one.stronger)}};
}

// NaN: no weights were needed, or there is no density to compare with.
bool is_shaky(const PowerSensitivity& one) { return one.weaker.k_hat > 0.7 || one.stronger.k_hat > 0.7; }

// "0.10 to 0.14", with a mark where the weights could not carry it.
std::string moved(const PowerSensitivity& one) {
  if (std::isnan(one.distance)) return "- ";
  return fmt::format("{} to {}{}", format_number(one.weaker.mean), format_number(one.stronger.mean),
                     is_shaky(one) ? "?" : " ");
}

// A hyperparameter of the design, and values to give it.
struct Varied {
  std::string name;
  std::vector<double> values;
};

Varied parse_varied(const std::string& text, const Facts& facts) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) throw UserError(fmt::format("--vary {}: write NAME=VALUE,VALUE,...", text));
  Varied result{text.substr(0, equals), {}};
  const int v = facts.find(result.name);
  const VariableFact* fact = v < 0 ? nullptr : &facts.variables[static_cast<std::size_t>(v)];
  if (!fact || fact->role != Role::design || !fact->dimensions.empty() || fact->is_size)
    throw UserError(fmt::format("--vary {}: `{}` is no number that the model is given", text, result.name));
  for (std::size_t begin = equals + 1; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    double value = 0;
    const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    if (error != std::errc() || rest != text.data() + end)
      throw UserError(fmt::format("--vary {}: `{}` is no number", text, text.substr(begin, end - begin)));
    result.values.push_back(value);
    begin = end + 1;
  }
  return result;
}

// The posteriors where hyperparameters are others: the sampler's own, which was trained for all of their values.
void run_varied(const Options& options) {
  const ModelPosteriors found = open_request(options);
  if (!found.sampler)
    throw UserError(
        "--vary needs a trained sampler, whose design draws the hyperparameter: for a model, change the data");
  const Facts& facts = found.model->facts();
  std::vector<std::vector<std::string>> rows;
  auto all = nlohmann::ordered_json::array();
  for (const std::string& text : options.vary) {
    const Varied varied = parse_varied(text, facts);
    for (const double value : varied.values) {
      std::vector<DataSet> sets = found.data_sets;
      for (DataSet& set : sets) set.variables[varied.name].values.at(0) = value;
      const std::vector<Posterior> posteriors = found.sampler->sample(sets, sampling_options(options));
      for (const Posterior& posterior : posteriors) {
        auto parameters = nlohmann::ordered_json::object();
        bool is_first = true;
        for (const ColumnSummary& one : summarize(posterior.draws)) {
          const int v = facts.find(one.column.substr(0, one.column.find('.')));
          if (v < 0 || facts.variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
          rows.push_back(
              {is_first ? posterior.draws.label : "", is_first ? fmt::format("{} = {:.4g}", varied.name, value) : "",
               one.column, format_number(one.mean), format_number(one.sd), format_number(one.q5),
               format_number(one.median), format_number(one.q95), is_first ? "  " + posterior.verdict.text() : ""});
          parameters[one.column] = {{"mean", finite_or_null(one.mean)}, {"sd", finite_or_null(one.sd)}};
          is_first = false;
        }
        all.push_back({{"data", posterior.draws.label},
                       {"varied", varied.name},
                       {"value", value},
                       {"verdict", posterior.verdict.text()},
                       {"parameters", std::move(parameters)}});
      }
    }
  }
  if (options.json) fmt::print("{}\n", all.dump(2));
  else
    fmt::print("{}", format_table({options.by.empty() ? "data" : options.by, "where", "parameter", "mean", "sd", "5%",
                                   "50%", "95%", "  verdict"},
                                  rows, 3));
}

void run(const Options& options) {
  if (!options.vary.empty()) return run_varied(options);
  ModelPosteriors found = open_request(options);
  const bool by_networks = found.sampler && has_powers(found.model->facts());
  if (!by_networks) found = find_posteriors(options);
  const auto distance_of = [](const PowerSensitivity& one) {
    return std::isnan(one.distance) ? std::string("-") : fmt::format("{:.3f}", one.distance);
  };
  std::vector<std::vector<std::string>> rows;
  auto all = nlohmann::ordered_json::array();
  std::vector<DataSensitivity> sensitivities;
  bool any_shaky = false;
  for (std::size_t i = 0; i < found.data_sets.size(); ++i) {
    sensitivities.push_back(
        by_networks ? find_sensitivity_by_networks(*found.sampler, found.data_sets[i], sampling_options(options))
                    : find_sensitivity(found.model, found.data_sets[i], found.posteriors[i]));
    auto parameters = nlohmann::ordered_json::object();
    bool is_first = true;
    for (const MarginalSensitivity& one : sensitivities.back().parameters) {
      any_shaky |= is_shaky(one.prior) || is_shaky(one.likelihood);
      rows.push_back({is_first ? found.data_sets[i].label : "", one.name, distance_of(one.prior),
                      distance_of(one.likelihood), moved(one.prior), moved(one.likelihood), "  " + one.diagnosis()});
      is_first = false;
      parameters[one.name] = {
          {"prior", to_json(one.prior)}, {"likelihood", to_json(one.likelihood)}, {"diagnosis", one.diagnosis()}};
    }
    nlohmann::ordered_json entry = {{"data", found.data_sets[i].label}, {"parameters", std::move(parameters)}};
    entry["by"] = by_networks ? "the networks" : "weights";
    if (by_networks) {
      all.push_back(std::move(entry));
      continue;
    }
    const WeightedPosterior& posterior = found.posteriors[i];
    if (posterior.verdict.exact && !posterior.verdict.exact->is_exact) {
      entry["doubt"] = posterior.verdict.exact->text();
      print_note(
          fmt::format("data set {}: its draws are {}", found.data_sets[i].label, posterior.verdict.exact->text()));
    }
    all.push_back(std::move(entry));
  }
  if (!options.html.empty()) {
    write_file(options.html, sensitivity_page(found.name, sensitivities));
    fmt::print(stderr, "wrote {}\n", options.html);
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
  if (by_networks) fmt::print("by the networks' draws at other powers; - is where the text could not be raised\n");
  if (any_shaky) fmt::print("?: the weights' k-hat is above 0.7, the mean is not to be trusted\n");
}

} // namespace

void add_sensitivity(Command& program) {
  auto options = std::make_shared<Options>();
  Command command = program.add_command("sensitivity",
                                        "Which conclusions hang on the prior and which on the data, by powers of both");
  add_file_and_data(command, *options);
  command.add_option("--html", options->html, "where plots go: one page that needs nothing beside it");
  command
      .add_option("--vary", options->vary,
                  "instead: the posterior at other values of a hyperparameter that the sampler's design draws: "
                  "NAME=VALUE,VALUE,...; again for others")
      .one_at_a_time()
      .excludes("--html");
  add_request_options(command, *options);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
