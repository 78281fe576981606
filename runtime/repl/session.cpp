#include "runtime/repl/session.hpp"

#include "lang/errors.hpp"
#include "lang/words.hpp"
#include "runtime/repl/commands.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/repl/typed_input.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

namespace sibyl::repl {

namespace {

std::string first_line(const std::string& text) {
  const std::size_t end = text.find('\n');
  return end == text.npos ? text : text.substr(0, end) + " ...";
}

// Where each statement went, unless its block was typed.
void tell_places(const Workspace& workspace, const TypedInput& typed, const std::vector<Piece>& replaced) {
  std::string text;
  if (!typed.names_block)
    for (std::size_t i = 0; i < typed.pieces.size(); ++i)
      if (i == 0 || typed.pieces[i].block != typed.pieces[i - 1].block)
        text += fmt::format("{}{}", text.empty() ? "in " : ", ", block_name(typed.pieces[i].block));
  for (const Piece& one : replaced)
    text += fmt::format("{}in place of `{}`", text.empty() ? "" : ", ", first_line(one.text));
  if (!text.empty()) workspace.print("  " + text + "\n");
}

} // namespace

Outcome Session::run_command(std::string_view text, std::uint32_t number) {
  text.remove_prefix(1);
  const std::size_t end = std::min(text.find_first_of(" \t\n{"), text.size());
  const Command& command = find_command(text.substr(0, end));
  const std::string_view argument = trimmed(text.substr(end));
  if (command.arguments.empty() && !argument.empty())
    throw UserError(fmt::format("`:{}` takes nothing behind it", command.name));
  if (!command.run) return Outcome::ended;
  command.run(workspace_, argument, number);
  return Outcome::fine;
}

void Session::extend(std::uint32_t number) {
  const Source& input = workspace_.inputs.at(number);
  const TypedInput typed = read_input(input, number, workspace_.draft().declarations());
  if (has_errors(typed.diagnostics)) {
    workspace_.show(typed.diagnostics, input);
    throw cli::AlreadyReported();
  }
  if (typed.expression) return show_expression(workspace_, typed.expression, number);
  if (typed.pieces.empty()) return;
  Draft draft = workspace_.draft();
  const std::vector<Piece> replaced = draft.add(typed.pieces);
  // While declarations are typed, a model without priors is nothing to warn of.
  bool tells_refusals = false;
  for (const Piece& one : typed.pieces) tells_refusals |= one.subject.kind != Subject::Kind::declaration;
  if (!workspace_.change(std::move(draft), number, tells_refusals)) throw cli::AlreadyReported();
  tell_places(workspace_, typed, replaced);
}

Outcome Session::run(std::string_view text) {
  const std::string_view input = trimmed(text);
  if (is_blank(input)) return Outcome::fine;
  const auto* interrupted = workspace_.surroundings().interrupted;
  try {
    const std::uint32_t number = workspace_.inputs.add(std::string(input));
    if (input.starts_with(":")) return run_command(input, number);
    extend(number);
    return Outcome::fine;
  } catch (const cli::AlreadyReported&) {
  } catch (const std::bad_alloc&) {
    workspace_.error("out of memory");
  } catch (const std::exception& error) {
    if (workspace_.surroundings().progress) workspace_.surroundings().progress("");
    if (interrupted && *interrupted) workspace_.note("interrupted");
    else workspace_.error(error.what());
  }
  return Outcome::failed;
}

} // namespace sibyl::repl
