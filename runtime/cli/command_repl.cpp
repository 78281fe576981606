#include "runtime/cli/commands.hpp"

#include "runtime/cli/model_file.hpp"
#include "runtime/repl/repl.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

namespace sibyl::cli {

void run_repl(const std::string& model, const std::vector<std::string>& include_directories) {
  if (!repl::run_repl(model, SIBYL_VERSION, include_directories)) throw AlreadyReported();
}

void add_repl(Command& program) {
  auto model = std::make_shared<std::string>();
  auto include = std::make_shared<std::vector<std::string>>();
  Command command = program.add_command("repl", "Type a model and try it; `sibyl` alone on a terminal does the same");
  command.add_option("model", *model, "what to load first: model text or sampler");
  add_include_option(command, *include);
  command.callback([model, include] { run_repl(*model, *include); });
}

} // namespace sibyl::cli
