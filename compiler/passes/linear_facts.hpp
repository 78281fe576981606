// What is known of a function's integers at a place in it: linear inequalities from the bounds of loops, the conditions
// of branches and the checks that were passed. It grows and shrinks with a walk over the function, in program order.
#pragma once

#include "compiler/ir/ir.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace sibyl::ir {

class LinearFacts {
 public:
  explicit LinearFacts(const Function& function);

  // Of every instruction, before what follows it.
  void define(const Instruction& instruction);
  // That the boolean is so, where the walk stands.
  void assume(ValueId condition, bool is_true);
  // In a loop's body: its variable lies between its bounds.
  void enter(const Instruction& loop);

  // Whether the boolean is so, as far as these facts tell.
  bool is_known(ValueId condition, bool is_true);

  // What was assumed since the mark is forgotten.
  using Mark = std::size_t;
  Mark mark() const { return facts_.size(); }
  void forget(Mark mark);

 private:
  // A constant and multiples of values that are not taken apart further, as integers that do not wrap.
  struct Form {
    std::int64_t constant = 0;
    std::vector<std::pair<ValueId, std::int64_t>> terms; // by value, no factor is zero
  };
  struct Definition {
    Op op = Op::constant;
    std::vector<ValueId> operands;
  };

  static Form whole(ValueId value) { return {0, {{value, 1}}}; }
  static Form sum(const Form& a, const Form& b, std::int64_t times_b);
  static bool is_small(const Form& form);
  static Form shifted(Form form, std::int64_t by);
  // Of two values: a - b + more.
  Form difference(ValueId a, ValueId b, std::int64_t more = 0) const;
  Form arithmetic(const Instruction& instruction);
  void bound(const Instruction& instruction);

  void add(Form not_negative);
  bool is_not_negative(const Form& form) const;
  bool is_not_negative(const Form& form, int depth, int& tried) const;
  bool is_comparison_known(Op op, const std::vector<ValueId>& operands) const;
  void assume_comparison(Op op, const std::vector<ValueId>& operands);

  std::vector<Definition> booleans_;                 // by value
  std::vector<bool> is_integer_;                     // by value
  std::vector<Form> forms_;                          // by value, of integers
  std::vector<Form> facts_;                          // each is not negative
  std::vector<std::vector<std::uint32_t>> facts_of_; // by value: the facts that it is a term of
};

} // namespace sibyl::ir
