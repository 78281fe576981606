// The session's commands, `:prior` and its kin: a table, and a function for each.
#pragma once

#include "runtime/repl/workspace.hpp"

#include <string_view>
#include <vector>

namespace sibyl::repl {

// What completes a command's argument.
enum class ArgumentKind { none, file, variable, stage, setting, command };

struct Command {
  std::string_view name, arguments, summary;
  // Throws UserError and its kin; AlreadyReported where the message was shown. `argument` has no white space around it;
  // `number` is the input that holds it, for messages that underline it.
  void (*run)(Workspace&, std::string_view argument, std::uint32_t number);
  ArgumentKind completes = ArgumentKind::none;
};

const std::vector<Command>& commands();
// By its name or the beginning of one. Throws UserError where there is none, or several begin so.
const Command& find_command(std::string_view name);

// ---- commands_model.cpp
void load(Workspace&, std::string_view, std::uint32_t);
void undo(Workspace&, std::string_view, std::uint32_t);
void edit(Workspace&, std::string_view, std::uint32_t);
void show_model(Workspace&, std::string_view, std::uint32_t);
void show_facts(Workspace&, std::string_view, std::uint32_t);
void emit_stage(Workspace&, std::string_view, std::uint32_t);
void save(Workspace&, std::string_view, std::uint32_t);

// ---- commands_inference.cpp
void prior(Workspace&, std::string_view, std::uint32_t);
void train(Workspace&, std::string_view, std::uint32_t);
void data(Workspace&, std::string_view, std::uint32_t);
void loo(Workspace&, std::string_view, std::uint32_t);
void run_chains(Workspace&, std::string_view, std::uint32_t);
void optimize(Workspace&, std::string_view, std::uint32_t);
void pathfinder(Workspace&, std::string_view, std::uint32_t);
void sample(Workspace&, std::string_view, std::uint32_t);
void check(Workspace&, std::string_view, std::uint32_t);

// ---- commands_compare.cpp
void compare(Workspace&, std::string_view, std::uint32_t);

// ---- commands_view.cpp
void plot(Workspace&, std::string_view, std::uint32_t);
void pairs(Workspace&, std::string_view, std::uint32_t);
void set(Workspace&, std::string_view, std::uint32_t);
std::vector<std::string> setting_names();
// An expression as an input of its own.
void show_expression(Workspace&, const ast::ExpressionPtr&, std::uint32_t);

} // namespace sibyl::repl
