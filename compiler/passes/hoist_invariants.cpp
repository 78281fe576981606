// Moves what is the same in every iteration in front of the loop, innermost loops first, so that it can go on outwards.
//
// Only what may be computed although the loop does not run at all, or never takes the branch that it stands in: pure
// operations except integer division, cells that the loop does not write, elements that always exist. Checks are moved
// from the loop's own block only.
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure.hpp"

#include <algorithm>

namespace sibyl::ir {
namespace {

class Hoister {
 public:
  explicit Hoister(Function& function)
      : function_(function), inside_(function.value_count, false), constant_(function.value_count, false),
        changing_(changing_arrays(function)) {
    for_each(function.body, [&](const Instruction& instruction) {
      if (instruction.op == Op::constant) constant_[instruction.result] = true;
    });
  }

  void run() { block(function_.body); }

 private:
  void block(Block& instructions) {
    Block out;
    out.reserve(instructions.size());
    for (Instruction& instruction : instructions) {
      for (Block& nested : instruction.blocks) block(nested);
      if (instruction.op == Op::for_) hoist(instruction, instruction.blocks[0], out);
      if (instruction.op == Op::while_) {
        hoist(instruction, instruction.blocks[0], out);
        hoist(instruction, instruction.blocks[1], out);
      }
      out.push_back(std::move(instruction));
    }
    instructions = std::move(out);
  }

  void hoist(Instruction& loop, Block& body, Block& before) {
    std::vector<ValueId> marked;
    auto mark = [&](ValueId value) {
      if (value == none) return;
      inside_[value] = true;
      marked.push_back(value);
    };
    mark(loop.result);
    for_each_nested(loop, [&](const Instruction& inner) { mark(inner.result); });
    const CellSet written = cells_written(loop);
    bool reached_in_first_iteration = loop.op == Op::for_;
    Block kept;
    kept.reserve(body.size());
    for (Instruction& instruction : body) {
      const bool fixed = is_fixed(instruction);
      for (Block& branch : instruction.blocks)
        if (instruction.op == Op::if_) hoist_from_branch(branch, written, before);
      if (fixed && may_hoist(instruction, written)) {
        inside_[instruction.result] = false;
        before.push_back(std::move(instruction));
      } else if (fixed && instruction.op == Op::check && reached_in_first_iteration) {
        hoist_check(loop, instruction, before);
      } else {
        if (may_stop(instruction)) reached_in_first_iteration = false;
        kept.push_back(std::move(instruction));
      }
    }
    body = std::move(kept);
    for (ValueId value : marked) inside_[value] = false;
  }

  bool is_fixed(const Instruction& instruction) const {
    return std::none_of(instruction.operands.begin(), instruction.operands.end(),
                        [&](ValueId operand) { return inside_[operand]; });
  }

  void hoist_from_branch(Block& branch, const CellSet& written, Block& before) {
    Block kept;
    kept.reserve(branch.size());
    for (Instruction& instruction : branch) {
      for (Block& nested : instruction.blocks)
        if (instruction.op == Op::if_) hoist_from_branch(nested, written, before);
      if (is_fixed(instruction) && may_hoist(instruction, written)) {
        inside_[instruction.result] = false;
        before.push_back(std::move(instruction));
      } else {
        kept.push_back(std::move(instruction));
      }
    }
    branch = std::move(kept);
  }

  bool may_hoist(const Instruction& instruction, const CellSet& written) const {
    if (reads_cell(instruction.op)) return !written.count(instruction.id);
    if (has(instruction.op, trait::measures)) return !changing_[instruction.id];
    if (reads_array(instruction.op)) return !changing_[instruction.id] && always_exists(instruction);
    if (has(instruction.op, trait::may_not_end)) return false;
    return is_pure(instruction.op) && (instruction.type == Type::real || !has(instruction.op, trait::undefined));
  }

  bool always_exists(const Instruction& load) const {
    const Array& array = function_.arrays[load.id];
    if (array.rank == 0) return true;
    return array.binding == Binding::unconstrained_in && constant_[load.operands[0]];
  }

  // What follows it in the body may not be reached, or something was seen before. A failing check does not matter: one
  // that follows may be reported in its place.
  static bool may_stop(const Instruction& instruction, bool in_own_loop = true) {
    if (has(instruction.op, trait::leaves)) return in_own_loop;
    if (has(instruction.op, trait::may_fail | trait::visible | trait::may_not_end)) return instruction.op != Op::check;
    for (const Block& nested : instruction.blocks)
      for (const Instruction& inner : nested)
        if (may_stop(inner, in_own_loop && instruction.op == Op::if_)) return true;
    return false;
  }

  // Checked once, unless the loop does not run.
  void hoist_check(const Instruction& loop, Instruction& check, Block& before) {
    auto add = [&](Op op, std::vector<ValueId> operands) {
      const ValueId result = function_.value_count++;
      inside_.push_back(false);
      constant_.push_back(false);
      before.push_back(
          {.op = op, .type = Type::boolean, .result = result, .operands = std::move(operands), .span = check.span});
      return result;
    };
    const ValueId empty = add(Op::greater, {loop.operands[0], loop.operands[1]});
    check.operands[0] = add(Op::logical_or, {empty, check.operands[0]});
    before.push_back(std::move(check));
  }

  Function& function_;
  std::vector<bool> inside_;   // by value: computed in the loop at hand
  std::vector<bool> constant_; // by value
  std::vector<bool> changing_; // by array
};

} // namespace

void hoist_invariants(Function& function) { Hoister(function).run(); }

} // namespace sibyl::ir
