#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/pointwise.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/trust/model_comparison.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  std::vector<std::string> files; // the samplers, and the data last
  std::vector<double> prior;
  bool json = false;
};

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

std::string cell(double value, double error) {
  return std::isfinite(value) ? fmt::format("{:.2f} ({:.2f})", value, error) : "-";
}

struct OneModel {
  std::string name;
  ModelPosteriors found;
};

// Why the elpd of a model's data set is not known, or "".
std::string leave_out(const ModelPosteriors& of, std::size_t i, PointwiseLoo& result) {
  try {
    result = leave_one_out(of.model, of.data_sets[i], of.posteriors[i]);
    return result.doubt;
  } catch (const UserError& error) {
    return error.what();
  }
}

void run(const Options& options) {
  if (options.files.size() < 3)
    throw UserError("compare needs two samplers and the data: sibyl compare A.sibyl B.sibyl DATA");
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
    std::vector<ModelEvidence> evidences;
    std::vector<PointwiseLoo> loos(count);
    std::vector<std::string> unknown(count);
    for (std::size_t m = 0; m < count; ++m) {
      const auto& check = models[m].found.posteriors[i].verdict.check;
      ModelEvidence one;
      if (check && check->log_evidence) one = {*check->log_evidence, check->log_evidence_error, ""};
      else one.unknown = check ? check->no_evidence : models[m].found.posteriors[i].verdict.unchecked;
      evidences.push_back(one);
      unknown[m] = leave_out(models[m].found, i, loos[m]);
    }
    const std::vector<ModelProbability> probabilities = model_probabilities(evidences, prior);
    // elpd differences are to the best model whose elpd is known, paired by points where these are the same.
    std::size_t best = count;
    for (std::size_t m = 0; m < count; ++m)
      if (unknown[m].empty() && (best == count || loos[m].loo.total > loos[best].loo.total)) best = m;
    auto entries = nlohmann::ordered_json::array();
    const std::string& label = models.front().found.data_sets[i].label;
    for (std::size_t m = 0; m < count; ++m) {
      LooDifference difference{std::nan(""), std::nan("")};
      std::string doubt = unknown[m];
      if (doubt.empty() && loos[m].points.size() == loos[best].points.size())
        difference = compare(loos[m].loo, loos[best].loo);
      else if (doubt.empty()) doubt = "its points are others than those of the best model";
      if (doubt.empty() && loos[m].loo.bad > 0)
        doubt = fmt::format("k-hat is too large for {} of its points", loos[m].loo.bad);
      const bool has_evidence = evidences[m].unknown.empty();
      rows.push_back(
          {m == 0 ? label : "", models[m].name,
           has_evidence ? cell(evidences[m].log_evidence, evidences[m].error) : "-",
           std::isfinite(probabilities[m].probability)
               ? fmt::format("{:.4f} ({:.4f})", probabilities[m].probability, probabilities[m].error)
               : "-",
           unknown[m].empty() ? cell(loos[m].loo.total, loos[m].loo.error) : "-",
           cell(difference.difference, difference.error),
           "  " +
               (has_evidence ? doubt : "no evidence: " + evidences[m].unknown + (doubt.empty() ? "" : "; " + doubt))});
      entries.push_back({{"model", models[m].name},
                         {"log_evidence", has_evidence ? number(evidences[m].log_evidence) : nullptr},
                         {"log_evidence_error", has_evidence ? number(evidences[m].error) : nullptr},
                         {"probability", number(probabilities[m].probability)},
                         {"probability_error", number(probabilities[m].error)},
                         {"elpd", unknown[m].empty() ? number(loos[m].loo.total) : nullptr},
                         {"elpd_error", unknown[m].empty() ? number(loos[m].loo.error) : nullptr},
                         {"elpd_difference", number(difference.difference)},
                         {"elpd_difference_error", number(difference.error)},
                         {"verdict", models[m].found.posteriors[i].verdict.text()}});
      if (!has_evidence) entries.back()["no_evidence"] = evidences[m].unknown;
      if (!doubt.empty()) entries.back()["doubt"] = doubt;
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

void add_compare(CLI::App& program) {
  auto options = std::make_shared<Options>();
  options->threads = default_threads();
  CLI::App* command = program.add_subcommand(
      "compare", "Models of the same data: evidences, posterior probabilities, differences of leave-one-out");
  command->add_option("files", options->files, "trained samplers, and the data last: A.sibyl B.sibyl DATA")->required();
  command->add_option("--by", options->by, "the column whose values tell data sets apart");
  command->add_option("--prior", options->prior, "the models' prior probabilities (default: all the same)")
      ->delimiter(',');
  command->add_option("-n,--draws", options->draws, "draws for each data set")
      ->capture_default_str()
      ->check(CLI::Range(100, 10000000));
  command->add_option("--seed", options->seed, "random seed")->capture_default_str();
  command->add_option("--threads", options->threads, "number of threads")->capture_default_str();
  command->add_flag("--json", options->json, "the table as JSON");
  command->callback([options] { run(*options); });
}

} // namespace sibyl::cli
