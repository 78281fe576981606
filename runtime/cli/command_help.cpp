#include "runtime/cli/commands.hpp"

#include "lang/help.hpp"
#include "runtime/terminal/command_line.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

void add_help(Command& program) {
  auto name = std::make_shared<std::string>();
  Command command =
      program.add_command("help", "What a distribution, function or transform of the language is; alone: all names");
  command.add_option("name", *name, "its name: normal, normal_lpdf, log_sum_exp, simplex");
  command.callback([name] { fmt::print("{}", name->empty() ? help_index() : help_text(*name)); });
}

} // namespace sibyl::cli
