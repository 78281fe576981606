#include "runtime/cli/commands.hpp"

#include "runtime/cli/model_file.hpp"
#include "runtime/editor/language_server.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <iostream>

namespace sibyl::cli {

void add_lsp(Command& program) {
  auto include = std::make_shared<std::vector<std::string>>();
  Command command = program.add_command("lsp", "Serve an editor: the Language Server Protocol on standard input");
  add_include_option(command, *include);
  command.add_flag("--stdio", "what editors say; it is so anyway");
  command.callback([include] {
    if (editor::serve(std::cin, std::cout, *include) != 0) throw AlreadyReported();
  });
}

} // namespace sibyl::cli
