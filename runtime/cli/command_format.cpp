#include "runtime/cli/commands.hpp"

#include "lang/diagnostic.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "lang/format.hpp"
#include "lang/parse.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

namespace {

struct FormatOptions {
  std::string model;
  bool in_place = false;
  bool check = false;
};

void run(const FormatOptions& options) {
  const Source source(options.model, read_file(options.model));
  const ParseResult parsed = parse(source, 0, Includes::kept);
  if (!parsed.program) {
    print_diagnostics(parsed.diagnostics, source);
    throw AlreadyReported();
  }
  const std::string formatted = format(*parsed.program, source);
  if (options.check) {
    if (formatted != source.text()) throw UserError(fmt::format("{} is not formatted", options.model));
  } else if (options.in_place) {
    if (formatted != source.text()) write_file(options.model, formatted);
  } else {
    fmt::print("{}", formatted);
  }
}

} // namespace

void add_format(Command& program) {
  auto options = std::make_shared<FormatOptions>();
  Command command = program.add_command("format", "Print a model text in canonical form");
  command.add_option("model", options->model, "model text (.sib, .stan)").required();
  const Option in_place = command.add_flag("-i,--in-place", options->in_place, "rewrite the file");
  command.add_flag("--check", options->check, "print nothing; fail when the file is not in canonical form")
      .excludes(in_place);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
