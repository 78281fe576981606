#include "compiler/passes/structure_loops.hpp"

#include "compiler/ir/traverse.hpp"

#include <algorithm>
#include <iterator>

namespace sibyl::ir {
namespace {

bool may_leave(const Instruction& instruction) {
  return instruction.op == Op::if_ && std::any_of(instruction.blocks.begin(), instruction.blocks.end(),
                                                  [](const Block& branch) { return may_leave(branch); });
}

// Flags of the innermost loop: boolean cells, `none` where not needed.
struct Loop {
  CellId go = none;   // false once the loop is to be left
  CellId rest = none; // false once the rest of this iteration is to be skipped, by `continue_` or `break_`
  CellId guard() const { return rest != none ? rest : go; }
};

class Structurer {
 public:
  explicit Structurer(Function& function) : function_(function) {}

  Block block(Block instructions, const Loop& loop) {
    Block out;
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      Instruction& instruction = instructions[i];
      if (instruction.op == Op::break_ || instruction.op == Op::continue_) {
        if (instruction.op == Op::break_) store(out, loop.go, false);
        if (loop.rest != none) store(out, loop.rest, false);
        return out; // what follows is never reached
      }
      const bool rest_is_guarded = may_leave(instruction) && i + 1 < instructions.size();
      nest(instruction, loop, out);
      if (rest_is_guarded) {
        Block rest(std::make_move_iterator(instructions.begin() + static_cast<std::ptrdiff_t>(i) + 1),
                   std::make_move_iterator(instructions.end()));
        guarded(out, loop.guard(), block(std::move(rest), loop));
        return out;
      }
    }
    return out;
  }

 private:
  void nest(Instruction& instruction, const Loop& loop, Block& out) {
    switch (instruction.op) {
    case Op::if_:
      for (Block& nested : instruction.blocks) nested = block(std::move(nested), loop);
      break;
    case Op::for_: {
      const Loop inner = flags(instruction.blocks[0], may_leave(instruction.blocks[0], Op::break_));
      Block body = iteration(std::move(instruction.blocks[0]), inner);
      if (inner.go != none) {
        store(out, inner.go, true);
        Block guard;
        guarded(guard, inner.go, std::move(body));
        body = std::move(guard);
      }
      instruction.blocks[0] = std::move(body);
      break;
    }
    case Op::while_: {
      const Loop inner = flags(instruction.blocks[1], true);
      Block condition = block(std::move(instruction.blocks[0]), {});
      const ValueId holds = condition.back().operands[0];
      condition.back() = {.op = Op::store_cell, .id = inner.go, .operands = {holds}, .span = instruction.span};
      guarded(condition, inner.go, iteration(std::move(instruction.blocks[1]), inner));
      store(out, inner.go, true);
      const ValueId go = function_.value_count++;
      instruction.blocks[0] = {{.op = Op::load_cell, .type = Type::boolean, .result = go, .id = inner.go},
                               {.op = Op::yield, .operands = {go}}};
      instruction.blocks[1] = std::move(condition);
      break;
    }
    default: break;
    }
    out.push_back(std::move(instruction));
  }

  Loop flags(const Block& body, bool needs_go) {
    Loop loop;
    if (needs_go) loop.go = flag("go");
    if (may_leave(body, Op::continue_)) loop.rest = flag("rest");
    return loop;
  }

  Block iteration(Block body, const Loop& loop) {
    Block out;
    if (loop.rest != none) store(out, loop.rest, true);
    for (Instruction& instruction : block(std::move(body), loop)) out.push_back(std::move(instruction));
    return out;
  }

  CellId flag(const char* name) {
    function_.cells.push_back({name, Type::boolean});
    return static_cast<CellId>(function_.cells.size() - 1);
  }

  void store(Block& out, CellId flag, bool value) {
    const ValueId id = function_.value_count++;
    out.push_back({.op = Op::constant, .type = Type::boolean, .result = id, .number = value ? 1.0 : 0.0});
    out.push_back({.op = Op::store_cell, .id = flag, .operands = {id}});
  }

  void guarded(Block& out, CellId flag, Block body) {
    const ValueId id = function_.value_count++;
    out.push_back({.op = Op::load_cell, .type = Type::boolean, .result = id, .id = flag});
    Instruction guard{.op = Op::if_, .operands = {id}};
    guard.blocks.push_back(std::move(body));
    guard.blocks.emplace_back();
    out.push_back(std::move(guard));
  }

  Function& function_;
};

} // namespace

void structure_loops(Function& function) { function.body = Structurer(function).block(std::move(function.body), {}); }

} // namespace sibyl::ir
