#include "runtime/cli/commands.hpp"

#include "runtime/repl/repl.hpp"
#include "runtime/terminal/terminal.hpp"

#include <CLI/CLI.hpp>

namespace sibyl::cli {

void run_repl(const std::string& model) {
  if (!repl::run_repl(model, SIBYL_VERSION)) throw AlreadyReported();
}

void add_repl(CLI::App& program) {
  auto model = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("repl", "Type a model and try it; `sibyl` alone on a terminal does the same");
  command->add_option("model", *model, "what to load first: model text or sampler");
  command->callback([model] { run_repl(*model); });
}

} // namespace sibyl::cli
