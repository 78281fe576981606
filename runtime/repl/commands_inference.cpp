#include "lang/words.hpp"
#include "runtime/repl/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/criticism/pointwise.hpp"
#include "runtime/criticism/verify.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/mcmc/chees.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/repl/predictive_check.hpp"
#include "runtime/repl/quantity_table.hpp"
#include "runtime/terminal/chains_text.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/summary_table.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/terminal/training_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <algorithm>
#include <chrono>
#include <numeric>

namespace sibyl::repl {

namespace {

constexpr std::size_t shown_elements = 8; // of one parameter

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string elements_left_out(const CurrentDraws& draws) {
  const Facts& facts = draws.model->facts();
  std::string text;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::parameter || !draws.find(v)) continue;
    const auto count = static_cast<std::size_t>(element_count(draws.extents(v, 0)));
    if (count > shown_elements)
      text += fmt::format("  {}: {} more; `:plot {}`\n", facts.variables[v].name, count - shown_elements,
                          facts.variables[v].name);
  }
  return text;
}

void show_check(Workspace& workspace, const std::vector<VariableCheck>& checks) {
  const PlotStyle& style = workspace.surroundings().plot;
  std::vector<std::vector<std::string>> rows;
  for (const VariableCheck& variable : checks)
    for (const StatisticCheck& one : variable.statistics)
      rows.push_back({&one == &variable.statistics.front() ? one.variable : "", one.statistic,
                      cli::format_number(one.observed), cli::format_number(one.mean), cli::format_number(one.q5),
                      cli::format_number(one.q95), fmt::format("{:.3f}{}", one.tail, one.tail < 0.05 ? " *" : "  ")});
  workspace.print(cli::format_table({"variable", "statistic", "data", "replicated", "5%", "95%", "tail  "}, rows, 2));
  for (const VariableCheck& variable : checks) {
    const Bins& bins = variable.observed;
    const double inset = variable.is_integer ? 0.5 : 0; // whole numbers stand in the middle of their bins
    workspace.print(fmt::format("\n{}, {} to {}\n  data        {}\n  replicated  {}\n", variable.name,
                                cli::format_number(bins.first + inset), cli::format_number(bins.last() - inset),
                                sparkline(variable.observed, style), sparkline(variable.replicated, style)));
  }
}

struct OneDataSet {
  DataSet data;
  std::size_t place; // among the workspace's
};

// The one with this label, or the only one; one without variables where the model has no data.
OneDataSet choose_one_data_set(Workspace& workspace, std::string_view label) {
  if (!workspace.has_data())
    return {conform({}, workspace.model()->facts(), "the model needs data (`:data FILE`)"), 0};
  const std::vector<DataSet>& sets = workspace.data().sets;
  if (label.empty() && sets.size() != 1)
    throw UserError(fmt::format("there are {} data sets, and this is for one: give its label", sets.size()));
  std::size_t place = 0;
  while (place < sets.size() && !label.empty() && sets[place].label != label) ++place;
  if (place == sets.size()) throw UserError(fmt::format("no data set is called {}", label));
  return {sets[place], place};
}

// Draws that are no network's become those that questions are about; `origin` says of what they are.
void take_draws(Workspace& workspace, const OneDataSet& chosen, const Draws& found, const std::string& origin) {
  Posterior posterior{found, {}};
  posterior.draws.label = chosen.data.label;
  CurrentDraws draws = posterior_draws(workspace.model(), chosen.data, posterior.draws,
                                       fmt::format("{} draws of {}", found.row_count, origin));
  workspace.posteriors = {std::move(posterior)};
  workspace.chains = mcmc::ModelChains{.draws = {found}};
  workspace.shown = chosen.place;
  workspace.set_draws(std::move(draws));
}

// Many short chains over lanes.
void run_short_chains(Workspace& workspace, std::string_view label) {
  const auto model = workspace.model();
  const OneDataSet chosen = choose_one_data_set(workspace, label);
  mcmc::CheesOptions options;
  options.draws = workspace.settings.draws;
  options.seed = workspace.settings.seed;
  options.threads = workspace.settings.threads;
  options.interrupted = workspace.surroundings().interrupted;
  const auto start = std::chrono::steady_clock::now();
  const mcmc::CheesResult found = mcmc::sample_chees(model, chosen.data, options);
  const double seconds = seconds_since(start);
  take_draws(workspace, chosen, found.draws, fmt::format("{} short chains", found.chains));
  workspace.print(cli::chains_table(found.quantities, "nested R-hat"));
  workspace.print(cli::chees_summary(found, seconds));
  if (found.failed.count() > 0) workspace.note(describe_failed_draws(found.failed));
  for (const std::string& one : found.warnings) workspace.note(one);
}

} // namespace

