// A container as a recipe: its sizes, and how to compute one element.
//
// Container expressions lower to views, so that `alpha + beta * x` becomes no loop of its own: whoever needs the
// elements loops once and asks for each. What is costly to compute and asked for more than once is first put into an
// array.
#pragma once

#include "compiler/ir/build.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sibyl::lower {

using ir::ValueId;

// The elements of an array as they lie: by its type a view that is no more than this can be told from others.
struct ArrayElement {
  ir::Builder* builder;
  ir::ArrayId array;
  ValueId operator()(const std::vector<ValueId>& index) const { return builder->load(array, index); }
};

struct View {
  std::vector<ValueId> sizes;         // integers, arrays' dimensions first, then rows, columns
  std::vector<std::string> size_keys; // equal texts are equal sizes without a check; "" is unknown
  std::function<ValueId(const std::vector<ValueId>& index)> element; // 0-based
  bool is_integer = false;
  bool is_cheap = true; // an element costs no more than a load and some arithmetic
  int array_rank = 0;
  std::string name; // of the variable, for messages; may be empty
};

} // namespace sibyl::lower
