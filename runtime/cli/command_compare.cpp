#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_classes.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/compare_models.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  std::vector<std::string> files; // the samplers, and the data last
  std::vector<double> prior;
};

std::string cell(double value, double error) {
  return std::isfinite(value) ? fmt::format("{:.2f} ({:.2f})", value, error) : "-";
}

struct OneModel {
  std::string name;
  ModelPosteriors found;
};

void run(const Options& options) {
  if (options.files.size() == 2 && is_model_classifier(options.files[0]))
    return compare_by_classifier({options.files[0], options.files[1], options.by, options.prior, options.json});
  if (options.files.size() < 3)
    throw UserError("compare needs two samplers and the data: sibyl compare A.sibyl B.sibyl DATA; or what `sibyl train "
                    "A.sib B.sib` "
                    "has written: sibyl compare models.sibyl DATA");
  const std::size_t count = options.files.size() - 1;
  std::vector<double> prior = options.prior;
  if (prior.empty()) prior.assign(count, 1.0 / static_cast<double>(count));
  if (prior.size() != count)
    throw UserError(fmt::format("--prior has {} probabilities for {} models", prior.size(), count));
  std::vector<OneModel> models;
  for (std::size_t m = 0; m < count; ++m) {
    PosteriorRequest request = options;
    request.file = options.files[m];
    request.data = options.files.back();
    OneModel one{options.files[m], find_posteriors(request)};
    if (one.found.by_chains)
      throw UserError(fmt::format("{}: evidences need trained samplers, Markov chains have none", options.files[m]));
    models.push_back(std::move(one));
  }
  std::vector<std::vector<std::string>> rows;
  auto all = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < models.front().found.data_sets.size(); ++i) {
    std::vector<ModelOfData> of_data;
    for (const OneModel& one : models)
      of_data.push_back({one.found.model, &one.found.data_sets[i], &one.found.posteriors[i]});
    const std::vector<ModelOutcome> compared = compare_models(of_data, prior);
    auto entries = nlohmann::ordered_json::array();
    const std::string& label = models.front().found.data_sets[i].label;
    for (std::size_t m = 0; m < count; ++m) {
      const ModelOutcome& one = compared[m];
      const bool has_evidence = one.evidence.unknown.empty(), has_elpd = one.no_elpd.empty();
      rows.push_back(
          {m == 0 ? label : "", models[m].name,
           has_evidence ? cell(one.evidence.log_evidence, one.evidence.error) : "-",
           std::isfinite(one.probability.probability)
               ? fmt::format("{:.4f} ({:.4f})", one.probability.probability, one.probability.error)
               : "-",
           has_elpd ? cell(one.loo.total, one.loo.error) : "-", cell(one.difference.difference, one.difference.error),
           "  " + (has_evidence
                       ? one.doubt
                       : "no evidence: " + one.evidence.unknown + (one.doubt.empty() ? "" : "; " + one.doubt))});
      entries.push_back({{"model", models[m].name},
                         {"log_evidence", has_evidence ? finite_or_null(one.evidence.log_evidence) : nullptr},
                         {"log_evidence_error", has_evidence ? finite_or_null(one.evidence.error) : nullptr},
                         {"probability", finite_or_null(one.probability.probability)},
                         {"probability_error", finite_or_null(one.probability.error)},
                         {"elpd", has_elpd ? finite_or_null(one.loo.total) : nullptr},
                         {"elpd_error", has_elpd ? finite_or_null(one.loo.error) : nullptr},
                         {"elpd_difference", finite_or_null(one.difference.difference)},
                         {"elpd_difference_error", finite_or_null(one.difference.error)},
                         {"verdict", models[m].found.posteriors[i].verdict.text()}});
      if (!has_evidence) entries.back()["no_evidence"] = one.evidence.unknown;
      if (!one.doubt.empty()) entries.back()["doubt"] = one.doubt;
    }
    all.push_back({{"data", label}, {"models", std::move(entries)}});
  }
  if (options.json) fmt::print("{}\n", all.dump(2));
  else
    fmt::print("{}", format_table({options.by.empty() ? "data" : options.by, "model", "log evidence", "probability",
                                   "elpd", "less the best", "  remarks"},
                                  rows, 2));
}

} // namespace

void add_compare(Command& program) {
  auto options = std::make_shared<Options>();
  Command command = program.add_command(
      "compare", "Models of the same data: evidences, posterior probabilities, differences of leave-one-out");
  command
      .add_option(
          "files", options->files,
          "trained samplers, and the data last: A.sibyl B.sibyl DATA; or a classifier of models: models.sibyl DATA")
      .required();
  command.add_option("--prior", options->prior, "the models' prior probabilities (default: all the same)")
      .separated_by(',');
  add_request_options(command, *options);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