void prior(Workspace& workspace, std::string_view, std::uint32_t) {
  const auto start = std::chrono::steady_clock::now();
  PriorDraws fresh = workspace.draw_prior_now();
  if (fresh.left_out.count() > 0) workspace.note(fresh.left_out.describe("simulations"));
  if (fresh.failed.count() > 0) workspace.note(describe_failed_draws(fresh.failed));
  workspace.set_draws(std::move(fresh.draws));
  const CurrentDraws& draws = workspace.draws();
  const PlotStyle& style = workspace.surroundings().plot;
  workspace.print(quantity_table("parameter", parameter_quantities(draws, shown_elements), style));
  workspace.print(elements_left_out(draws));
  if (const auto observed = observed_quantities(draws); !observed.empty())
    workspace.print("\n" + quantity_table("predicted", observed, style));
  workspace.print(fmt::format("{} in {:.2f} s\n", draws.origin, seconds_since(start)));
}

void train(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const auto model = workspace.model();
  SamplerTrainingOptions options;
  const bool is_around = argument == "around" || argument.starts_with("around ");
  if (is_around) {
    argument = trimmed(argument.substr(6));
    if (!workspace.has_data() || workspace.data().sets.size() != 1)
      throw UserError("`:train around` needs one data set: `:data FILE`");
    options.around = workspace.data().sets.front();
  }
  if (argument == "real" || argument.starts_with("real ")) {
    argument = trimmed(argument.substr(4));
    if (!workspace.has_data()) throw UserError("`:train real` needs data sets: `:data FILE`");
    options.real = workspace.data().sets;
  }
  if (argument == "sims" || argument.starts_with("sims ")) {
    argument = trimmed(argument.substr(4));
    const auto [rest, error] =
        std::from_chars(argument.data(), argument.data() + argument.size(), options.simulations);
    if (error != std::errc() || options.simulations <= 0) throw UserError("how many simulations? `:train sims 10000`");
    argument = trimmed(std::string_view(rest, argument.data() + argument.size()));
  }
  if (!argument.empty() || options.simulations == 0)
    options.budget.seconds = cli::parse_duration(argument.empty() ? "30s" : std::string(argument));
  options.setup.frame = workspace.settings.frame;
  options.family = workspace.settings.posterior;
  options.self_consistency = workspace.settings.self_consistency;
  options.setup.missing_share = workspace.settings.missing;
  options.setup.plan.allows_missing = workspace.settings.missing > 0;
  options.setup.seed = workspace.settings.seed;
  options.setup.threads = workspace.settings.threads;
  options.setup.interrupted = workspace.surroundings().interrupted;
  if (!is_around) options.setup.design = workspace.given_design(*model);
  SamplerTrainingEvents events;
  events.prepared = [&](const InferenceSetup& setup) {
    workspace.surroundings().progress("");
    workspace.print(describe(setup.encoder.plan()));
    for (const std::string& one : setup.notes) workspace.note(one);
  };
  events.doing = [&](const std::string& what) { workspace.surroundings().progress(what); };
  events.progress = [&](const TrainingProgress& at) { workspace.surroundings().progress(cli::progress_text(at)); };
  events.trained = [&](const TrainingResult& trained) {
    workspace.surroundings().progress("");
    if (trained.was_interrupted) workspace.note("stopped early; the sampler is the best so far");
    const std::string seen = trained.epochs > 0 ? fmt::format("{} epochs", trained.epochs)
                                                : fmt::format("{} simulations", trained.simulations);
    workspace.print(fmt::format("{} steps, {} in {}\n", trained.steps, seen, cli::duration_text(trained.seconds)));
  };
  events.keep = [&](const SamplerFile& file) { workspace.set_trained(file); };
  TrainedSampler trained = train_sampler(model, options, events);
  workspace.surroundings().progress("");
  for (const std::string& one : trained.notes) workspace.note(one);
  if (trained.calibration) workspace.print(describe(*trained.calibration));
  workspace.set_trained(std::move(trained.file));
}

