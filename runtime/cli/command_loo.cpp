#include "runtime/cli/commands.hpp"

#include "lang/files/text_file.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/pointwise.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  std::string pointwise;
  bool json = false;
};

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const std::string& label, const PointwiseLoo& found) {
  auto points = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < found.points.size(); ++i)
    points.push_back({{"point", found.points[i]},
                      {"elpd", number(found.loo.elpd[i])},
                      {"p_loo", number(found.loo.p_loo[i])},
                      {"k_hat", number(found.loo.k_hat[i])}});
  nlohmann::ordered_json json = {{"data", label},
                                 {"elpd", number(found.loo.total)},
                                 {"elpd_error", number(found.loo.error)},
                                 {"monte_carlo_error", number(found.loo.monte_carlo_error)},
                                 {"p_loo", number(found.loo.effective_parameters)},
                                 {"largest_good_k_hat", found.loo.largest_good},
                                 {"bad_points", found.loo.bad}};
  if (!found.doubt.empty()) json["doubt"] = found.doubt;
  json["points"] = std::move(points);
  return json;
}

std::string verdict_of(const PointwiseLoo& found) {
  if (!found.doubt.empty()) return "draws are " + found.doubt;
  if (found.loo.bad > 0)
    return fmt::format("k-hat above {:.2f} for {} point{}: their elpd is not to be trusted", found.loo.largest_good,
                       found.loo.bad, found.loo.bad == 1 ? "" : "s");
  return "fine";
}

void run(const Options& options) {
  const ModelPosteriors found = find_posteriors(options);
  std::vector<std::vector<std::string>> rows, bad;
  auto all = nlohmann::ordered_json::array();
  std::string table = "data,point,elpd,p_loo,k_hat\n";
  for (std::size_t i = 0; i < found.posteriors.size(); ++i) {
    const std::string& label = found.data_sets[i].label;
    const PointwiseLoo one = leave_one_out(found.model, found.data_sets[i], found.posteriors[i]);
    const Loo& loo = one.loo;
    if (options.json) all.push_back(to_json(label, one));
    rows.push_back(
        {label, std::to_string(one.points.size()), fmt::format("{:.2f}", loo.total), fmt::format("{:.2f}", loo.error),
         fmt::format("{:.2f}", loo.monte_carlo_error), fmt::format("{:.2f}", loo.effective_parameters),
         fmt::format("{:.2f}", loo.k_hat.empty() ? 0 : *std::max_element(loo.k_hat.begin(), loo.k_hat.end())),
         "  " + verdict_of(one)});
    for (std::size_t p = 0; p < one.points.size(); ++p) {
      const bool has_commas = one.points[p].find(',') != std::string::npos;
      table += fmt::format("{},{}{}{},{},{},{}\n", label, has_commas ? "\"" : "", one.points[p], has_commas ? "\"" : "",
                           format_double(loo.elpd[p]), format_double(loo.p_loo[p]), format_double(loo.k_hat[p]));
      if (!(loo.k_hat[p] <= loo.largest_good) && bad.size() < 20)
        bad.push_back({label, one.points[p], fmt::format("{:.2f}", loo.elpd[p]), fmt::format("{:.2f}", loo.k_hat[p])});
    }
  }
  if (!options.pointwise.empty()) write_file(options.pointwise, table);
  if (options.json) {
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{}", format_table({options.by.empty() ? "data" : options.by, "points", "elpd", "error", "MC error",
                                 "p_loo", "largest k-hat", "  verdict"},
                                rows, 1));
  if (!bad.empty()) fmt::print("\n{}", format_table({"data", "point", "elpd", "k-hat"}, bad, 2));
}

} // namespace

void add_loo(CLI::App& program) {
  auto options = std::make_shared<Options>();
  options->threads = default_threads();
  CLI::App* command = program.add_subcommand(
      "loo", "How well each point is predicted from all others: leave-one-out by Pareto-smoothed importance sampling");
  command->add_option("file", options->file, "sampler file, or model (.sib, .stan, .so), which is sampled by chains")
      ->required();
  command->add_option("data", options->data, "data: Stan JSON, CSV or NPZ")->required();
  add_include_option(*command, options->include_directories);
  command->add_option("--by", options->by, "the column whose values tell data sets apart");
  command->add_option("-n,--draws", options->draws, "draws for each data set")
      ->capture_default_str()
      ->check(CLI::Range(100, 10000000));
  command->add_option("--pointwise", options->pointwise, "each point's elpd and k-hat (.csv)");
  command->add_option("--seed", options->seed, "random seed")->capture_default_str();
  command->add_option("--threads", options->threads, "number of threads")->capture_default_str();
  command->add_flag("--json", options->json, "the table as JSON, with all points");
  command->callback([options] { run(*options); });
}

} // namespace sibyl::cli
