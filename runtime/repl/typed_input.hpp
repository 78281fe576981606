// One input as an expression to evaluate or as pieces of the model.
#pragma once

#include "runtime/repl/draft.hpp"

namespace sibyl::repl {

struct TypedInput {
  Diagnostics diagnostics;       // errors of syntax; places are in the input
  ast::ExpressionPtr expression; // set where it is one
  std::vector<Piece> pieces;     // else
  bool names_block = false;      // the blocks were typed, not chosen
};

// `number`: the input's. A missing `;` at the end is supplied.
TypedInput read_input(const Source& input, std::uint32_t number, const Declarations& declared);

} // namespace sibyl::repl
