#include "compiler/codegen/walks.hpp"

#include "compiler/ir/traverse.hpp"

#include <algorithm>
#include <set>

namespace sibyl::codegen {

namespace {

using ir::Op;

// Storage and tapes are shared by lanes that are in step.
bool needs_step(const ir::Block& block) {
  bool found = false;
  for_each(block, [&](const ir::Instruction& instruction) {
    found |= has(instruction.op, ir::trait::declares | ir::trait::tape);
  });
  return found;
}

bool test_depends_on_changing_real(const ir::Instruction& loop, const ir::Function& function) {
  std::set<ir::CellId> changed;
  for_each(loop.blocks[1], [&](const ir::Instruction& instruction) {
    if (writes_cell(instruction.op) && function.cells[instruction.id].type == ir::Type::real)
      changed.insert(instruction.id);
  });
  bool depends = false;
  for_each(loop.blocks[0], [&](const ir::Instruction& instruction) {
    depends |= reads_cell(instruction.op) && changed.contains(instruction.id);
  });
  return depends;
}

} // namespace

std::optional<Walk> find_walk(const ir::Instruction& loop, const ir::Function& function) {
  if (loop.op != Op::for_ || loop.number != 0) return std::nullopt;
  const ir::Block& body = loop.blocks[0];
  const auto is_while = [](const ir::Instruction& instruction) { return instruction.op == Op::while_; };
  const auto found = std::find_if(body.begin(), body.end(), is_while);
  if (found == body.end() || std::count_if(body.begin(), body.end(), is_while) != 1) return std::nullopt;
  if (needs_step(body) || may_leave(body) || !test_depends_on_changing_real(*found, function)) return std::nullopt;
  return Walk{static_cast<std::size_t>(found - body.begin())};
}

} // namespace sibyl::codegen
