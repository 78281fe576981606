#include "runtime/repl/commands.hpp"

#include "lang/errors.hpp"
#include "lang/help.hpp"
#include "runtime/repl/input.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl::repl {

namespace {

constexpr std::string_view help_on_model =
    R"(A statement extends the model at once. Typing one again replaces it; :undo takes it back.

  real<lower=0> sigma;              a parameter
  int<lower=1> N;                   whole numbers are data
  data vector[N] y;                 any block's name may stand before statements; data and parameters hold for the
                                    declarations behind them, others for the whole line
  generated quantities { ... }      blocks may be written as in a file; they are extended
  real ratio = mu / sigma;          computed: transformed data, transformed parameters or, with _rng, generated
                                    quantities, by what it is computed from
  y ~ normal(mu, sigma);            model
  N ~ discrete_range(20, 200);      design, where data are drawn from data alone
  y[1] = mu + 1;                    the block that declares the variable; data: model
  for (n in 1:N) { ... }            goes on until the braces close; design where it draws data from data alone
  real twice(real x) { return 2 * x; }      a function

A missing ; at the end of a line is supplied. What changes together is typed in one line, or with :edit.
)";

constexpr std::string_view help_on_expressions =
    R"(An expression is evaluated in each of the current draws: those of the last :prior, :sample or :mcmc.

  mu                                mean, sd and quantiles, with a histogram
  mean(exp(mu))                     mean, sd, variance, median, min, max of a number: over the draws
  quantile(mu, 0.9)                 likewise
  mu > 0                            its probability
  theta[2] - theta[1]               all functions of the language and of the model
)";

void help(Workspace& workspace, std::string_view argument, std::uint32_t) {
  if (argument == "model") return workspace.print(help_on_model);
  if (argument == "expressions") return workspace.print(help_on_expressions);
  const auto is_command = [&](const Command& one) { return one.name.starts_with(argument); };
  if (!argument.empty() && !argument.starts_with(":") &&
      (find_help(argument) || std::none_of(commands().begin(), commands().end(), is_command)))
    return workspace.print(help_text(argument));
  if (!argument.empty()) {
    const Command& command = find_command(argument.starts_with(":") ? argument.substr(1) : argument);
    return workspace.print(fmt::format(":{}{}{}\n  {}\n", command.name, command.arguments.empty() ? "" : " ",
                                       command.arguments, command.summary));
  }
  std::string text;
  for (const Command& one : commands()) {
    const std::string usage = fmt::format(":{}{}{}", one.name, one.arguments.empty() ? "" : " ", one.arguments);
    const std::string_view first_line = one.summary.substr(0, one.summary.find('\n'));
    text += fmt::format("  {:<26}  {}\n", usage, first_line);
  }
  text += "\nWhat does not begin with a colon extends the model (:help model) or is evaluated (:help expressions).\n"
          ":help NAME tells what a distribution, function or transform is: :help normal.\n"
          "Commands may be cut short (:tr 30s). Ctrl-C stops what runs; Ctrl-D ends the session.\n";
  workspace.print(text);
}

} // namespace

const std::vector<Command>& commands() {
  using Kind = ArgumentKind;
  static const std::vector<Command> table = {
      {"load", "FILE", "a model text (.sib, .stan) or a trained sampler (.sibyl) in the place of this model", load,
       Kind::file},
      {"model", "", "the model's text", show_model},
      {"facts", "", "what the compiler proves about it", show_facts},
      {"undo", "", "take the last change of the model back", undo},
      {"edit", "", "change the model in $EDITOR", edit},
      {"emit", "STAGE [FUNCTION]", "a stage of the compiler as text: ast, typed, ir, facts, llvm, asm", emit_stage,
       Kind::stage},
      {"prior", "", "draw from the prior: parameters, and the data that they predict", prior},
      {"train", "[around] [real] [sims N] [30s]",
       "train an amortized posterior for so long (around the posterior of the data, where priors are flat or very "
       "wide; real: the data, unlabelled, beside simulations; "
       "on a fixed set of N simulations); Ctrl-C keeps what was learned",
       train},
      {"data", "FILE [--by COLUMN]", "data sets from CSV, JSON or NPZ; or JSON itself: :data {\"y\": [1.2, 0.4]}", data,
       Kind::file},
      {"sample", "[exact|verify] [LABEL]",
       "posterior draws for the data, or for the data set with this label; exact: of the model's own posterior; "
       "verify: "
       "that too, and whether the model can have made the data",
       sample},
      {"loo", "[LABEL]",
       "how well each point of the data is predicted from all others, from the trained sampler's draws", loo},
      {"mcmc", "[chees] [LABEL]",
       "Markov chains for the data, the exact posterior where there is a density; no training needed; chees: many "
       "short "
       "chains over lanes",
       run_chains},
      {"optimize", "[LABEL]", "the mode of the density given the data", optimize},
      {"pathfinder", "[LABEL]", "a quick approximation of the posterior, and how far it can be trusted", pathfinder},
      {"plot", "EXPRESSION", "histogram over the current draws", plot, Kind::variable},
      {"pairs", "A B", "two expressions' draws against each other", pairs, Kind::variable},
      {"check", "", "compare the data with data simulated from the posterior", check},
      {"compare", "[OTHER.sib ...] [30s] [to FILE]",
       "which of several models made the data: of this one and others, learned from simulations of all (and kept in "
       "FILE); "
       "or of those in a file that this or `sibyl train A.sib B.sib` wrote; nothing: of those before",
       compare, Kind::file},
      {"save", "FILE",
       "by its ending: .sib the model, .sibyl the sampler, .csv, .npz or .nc the draws; none: model and sampler", save,
       Kind::file},
      {"set", "[NAME VALUE]",
       "settings: seed, draws, exact_seconds, prior_draws, replicates, threads, missing, frame, posterior, "
       "self_consistency",
       set,
       Kind::setting},
      {"help", "[COMMAND|NAME]", "this; also :help model, :help expressions, and what a name of the language is", help,
       Kind::command},
      {"quit", "", "end the session", nullptr},
  };
  return table;
}

const Command& find_command(std::string_view name) {
  const Command* found = nullptr;
  for (const Command& one : commands()) {
    if (one.name == name) return one;
    if (name.empty() || !one.name.starts_with(name)) continue;
    if (found) throw UserError(fmt::format("`:{}` may be `:{}` or `:{}`", name, found->name, one.name));
    found = &one;
  }
  if (!found) throw UserError(fmt::format("there is no command `:{}`; `:help` lists them", name));
  return *found;
}

} // namespace sibyl::repl
