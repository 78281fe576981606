#include "compiler/passes/linear_facts.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace sibyl::ir {
namespace {

constexpr std::int64_t smallest = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();

// What is larger is not taken apart: sums of a few such forms are far from 64 bits.
constexpr std::int64_t largest_factor = 1 << 10, largest_constant = std::int64_t{1} << 40;
constexpr std::size_t most_terms = 6;

// Facts that are added up for one answer, and how many sums are tried for it.
constexpr int most_added = 4, most_tried = 300;

Op opposite(Op comparison) {
  switch (comparison) {
  case Op::equal: return Op::not_equal;
  case Op::not_equal: return Op::equal;
  case Op::less: return Op::greater_equal;
  case Op::less_equal: return Op::greater;
  case Op::greater: return Op::less_equal;
  default: return Op::less;
  }
}

} // namespace

LinearFacts::LinearFacts(const Function& function)
    : booleans_(function.value_count), is_integer_(function.value_count), forms_(function.value_count),
      facts_of_(function.value_count) {}

void LinearFacts::define(const Instruction& instruction) {
  if (instruction.result == none) return;
  if (instruction.type == Type::integer) {
    is_integer_[instruction.result] = true;
    forms_[instruction.result] = arithmetic(instruction);
    bound(instruction);
  } else if (instruction.type == Type::boolean) {
    booleans_[instruction.result] = {instruction.op, instruction.operands};
  }
}

// Integers wrap: a sum is taken apart only where it is known not to.
LinearFacts::Form LinearFacts::arithmetic(const Instruction& instruction) {
  const auto of = [&](std::size_t operand) -> const Form& { return forms_[instruction.operands[operand]]; };
  Form form;
  switch (instruction.op) {
  case Op::constant: return {static_cast<std::int64_t>(instruction.number), {}};
  case Op::add: form = sum(of(0), of(1), 1); break;
  case Op::subtract: form = sum(of(0), of(1), -1); break;
  case Op::negate: form = sum({}, of(0), -1); break;
  case Op::multiply: {
    const bool first = of(0).terms.empty();
    if (!first && !of(1).terms.empty()) return whole(instruction.result);
    const std::int64_t factor = first ? of(0).constant : of(1).constant;
    if (std::abs(factor) > largest_factor) return whole(instruction.result);
    form = sum({}, of(first ? 1 : 0), factor);
    break;
  }
  default: return whole(instruction.result);
  }
  const bool fits = is_small(form) && is_not_negative(sum({largest, {}}, form, -1)) &&
                    is_not_negative(shifted(form, -smallest));
  return fits ? form : whole(instruction.result);
}

// What the operation tells of a value that is not taken apart.
void LinearFacts::bound(const Instruction& instruction) {
  const ValueId result = instruction.result;
  const std::vector<ValueId>& operands = instruction.operands;
  const auto at_least_zero = [&](ValueId value) { return is_not_negative(forms_[value]); };
  switch (instruction.op) {
  case Op::array_size: return add(whole(result));
  case Op::minimum:
    for (const ValueId operand : operands) add(difference(operand, result));
    if (at_least_zero(operands[0]) && at_least_zero(operands[1])) add(whole(result));
    return;
  case Op::maximum:
    for (const ValueId operand : operands) add(difference(result, operand));
    return;
  case Op::divide: // by a divisor that is not zero
    if (!at_least_zero(operands[0]) || !at_least_zero(operands[1])) return;
    add(whole(result));
    return add(difference(operands[0], result));
  case Op::modulo:
    if (!at_least_zero(operands[0]) || !at_least_zero(operands[1])) return;
    add(whole(result));
    return add(difference(operands[1], result, -1));
  default: return;
  }
}

void LinearFacts::enter(const Instruction& loop) {
  is_integer_[loop.result] = true;
  forms_[loop.result] = whole(loop.result);
  add(difference(loop.result, loop.operands[0]));
  add(difference(loop.operands[1], loop.result));
}

void LinearFacts::assume(ValueId condition, bool is_true) {
  const Definition& known = booleans_[condition];
  if (known.op == Op::logical_not) return assume(known.operands[0], !is_true);
  if (known.op == Op::logical_and || known.op == Op::logical_or) {
    if (is_true == (known.op == Op::logical_and)) {
      for (const ValueId operand : known.operands) assume(operand, is_true);
    } else {
      for (const std::size_t one : {0U, 1U})
        if (is_known(known.operands[one], !is_true)) assume(known.operands[1 - one], is_true);
    }
  } else if (is_comparison(known.op) && is_integer_[known.operands[0]]) {
    assume_comparison(is_true ? known.op : opposite(known.op), known.operands);
  }
}

