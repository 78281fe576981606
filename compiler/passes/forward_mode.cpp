#include "compiler/passes/forward_mode.hpp"

#include "compiler/ir/traverse.hpp"
#include "compiler/passes/derivatives.hpp"
#include "lang/errors.hpp"

#include <set>

namespace sibyl::ir {
namespace {

class ForwardMode {
 public:
  ForwardMode(Builder& builder, const Block& block, std::map<ArrayId, ArrayId> tangents)
      : b_(builder), arrays_(std::move(tangents)) {
    for (const auto& [array, tangent] : arrays_) varied_arrays_.insert(array);
    find_varied(block);
  }

  void append(const Block& block) {
    for (const Instruction& instruction : block) append(instruction);
  }

 private:
  // What depends on the direction, whatever the order of the statements.
  void find_varied(const Block& block) {
    const auto flows = [&](const Instruction& instruction) {
      if (writes_cell(instruction.op))
        return varied_.contains(instruction.operands[0]) && varied_cells_.insert(instruction.id).second;
      if (writes_array(instruction.op))
        return varied_.contains(instruction.operands[0]) && varied_arrays_.insert(instruction.id).second;
      if (instruction.type != Type::real || instruction.result == none) return false;
      bool varies = false;
      if (reads_cell(instruction.op)) varies = varied_cells_.contains(instruction.id);
      else if (reads_array(instruction.op)) varies = varied_arrays_.contains(instruction.id);
      else
        for (std::size_t i = 0; i < instruction.operands.size(); ++i)
          varies = varies || (is_differentiable(instruction, i) && varied_.contains(instruction.operands[i]));
      return varies && varied_.insert(instruction.result).second;
    };
    for (bool news = true; news;) {
      news = false;
      for_each(block, [&](const Instruction& instruction) { news = flows(instruction) || news; });
    }
  }

  // Of a value that does not vary, zero.
  ValueId tangent(ValueId value) {
    const auto found = values_.find(value);
    return found == values_.end() ? b_.real(0) : found->second;
  }

  CellId tangent_cell(CellId cell) {
    const auto [found, is_new] = cells_.emplace(cell, none);
    if (is_new) found->second = b_.cell("tangent " + b_.function().cells[cell].name);
    return found->second;
  }

  ArrayId tangent_array(ArrayId array) {
    const auto [found, is_new] = arrays_.emplace(array, none);
    if (is_new) {
      const Array primal = b_.function().arrays[array];
      found->second = b_.array("tangent " + primal.name, Type::real, primal.rank);
    }
    return found->second;
  }

  void append(const Instruction& instruction) {
    b_.set_span(instruction.span);
    if (is_region(instruction.op)) {
      Instruction copy = instruction;
      for (std::size_t i = 0; i < copy.blocks.size(); ++i)
        copy.blocks[i] = b_.capture([&] { append(instruction.blocks[i]); });
      return b_.append(std::move(copy));
    }
    if (has(instruction.op, trait::tape)) throw InternalError("forward mode met an instruction of reverse mode");
    b_.append(instruction);
    const auto& operands = instruction.operands;
    if (writes_cell(instruction.op)) {
      if (varied_cells_.contains(instruction.id)) b_.store_cell(tangent_cell(instruction.id), tangent(operands[0]));
    } else if (writes_array(instruction.op)) {
      if (varied_arrays_.contains(instruction.id))
        b_.store(tangent_array(instruction.id), tangent(operands[0]), {operands.begin() + 1, operands.end()});
    } else if (has(instruction.op, trait::declares)) {
      if (varied_arrays_.contains(instruction.id)) b_.declare(tangent_array(instruction.id), operands, true);
    } else if (instruction.result != none && varied_.contains(instruction.result)) {
      values_[instruction.result] = tangent_of(instruction);
    }
  }

  ValueId tangent_of(const Instruction& instruction) {
    if (reads_cell(instruction.op)) return b_.load_cell(tangent_cell(instruction.id));
    if (reads_array(instruction.op)) return b_.load(tangent_array(instruction.id), instruction.operands);
    ValueId sum = none;
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      if (!is_differentiable(instruction, i) || !varied_.contains(instruction.operands[i])) continue;
      std::vector<bool> wanted(instruction.operands.size());
      wanted[i] = true;
      const RulePlace place{instruction.operands, instruction.result, tangent(instruction.operands[i]), true};
      differentiate(b_, instruction, place, wanted, [&](std::size_t, ValueId contribution) {
        sum = sum == none ? contribution : b_.add(sum, contribution);
      });
    }
    return sum;
  }

  Builder& b_;
  std::set<ValueId> varied_;
  std::set<CellId> varied_cells_;
  std::set<ArrayId> varied_arrays_;
  std::map<ValueId, ValueId> values_;
  std::map<CellId, CellId> cells_;
  std::map<ArrayId, ArrayId> arrays_;
};

} // namespace

void append_with_tangents(Builder& builder, const Block& block, std::map<ArrayId, ArrayId> tangents) {
  ForwardMode(builder, block, std::move(tangents)).append(block);
}

} // namespace sibyl::ir
