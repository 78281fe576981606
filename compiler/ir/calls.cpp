#include "compiler/ir/calls.hpp"

#include "compiler/ir/traverse.hpp"

#include <algorithm>

namespace sibyl::ir {

std::vector<std::uint32_t> reachable_callees(const Model& model, const Function& function) {
  std::vector<std::uint32_t> found;
  const auto look = [&](const Function& caller) {
    for_each(caller.body, [&](const Instruction& instruction) {
      if (instruction.op == Op::call && std::find(found.begin(), found.end(), instruction.id) == found.end())
        found.push_back(instruction.id);
    });
  };
  look(function);
  for (std::size_t next = 0; next < found.size(); ++next) look(model.callees.at(found[next]));
  return found;
}

bool may_fail(const Model& model, const Function& function) {
  const auto fails = [](const Function& one) {
    bool found = false;
    for_each(one.body, [&](const Instruction& instruction) { found |= has(instruction.op, trait::may_fail); });
    return found;
  };
  if (fails(function)) return true;
  const std::vector<std::uint32_t> callees = reachable_callees(model, function);
  return std::any_of(callees.begin(), callees.end(), [&](std::uint32_t id) { return fails(model.callees[id]); });
}

} // namespace sibyl::ir
