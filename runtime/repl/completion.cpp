#include "lang/words.hpp"
#include "runtime/repl/session.hpp"

#include "compiler/emit.hpp"
#include "lang/check/primitives.hpp"
#include "lang/library.hpp"
#include "runtime/repl/commands.hpp"
#include "runtime/repl/input.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace sibyl::repl {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 20> keywords = {"array",
                                                  "data",
                                                  "design",
                                                  "for",
                                                  "functions",
                                                  "generated quantities",
                                                  "if",
                                                  "int",
                                                  "lower",
                                                  "matrix",
                                                  "model",
                                                  "parameters",
                                                  "print",
                                                  "real",
                                                  "row_vector",
                                                  "target",
                                                  "transformed data",
                                                  "transformed parameters",
                                                  "upper",
                                                  "vector"};

void keep(Completion& completion, std::string_view word, const std::string& candidate) {
  if (candidate.starts_with(word)) completion.candidates.push_back(candidate);
}

void complete_file(Completion& completion, std::string_view word) {
  std::string typed(word);
  const char* home = std::getenv("HOME");
  const bool in_home = typed.starts_with("~/") && home;
  const std::string real = in_home ? home + typed.substr(1) : typed;
  const std::size_t slash = real.rfind('/');
  const fs::path folder = slash == real.npos ? "." : slash == 0 ? "/" : real.substr(0, slash);
  const std::string name = slash == real.npos ? real : real.substr(slash + 1);
  const std::string before = typed.substr(0, typed.size() - name.size());
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string found = entry.path().filename().string();
    if (!found.starts_with(name) || (found.starts_with(".") && name.empty())) continue;
    completion.candidates.push_back(before + found + (entry.is_directory(error) ? "/" : " "));
  }
  std::ranges::sort(completion.candidates);
}

std::set<std::string> function_names() {
  std::set<std::string> names;
  names.insert(library_function_names().begin(), library_function_names().end());
  for (const std::string& one : checking::primitive_names()) names.insert(one);
  for (const std::string& one : library_distribution_names()) {
    names.insert(one + "_rng");
    names.insert(one + (library_distribution(one)->support.is_discrete ? "_lpmf" : "_lpdf"));
  }
  return names;
}

void complete_name(Completion& completion, std::string_view line, std::string_view word, const Draft& draft) {
  const std::string_view before = trimmed(line.substr(0, completion.begin));
  if (before.ends_with("~")) {
    for (const std::string& one : library_distribution_names()) keep(completion, word, one + "(");
    return;
  }
  const Declarations declared = draft.declarations();
  for (const auto& [name, block] : declared)
    keep(completion, word, block == ast::BlockKind::functions ? name + "(" : name);
  if (word.empty()) return; // all functions would be too many
  for (const std::string& one : function_names())
    if (!declared.contains(one)) keep(completion, word, one + "(");
  if (before.empty() || before.ends_with(";") || before.ends_with("{"))
    for (const char* one : keywords) keep(completion, word, one);
}

} // namespace

Completion Session::complete(std::string_view line) const {
  Completion completion;
  const std::size_t start = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t space = line.find_first_of(" \t", start);
  if (line.substr(start).starts_with(":") && space == line.npos) {
    completion.begin = start;
    for (const Command& one : commands())
      keep(completion, line.substr(start), ":" + std::string(one.name) + (one.arguments.empty() ? "" : " "));
    return completion;
  }
  const Command* command = nullptr;
  if (line.substr(start).starts_with(":")) {
    for (const Command& one : commands())
      if (one.name.starts_with(line.substr(start + 1, space - start - 1))) command = &one;
    if (!command) return completion;
  }
  const bool is_file = command && command->completes == ArgumentKind::file;
  completion.begin = line.size();
  while (completion.begin > 0 && (is_file ? line[completion.begin - 1] != ' ' : is_word(line[completion.begin - 1])))
    --completion.begin;
  const std::string_view word = line.substr(completion.begin);
  if (!command || command->completes == ArgumentKind::variable) {
    complete_name(completion, line, word, workspace_.draft());
  } else if (is_file) {
    complete_file(completion, word);
  } else if (command->completes == ArgumentKind::stage) {
    for (const std::string& one : emit_stages()) keep(completion, word, one + " ");
  } else if (command->completes == ArgumentKind::setting) {
    for (const std::string& one : setting_names()) keep(completion, word, one + " ");
  } else if (command->completes == ArgumentKind::command) {
    for (const Command& one : commands()) keep(completion, word, std::string(one.name));
  }
  return completion;
}

} // namespace sibyl::repl
