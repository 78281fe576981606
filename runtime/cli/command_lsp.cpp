#include "runtime/cli/commands.hpp"

#include "runtime/cli/model_file.hpp"
#include "runtime/editor/language_server.hpp"
#include "runtime/terminal/terminal.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace sibyl::cli {

void add_lsp(CLI::App& program) {
  auto include = std::make_shared<std::vector<std::string>>();
  CLI::App* command = program.add_subcommand("lsp", "Serve an editor: the Language Server Protocol on standard input");
  add_include_option(*command, *include);
  command->add_flag("--stdio")->description("what editors say; it is so anyway");
  command->callback([include] {
    if (editor::serve(std::cin, std::cout, *include) != 0) throw AlreadyReported();
  });
}

} // namespace sibyl::cli