// FILE [--by COLUMN], or JSON text.
void data(Workspace& workspace, std::string_view argument, std::uint32_t) {
  std::string path(argument), by;
  if (!argument.starts_with("{"))
    if (const std::size_t option = argument.find("--by"); option != argument.npos) {
      path = std::string(trimmed(argument.substr(0, option)));
      by = std::string(trimmed(argument.substr(option + 4)));
      if (by.empty()) throw UserError("which column? `:data FILE --by COLUMN`");
    }
  if (path.empty() && workspace.has_data()) path = workspace.data().path, by = workspace.data().by;
  if (path.empty()) throw UserError("which data? `:data FILE [--by COLUMN]`, or `:data {\"y\": [1.2, 0.4]}`");
  workspace.choose_data(path, by);
  const ChosenData& chosen = workspace.data();
  std::string text = fmt::format("{} data set{}", chosen.sets.size(), chosen.sets.size() == 1 ? "" : "s");
  if (!by.empty()) text += " by " + by;
  if (!chosen.sets.empty()) {
    text += ":";
    for (const auto& [name, tensor] : chosen.sets.front().variables) {
      text += " " + name;
      for (std::size_t d = 0; d < tensor.extents.size(); ++d)
        text +=
            fmt::format("{}{}", d == 0 ? "[" : ",", tensor.extents[d]) + (d + 1 == tensor.extents.size() ? "]" : "");
    }
    if (chosen.sets.size() > 1) text += " in the first";
  }
  workspace.print(text + "\n");
}

void sample(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const TrainedModel& trained = workspace.trained();
  const ChosenData& chosen = workspace.data();
  std::size_t first = 0, count = chosen.sets.size();
  const std::string_view first_word = argument.substr(0, argument.find(' '));
  const bool exact = first_word == "exact", verify = first_word == "verify";
  if (exact || verify) argument = trimmed(argument.substr(first_word.size()));
  if (!argument.empty()) {
    while (first < count && chosen.sets[first].label != argument) ++first;
    if (first == count) throw UserError(fmt::format("no data set is called {}", argument));
    count = 1;
  }
  if (count == 0) throw UserError("there are no data sets");
  const auto start = std::chrono::steady_clock::now();
  const std::span wanted(chosen.sets.data() + first, count);
  const SampleOptions options{.draws = workspace.settings.draws,
                              .seed = workspace.settings.seed,
                              .exact = exact,
                              .exact_seconds = workspace.settings.exact_seconds,
                              .threads = workspace.settings.threads,
                              .interrupted = workspace.surroundings().interrupted};
  std::vector<Posterior> posteriors =
      verify ? Verifier(*trained.sampler).verify(wanted, options) : trained.sampler->sample(wanted, options);
  const double seconds = seconds_since(start);
  std::string origin = fmt::format("{} posterior draws", posteriors.front().draws.row_count);
  if (chosen.sets.size() > 1) origin += " for " + posteriors.front().draws.label;
  CurrentDraws draws = posterior_draws(trained.model, chosen.sets[first], posteriors.front().draws, origin);
  // Only now, that nothing can fail, the draws before are given up.
  workspace.posteriors = std::move(posteriors);
  workspace.chains.reset();
  workspace.shown = first;
  workspace.set_draws(std::move(draws));
  const Posterior& shown = workspace.posteriors.front();
  workspace.print(cli::summary_table(workspace.posteriors, trained.model->facts(), chosen.by));
  workspace.print(cli::verification_summary(workspace.posteriors));
  workspace.print(fmt::format("{} draws{} in {:.2f} s\n", shown.draws.row_count, count > 1 ? " each" : "", seconds));
  if (count > 1)
    workspace.print(
        fmt::format("expressions and plots are about {}; `:sample LABEL` chooses another\n", shown.draws.label));
}

// [chees] [LABEL]
void run_chains(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const std::string_view first_word = argument.substr(0, argument.find(' '));
  if (first_word == "chees") return run_short_chains(workspace, trimmed(argument.substr(first_word.size())));
  const auto model = workspace.model();
  const auto [data_set, chosen] = choose_one_data_set(workspace, argument);
  mcmc::ModelChainsOptions options;
  options.draws = std::max<std::size_t>(1, workspace.settings.draws / options.chains);
  options.seed = workspace.settings.seed;
  options.threads = workspace.settings.threads;
  options.interrupted = workspace.surroundings().interrupted;
  // Chains report from their own threads, one at a time, while this one waits for them or is one of them.
  options.progress = [&](const mcmc::ChainsProgress& at) {
    workspace.surroundings().progress(cli::progress_text(at, options));
  };
  const auto start = std::chrono::steady_clock::now();
  mcmc::ModelChains chains = mcmc::sample_chains(model, data_set, options);
  const double seconds = seconds_since(start);
  workspace.surroundings().progress("");
  const mcmc::ChainsReport report =
      mcmc::report(chains, model->facts(), options, Outputs::parameters, workspace.settings.threads);
  Posterior all{chains.draws.front(), {}};
  for (std::size_t i = 1; i < chains.draws.size(); ++i) {
    all.draws.values.insert(all.draws.values.end(), chains.draws[i].values.begin(), chains.draws[i].values.end());
    all.draws.row_count += chains.draws[i].row_count;
  }
  all.draws.label = data_set.label;
  CurrentDraws draws = posterior_draws(model, data_set, all.draws,
                                       fmt::format("{} draws of {} chains", all.draws.row_count, chains.draws.size()));
  workspace.posteriors = {std::move(all)};
  workspace.shown = chosen;
  workspace.set_draws(std::move(draws));
  workspace.print(cli::chains_table(report.quantities));
  workspace.print(cli::chains_summary(chains, seconds));
  if (chains.failed.count() > 0) workspace.note(describe_failed_draws(chains.failed));
  for (const std::string& one : report.warnings) workspace.note(one);
  workspace.chains = std::move(chains);
}