void LinearFacts::assume_comparison(Op op, const std::vector<ValueId>& operands) {
  const ValueId a = operands[0], b = operands[1];
  if (op == Op::less_equal || op == Op::equal) add(difference(b, a));
  if (op == Op::greater_equal || op == Op::equal) add(difference(a, b));
  if (op == Op::less) add(difference(b, a, -1));
  if (op == Op::greater) add(difference(a, b, -1));
}

bool LinearFacts::is_known(ValueId condition, bool is_true) {
  const Definition& known = booleans_[condition];
  if (known.op == Op::logical_not) return is_known(known.operands[0], !is_true);
  if (known.op == Op::logical_and || known.op == Op::logical_or) {
    const ValueId a = known.operands[0], b = known.operands[1];
    if (is_true == (known.op == Op::logical_and)) return is_known(a, is_true) && is_known(b, is_true);
    if (is_known(a, is_true)) return true;
    const Mark before = mark();
    assume(a, !is_true);
    const bool follows = is_known(b, is_true);
    forget(before);
    return follows;
  }
  if (!is_comparison(known.op) || !is_integer_[known.operands[0]]) return false;
  return is_comparison_known(is_true ? known.op : opposite(known.op), known.operands);
}

bool LinearFacts::is_comparison_known(Op op, const std::vector<ValueId>& operands) const {
  const auto exceeds = [&](std::size_t a, std::size_t b, std::int64_t by) {
    return is_not_negative(difference(operands[a], operands[b], -by));
  };
  switch (op) {
  case Op::less: return exceeds(1, 0, 1);
  case Op::less_equal: return exceeds(1, 0, 0);
  case Op::greater: return exceeds(0, 1, 1);
  case Op::greater_equal: return exceeds(0, 1, 0);
  case Op::equal: return exceeds(0, 1, 0) && exceeds(1, 0, 0);
  default: return exceeds(0, 1, 1) || exceeds(1, 0, 1);
  }
}

void LinearFacts::add(Form not_negative) {
  if (not_negative.terms.empty() || !is_small(not_negative)) return;
  for (const auto& [value, factor] : not_negative.terms) facts_of_[value].push_back(static_cast<std::uint32_t>(mark()));
  facts_.push_back(std::move(not_negative));
}

void LinearFacts::forget(Mark mark) {
  while (facts_.size() > mark) {
    for (const auto& [value, factor] : facts_.back().terms) facts_of_[value].pop_back();
    facts_.pop_back();
  }
}

bool LinearFacts::is_not_negative(const Form& form) const {
  int tried = 0;
  return is_not_negative(form, most_added, tried);
}

// It is, if it is for all integers of 32 bits, or if what remains when a fact is subtracted is.
bool LinearFacts::is_not_negative(const Form& form, int depth, int& tried) const {
  std::int64_t least = form.constant;
  for (const auto& [value, factor] : form.terms) least += factor * (factor > 0 ? smallest : largest);
  if (least >= 0) return true;
  if (depth == 0) return false;
  for (const auto& [value, factor] : form.terms) {
    const std::vector<std::uint32_t>& about = facts_of_[value];
    for (auto one = about.rbegin(); one != about.rend(); ++one) {
      const Form& fact = facts_[*one];
      const auto term = std::lower_bound(fact.terms.begin(), fact.terms.end(), std::pair{value, smallest});
      if (factor % term->second != 0 || factor / term->second < 0) continue;
      if (++tried > most_tried) return false;
      const Form rest = sum(form, fact, -(factor / term->second));
      if (is_small(rest) && is_not_negative(rest, depth - 1, tried)) return true;
    }
  }
  return false;
}

bool LinearFacts::is_small(const Form& form) {
  return form.terms.size() <= most_terms && std::abs(form.constant) <= largest_constant &&
         std::all_of(form.terms.begin(), form.terms.end(),
                     [](const auto& term) { return std::abs(term.second) <= largest_factor; });
}

LinearFacts::Form LinearFacts::sum(const Form& a, const Form& b, std::int64_t times_b) {
  Form result{a.constant + times_b * b.constant, {}};
  auto left = a.terms.begin(), left_end = a.terms.end();
  auto right = b.terms.begin(), right_end = b.terms.end();
  while (left != left_end || right != right_end) {
    const bool takes_left = left != left_end && (right == right_end || left->first <= right->first);
    const bool takes_right = right != right_end && (left == left_end || right->first <= left->first);
    const ValueId value = takes_left ? left->first : right->first;
    const std::int64_t factor = (takes_left ? left++->second : 0) + (takes_right ? times_b * right++->second : 0);
    if (factor != 0) result.terms.emplace_back(value, factor);
  }
  return result;
}

LinearFacts::Form LinearFacts::shifted(Form form, std::int64_t by) {
  form.constant += by;
  return form;
}

LinearFacts::Form LinearFacts::difference(ValueId a, ValueId b, std::int64_t more) const {
  return shifted(sum(forms_[a], forms_[b], -1), more);
}

} // namespace sibyl::ir
