#include "runtime/repl/input.hpp"

#include "lang/words.hpp"

#include <array>

namespace sibyl::repl {

namespace {

constexpr std::array<std::string_view, 8> block_names = {
    "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
    "generated quantities"};

struct Scan {
  int open_brackets = 0;
  bool in_comment = false;
  std::string code;                        // the input without comments and strings
  std::vector<std::size_t> statement_ends; // outside of all brackets
};

Scan scan(std::string_view input) {
  Scan result;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::string_view rest = input.substr(i);
    if (rest.starts_with("//")) {
      i = std::min(input.find('\n', i), input.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = input.find("*/", i + 2);
      if (end == std::string_view::npos) {
        result.in_comment = true;
        break;
      }
      i = end + 1;
    } else if (input[i] == '"') {
      i = std::min(input.find_first_of("\"\n", i + 1), input.size());
      result.code += '0';
      continue;
    } else {
      if (rest.find_first_of("([{") == 0) ++result.open_brackets;
      if (rest.find_first_of(")]}") == 0) --result.open_brackets;
      result.code += input[i];
      if (result.open_brackets == 0 && (input[i] == ';' || input[i] == '}')) result.statement_ends.push_back(i + 1);
      continue;
    }
    result.code += ' ';
  }
  return result;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || !is_word(text[word.size()]));
}

// Words after which something must follow in braces or as a statement.
bool wants_body(std::string_view code) {
  for (const std::string_view word : {"for", "while", "if"})
    if (starts_with_word(code, word)) return true;
  if (const auto prefix = block_prefix(code)) return prefix->length == code.size();
  return false;
}

} // namespace

std::string_view block_name(ast::BlockKind kind) { return block_names[static_cast<std::size_t>(kind)]; }

bool is_blank(std::string_view input) {
  const Scan result = scan(input);
  return !result.in_comment && trimmed(result.code).empty();
}

bool is_complete(std::string_view input) {
  const Scan result = scan(input);
  const std::string_view code = trimmed(result.code);
  if (code.starts_with(":")) return !starts_with_word(code, ":data") || result.open_brackets <= 0;
  if (result.in_comment || result.open_brackets > 0) return false;
  return code.ends_with(";") || code.ends_with("}") || !wants_body(code);
}

std::vector<std::size_t> part_starts(std::string_view input) {
  std::vector<std::size_t> starts = {0};
  for (const std::size_t end : scan(input).statement_ends)
    if (block_prefix(input.substr(end))) starts.push_back(end);
  return starts;
}

std::optional<BlockPrefix> block_prefix(std::string_view input) {
  std::size_t begin = 0;
  while (begin < input.size() && is_space(input[begin])) ++begin;
  for (std::size_t kind = 0; kind < block_names.size(); ++kind) {
    std::size_t place = begin;
    std::string_view name = block_names[kind];
    bool matches = true;
    while (matches && !name.empty()) {
      const std::string_view word = name.substr(0, name.find(' '));
      name.remove_prefix(std::min(word.size() + 1, name.size()));
      matches = starts_with_word(input.substr(place), word);
      place += word.size();
      while (place < input.size() && is_space(input[place])) ++place;
    }
    if (matches)
      return BlockPrefix{static_cast<ast::BlockKind>(kind), place, place < input.size() && input[place] == '{'};
  }
  return std::nullopt;
}

} // namespace sibyl::repl
