// Where a statement belongs that was typed without a block, and which earlier one it takes the place of.
#pragma once

#include "lang/ast.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sibyl::repl {

// The block in which each name of the model is declared; functions are in `functions`.
using Declarations = std::map<std::string, ast::BlockKind>;

// What `:help model` says in words:
//   declarations   whole numbers are data, others parameters; with a value they go where what they are computed from
//                  allows: transformed data, transformed parameters or (with `_rng`) generated quantities
//   x ~ D(...)     model; design where x is data and nothing on the right depends on a parameter
//   x = ...        the block that declares x (of data: model)
//   loops, ifs     design where they draw data from data alone, the block of what they compute where they draw nothing
//   others         model
ast::BlockKind block_of(const ast::StatementPtr& statement, const Declarations& declared);

// What a statement gives a value or meaning to. One with the same targets and shape replaces it when it is typed again.
struct Subject {
  enum class Kind {
    declaration, // of a variable or function
    draw,        // `x ~`, `x[1] ~`, or a loop that draws x
    assignment,
    other // target +=, print: nothing replaces it
  } kind = Kind::other;
  std::string name;                // the variable
  std::string place;               // as written: "x[1]"; of loops and branches: their head, "for (n in 1:N)"
  std::set<std::string> variables; // all that a loop or branch gives values to
  bool is_compound = false;
};

Subject subject_of(const ast::StatementPtr& statement);
Subject subject_of(const ast::FunctionDefinition& function);

// A whole variable's draw replaces draws of its parts, and the other way round: no variable is drawn twice.
bool replaces(const Subject& fresh, const Subject& old);

// Names of variables in an expression; those of called functions into `calls`.
void names_in(const ast::ExpressionPtr& expression, std::set<std::string>& names, std::set<std::string>& calls);

} // namespace sibyl::repl
