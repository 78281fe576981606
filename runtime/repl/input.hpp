// What was typed, before it is parsed: is it complete, is it a command, does it name a block?
#pragma once

#include "lang/ast.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl::repl {

// False while brackets or a comment are open, and while a loop, branch or block has no body yet: the next line belongs
// to the input. A command is complete at its first line, except `:data {...}`.
bool is_complete(std::string_view input);

bool is_blank(std::string_view input); // white space and comments alone

struct BlockPrefix {
  ast::BlockKind kind;
  std::size_t length; // of the block's name with white space behind it
  bool has_brace;     // `parameters { ... }` rather than `parameters real mu;`
};
// The block that an input names first: "data int N;", "transformed data { ... }".
std::optional<BlockPrefix> block_prefix(std::string_view input);

// Where an input's parts begin, each with a block's name before it but the first: "real mu; data real y;" has two.
std::vector<std::size_t> part_starts(std::string_view input);

// "transformed data"
std::string_view block_name(ast::BlockKind kind);

} // namespace sibyl::repl
