#include "compiler/codegen/walks.hpp"

#include "compiler/codegen/uniformity.hpp"

#include <algorithm>
#include <set>

namespace sibyl::codegen {

namespace {

using ir::Op;

template <typename Visit>
void for_each(const ir::Block& block, const Visit& visit) {
  for (const ir::Instruction& instruction : block) {
    visit(instruction);
    for (const ir::Block& inner : instruction.blocks) for_each(inner, visit);
  }
}

// Storage and tapes are shared by lanes that are in step.
bool needs_step(const ir::Block& block) {
  bool found = false;
  for_each(block, [&](const ir::Instruction& instruction) {
    found |= instruction.op == Op::declare || instruction.op == Op::tape_push || instruction.op == Op::tape_pop;
  });
  return found;
}

bool test_depends_on_changing_real(const ir::Instruction& loop, const ir::Function& function) {
  std::set<ir::CellId> changed;
  for_each(loop.blocks[1], [&](const ir::Instruction& instruction) {
    if (instruction.op == Op::store_cell && function.cells[instruction.id].type == ir::Type::real)
      changed.insert(instruction.id);
  });
  bool depends = false;
  for_each(loop.blocks[0], [&](const ir::Instruction& instruction) {
    depends |= instruction.op == Op::load_cell && changed.contains(instruction.id);
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
  if (needs_step(body) || escapes(body) || !test_depends_on_changing_real(*found, function)) return std::nullopt;
  return Walk{static_cast<std::size_t>(found - body.begin())};
}

} // namespace sibyl::codegen