// [LABEL]
void loo(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const TrainedModel& trained = workspace.trained();
  const auto [data_set, chosen] = choose_one_data_set(workspace, argument);
  const std::vector<WeightedPosterior> posteriors =
      weigh_posteriors(*trained.sampler, std::span(&data_set, 1),
                       {.draws = workspace.settings.draws,
                        .seed = workspace.settings.seed,
                        .threads = workspace.settings.threads,
                        .interrupted = workspace.surroundings().interrupted});
  const PointwiseLoo found = leave_one_out(trained.model, data_set, posteriors.front());
  // The points that are predicted worst.
  std::vector<std::size_t> order(found.points.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return found.loo.elpd[a] < found.loo.elpd[b]; });
  order.resize(std::min(order.size(), shown_elements));
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t i : order)
    rows.push_back({found.points[i], fmt::format("{:.2f}", found.loo.elpd[i]),
                    fmt::format("{:.2f}", found.loo.p_loo[i]), fmt::format("{:.2f}", found.loo.k_hat[i])});
  workspace.print(cli::format_table({"point", "elpd", "p_loo", "k-hat"}, rows, 1));
  workspace.print(fmt::format("elpd {:.2f} (error {:.2f}) over {} points; the worst predicted first\n", found.loo.total,
                              found.loo.error, found.points.size()));
  if (found.loo.bad > 0)
    workspace.note(fmt::format("k-hat is above {:.2f} for {} points: their elpd is not to be trusted",
                               found.loo.largest_good, found.loo.bad));
  if (!found.doubt.empty()) workspace.note("the draws are " + found.doubt);
}

// [LABEL]
void optimize(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const auto model = workspace.model();
  mcmc::OptimizeOptions options;
  options.seed = workspace.settings.seed;
  options.interrupted = workspace.surroundings().interrupted;
  const mcmc::Optimum optimum = mcmc::optimize(model, choose_one_data_set(workspace, argument).data, options);
  workspace.print(cli::mode_table(optimum, model->facts(), false));
  workspace.print(cli::mode_summary(optimum, options.jacobian));
}

// [LABEL]
void pathfinder(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const auto model = workspace.model();
  const OneDataSet chosen = choose_one_data_set(workspace, argument);
  mcmc::PathfinderOptions options;
  options.resampled = workspace.settings.draws;
  options.draws = std::max(options.draws, workspace.settings.draws / options.paths);
  options.seed = workspace.settings.seed;
  options.threads = workspace.settings.threads;
  options.interrupted = workspace.surroundings().interrupted;
  const auto start = std::chrono::steady_clock::now();
  const mcmc::PathfinderResult found = mcmc::pathfinder(model, chosen.data, options);
  const double seconds = seconds_since(start);
  take_draws(workspace, chosen, found.draws, "Pathfinder");
  workspace.print(cli::draws_table(found.draws, model->facts(), false));
  workspace.print(cli::pathfinder_summary(found, seconds));
  if (found.failed.count() > 0) workspace.note(describe_failed_draws(found.failed));
  if (!found.warning.empty()) workspace.note(found.warning);
}

void check(Workspace& workspace, std::string_view, std::uint32_t) {
  if (!workspace.posterior()) sample(workspace, "", 0);
  const auto model = workspace.posterior()->model;
  const DataSet& observed = workspace.data().sets.at(workspace.shown);
  const Draws& draws = workspace.posteriors.front().draws;
  // Spread evenly over the draws.
  const std::size_t count = std::min(workspace.settings.replicates, draws.row_count);
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = i * draws.row_count / count;
  const Prediction predicted =
      predict(workspace.model(), observed, draws, rows, workspace.settings.seed, workspace.surroundings().interrupted);
  if (predicted.data.count == 0) throw RuntimeError(predicted.left_out.describe("simulations"));
  if (predicted.left_out.count() > 0) workspace.note(predicted.left_out.describe("simulations"));
  DataBatch data = gather(model->facts(), std::span(&observed, 1));
  compute_observed(model, data);
  const auto checks = check_predictions(model->facts(), data, predicted, 48);
  show_check(workspace, checks);
  workspace.print(fmt::format("{} data sets simulated from {}; a star marks tails below 0.05\n", predicted.data.count,
                              workspace.posterior()->origin));
}

} // namespace sibyl::repl
