#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/cli/model_posterior.hpp"
#include "runtime/criticism/exact_loo.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/trust/beside_limit.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

namespace {

struct Options : PosteriorRequest {
  std::string pointwise;
  bool exact = false;
};

nlohmann::ordered_json to_json(const std::string& label, const PointwiseLoo& found) {
  auto points = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < found.points.size(); ++i)
    points.push_back({{"point", found.points[i]},
                      {"elpd", finite_or_null(found.loo.elpd[i])},
                      {"p_loo", finite_or_null(found.loo.p_loo[i])},
                      {"k_hat", finite_or_null(found.loo.k_hat[i])}});
  nlohmann::ordered_json json = {{"data", label},
                                 {"elpd", finite_or_null(found.loo.total)},
                                 {"elpd_error", finite_or_null(found.loo.error)},
                                 {"monte_carlo_error", finite_or_null(found.loo.monte_carlo_error)},
                                 {"p_loo", finite_or_null(found.loo.effective_parameters)},
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

ModelPosteriors open_for_exact(const Options& options) {
  ModelPosteriors found = open_request(options);
  if (!found.sampler)
    throw UserError("--exact needs a trained sampler, which draws without a point as quickly as with it");
  return found;
}

void run(const Options& options) {
  const ModelPosteriors found = options.exact ? open_for_exact(options) : find_posteriors(options);
  std::vector<std::vector<std::string>> rows, bad;
  auto all = nlohmann::ordered_json::array();
  std::string table = "data,point,elpd,p_loo,k_hat\n";
  for (std::size_t i = 0; i < found.data_sets.size(); ++i) {
    const std::string& label = found.data_sets[i].label;
    const PointwiseLoo one = options.exact
                                 ? leave_one_out_exactly(*found.sampler, found.data_sets[i], sampling_options(options))
                                 : leave_one_out(found.model, found.data_sets[i], found.posteriors[i]);
    const Loo& loo = one.loo;
    if (options.json) all.push_back(to_json(label, one));
    rows.push_back({label, std::to_string(one.points.size()), fmt::format("{:.2f}", loo.total),
                    fmt::format("{:.2f}", loo.error), fmt::format("{:.2f}", loo.monte_carlo_error),
                    fmt::format("{:.2f}", loo.effective_parameters),
                    fixed_beside(loo.k_hat.empty() ? 0 : *std::max_element(loo.k_hat.begin(), loo.k_hat.end()), 2,
                                 loo.largest_good),
                    "  " + verdict_of(one)});
    for (std::size_t p = 0; p < one.points.size(); ++p) {
      const bool has_commas = one.points[p].find(',') != std::string::npos;
      table += fmt::format("{},{}{}{},{},{},{}\n", label, has_commas ? "\"" : "", one.points[p], has_commas ? "\"" : "",
                           format_double(loo.elpd[p]), format_double(loo.p_loo[p]), format_double(loo.k_hat[p]));
      if (!(loo.k_hat[p] <= loo.largest_good) && bad.size() < 20)
        bad.push_back({label, one.points[p], fmt::format("{:.2f}", loo.elpd[p]),
                       fixed_beside(loo.k_hat[p], 2, loo.largest_good)});
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

void add_loo(Command& program) {
  auto options = std::make_shared<Options>();
  Command command = program.add_command(
      "loo", "How well each point is predicted from all others: leave-one-out by Pareto-smoothed importance sampling");
  add_file_and_data(command, *options);
  command.add_flag(
      "--exact", options->exact,
      "leave each point out: a posterior of its own by the sampler, where the design allows one point less");
  command.add_option("--pointwise", options->pointwise, "each point's elpd and k-hat (.csv)");
  add_request_options(command, *options);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
