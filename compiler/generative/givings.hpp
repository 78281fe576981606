// Which elements of a variable its statements give values to, as far as the text tells: each element must get its value
// exactly once. What the text cannot prove, the simulation checks while it runs; elements that no statement gives are
// design, from a data file.
#pragma once

#include "lang/typed.hpp"

#include <utility>
#include <vector>

namespace sibyl::generative {

// A statement that gives a variable, or a part of it, its value.
struct Giving {
  Span span;
  bool is_draw = true; // otherwise computed
  bool in_design = false;
  std::vector<typed::IndexItem> place;                     // empty: the whole
  std::vector<std::pair<const typed::If*, bool>> branches; // around it, and whether it stands in the first
  std::vector<typed::For> loops;                           // around it
  bool in_open_loop = false;                               // a `while` or a loop over a container around it
  bool may_be_skipped = false;                             // a loop around it has a `break` or `continue`
};

// Whether they stand in different branches of one `if`.
bool exclude_each_other(const Giving& a, const Giving& b);
// Whether they surely give different elements.
bool are_disjoint(const Giving& a, const Giving& b, const typed::Program& program, typed::VariableId id);
// Whether it may give an element more than once.
bool may_repeat(const Giving& giving);
// Whether every element surely gets a value.
bool cover_all(const std::vector<Giving>& givings, const typed::Program& program, typed::VariableId id);
// Whether it is clear from the text which elements it gives.
bool is_plain(const Giving& giving, const typed::Program& program, typed::VariableId id);

} // namespace sibyl::generative
