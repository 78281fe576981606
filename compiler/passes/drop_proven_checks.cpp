// Drops checks of integers that always hold, by inequalities between the numbers that the text computes.
//
// Most checks are of indices, and most indices are a loop's variable, or one beside it, in a loop over what is indexed.
// What a loop's bounds, the branches around and the checks before say of its values is a list of linear inequalities;
// a check goes where a few of them added up give its condition. Each check costs a branch, and in the code for many
// lanes a merge of all masks around it: a third of a compilation's time was theirs.
//
// Integers wrap: a sum is taken apart only where it is known not to.
#include "compiler/passes/linear_facts.hpp"
#include "compiler/passes/simplify.hpp"

namespace sibyl::ir {
namespace {

class Dropper {
 public:
  explicit Dropper(const Function& function) : facts_(function) {}

  void visit(Block& block) {
    Block kept;
    kept.reserve(block.size());
    for (Instruction& instruction : block) {
      if (instruction.op == Op::check) {
        if (facts_.is_known(instruction.operands[0], true)) continue;
        facts_.assume(instruction.operands[0], true);
      } else {
        facts_.define(instruction);
        visit_nested(instruction);
      }
      kept.push_back(std::move(instruction));
    }
    block = std::move(kept);
  }

 private:
  void visit_nested(Instruction& owner) {
    for (std::size_t i = 0; i < owner.blocks.size(); ++i) {
      const LinearFacts::Mark before = facts_.mark();
      if (owner.op == Op::if_) facts_.assume(owner.operands[0], i == 0);
      if (owner.op == Op::for_) facts_.enter(owner);
      visit(owner.blocks[i]);
      facts_.forget(before);
    }
  }

  LinearFacts facts_;
};

} // namespace

void drop_proven_checks(Function& function) { Dropper(function).visit(function.body); }

} // namespace sibyl::ir
