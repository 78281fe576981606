#include "compiler/passes/hoist_guarded.hpp"

#include "compiler/passes/structure.hpp"

#include <algorithm>
#include <map>

namespace sibyl::ir {
namespace {

class Hoister {
 public:
  explicit Hoister(Function& function) : function_(function) {}

  void run() { visit(function_.body); }

 private:
  void visit(Block& block) {
    Block out;
    out.reserve(block.size());
    for (Instruction& instruction : block) {
      for (Block& nested : instruction.blocks) visit(nested);
      if (instruction.op == Op::while_) hoist(instruction, out);
      out.push_back(std::move(instruction));
    }
    block = std::move(out);
  }

  void hoist(Instruction& loop, Block& before) {
    const Block& condition = loop.blocks[0];
    // The test is done once more, so it must have no effect.
    const bool repeatable = std::all_of(condition.begin(), condition.end(), [](const Instruction& instruction) {
      return has(instruction.op, trait::pure | trait::reads | trait::measures) || instruction.op == Op::yield;
    });
    if (!repeatable) return;

    const CellSet cells = cells_written(loop);
    const ArraySet arrays = arrays_written(loop);
    std::vector<bool> inside(function_.value_count);
    for_each_nested(loop, [&](const Instruction& inner) {
      if (inner.result != none) inside[inner.result] = true;
    });
    Block moved, kept;
    bool may_have_failed = false, worthwhile = false;
    for (Instruction& instruction : loop.blocks[1]) {
      const bool fixed = std::none_of(instruction.operands.begin(), instruction.operands.end(),
                                      [&](ValueId operand) { return inside[operand]; });
      const bool movable = fixed && !may_have_failed && is_fixed(instruction, cells, arrays);
      if (!movable) {
        may_have_failed |= may_stop(instruction);
        kept.push_back(std::move(instruction));
        continue;
      }
      worthwhile |= reads_array(instruction.op) || instruction.op == Op::check;
      if (instruction.result != none) inside[instruction.result] = false;
      moved.push_back(std::move(instruction));
    }
    if (!worthwhile) { // as it was: the moved ones do not depend on the others, and come first
      moved.insert(moved.end(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
      loop.blocks[1] = std::move(moved);
      return;
    }
    loop.blocks[1] = std::move(kept);
    hand_over(loop, moved);
    Instruction guard{.op = Op::if_, .span = loop.span};
    guard.operands.push_back(copy_test(condition, before));
    guard.blocks = {std::move(moved), {}};
    before.push_back(std::move(guard));
  }

  static bool is_fixed(const Instruction& instruction, const CellSet& cells, const ArraySet& arrays) {
    if (reads_cell(instruction.op)) return !cells.count(instruction.id);
    if (reads_array(instruction.op) || has(instruction.op, trait::measures)) return !arrays.count(instruction.id);
    return is_pure(instruction.op) || instruction.op == Op::check;
  }

  // What follows in the iteration may not be reached, or must not be seen to fail before.
  static bool may_stop(const Instruction& instruction) {
    bool stops = false;
    const auto look = [&](const Instruction& inner) {
      stops |= has(inner.op, trait::may_fail | trait::visible | trait::leaves | trait::may_not_end);
    };
    look(instruction);
    for_each_nested(instruction, look);
    return stops;
  }

  // Values that the loop still uses go through cells: they are not visible outside of the guard. Constants are simply
  // repeated.
  void hand_over(Instruction& loop, Block& moved) {
    std::map<ValueId, ValueId> replaced;
    Block loads, stores;
    for (const Instruction& instruction : moved) {
      if (instruction.result == none || !is_used(loop, instruction.result)) continue;
      const ValueId copy = function_.value_count++;
      replaced[instruction.result] = copy;
      Instruction load = instruction;
      load.result = copy;
      if (instruction.op != Op::constant) {
        const auto cell = static_cast<CellId>(function_.cells.size());
        function_.cells.push_back({"kept#" + std::to_string(cell), instruction.type});
        stores.push_back(
            {.op = Op::store_cell, .id = cell, .operands = {instruction.result}, .span = instruction.span});
        load = {.op = Op::load_cell, .type = instruction.type, .result = copy, .id = cell, .span = instruction.span};
      }
      loads.push_back(std::move(load));
    }
    moved.insert(moved.end(), stores.begin(), stores.end());
    replace(loop, replaced);
    Block& body = loop.blocks[1];
    body.insert(body.begin(), loads.begin(), loads.end());
  }

  static bool is_used(const Instruction& loop, ValueId value) {
    bool used = false;
    for_each_nested(loop, [&](const Instruction& inner) {
      used |= std::find(inner.operands.begin(), inner.operands.end(), value) != inner.operands.end();
    });
    return used;
  }

  static void replace(Instruction& owner, const std::map<ValueId, ValueId>& replaced) {
    for (Block& block : owner.blocks)
      for (Instruction& instruction : block) {
        for (ValueId& operand : instruction.operands)
          if (const auto found = replaced.find(operand); found != replaced.end()) operand = found->second;
        replace(instruction, replaced);
      }
  }

  // The test with values of its own; its result.
  ValueId copy_test(const Block& condition, Block& before) {
    std::map<ValueId, ValueId> copies;
    const auto own = [&](ValueId value) {
      const auto found = copies.find(value);
      return found == copies.end() ? value : found->second;
    };
    for (const Instruction& instruction : condition) {
      if (instruction.op == Op::yield) return own(instruction.operands.front());
      Instruction copy = instruction;
      for (ValueId& operand : copy.operands) operand = own(operand);
      copy.result = copies[instruction.result] = function_.value_count++;
      before.push_back(std::move(copy));
    }
    return none;
  }

  Function& function_;
};

} // namespace

void hoist_guarded(Function& function) { Hoister(function).run(); }

} // namespace sibyl::ir
