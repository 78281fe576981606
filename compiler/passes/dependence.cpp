#include "compiler/passes/dependence.hpp"

#include <algorithm>
#include <map>

namespace sibyl::ir {
namespace {

// An index as a sum of multiples of values and a constant.
struct Affine {
  std::map<ValueId, std::int64_t> terms; // no zeros
  std::int64_t constant = 0;
};

class Dependence {
 public:
  Dependence(const Structure& structure, const Needs& needs) : structure_(structure), needs_(needs) {}

  bool is_stable(ArrayId array) const {
    const InstructionList& accesses = structure_.array_accesses(array);
    for (const Instruction* load : accesses) {
      if (!reads_array(load->op) || !needs_.value[load->result]) continue;
      for (const Instruction* store : accesses)
        if (writes_array(store->op) && may_overwrite(*load, *store)) return false;
    }
    return true;
  }

 private:
  // Whether the store may run after the load, on the same element.
  bool may_overwrite(const Instruction& load, const Instruction& store) const {
    const Instruction* const declaration = structure_.declaration(load.id);
    const Instruction* const scope = declaration ? structure_.at(*declaration).owner : nullptr;
    // The innermost owner of both, and where they are in it.
    const Instruction* common = structure_.at(load).owner;
    const Instruction *load_side = &load, *store_side = &store;
    while (common && !structure_.contains(*common, store)) {
      load_side = common;
      common = structure_.at(*common).owner;
    }
    while (structure_.at(*store_side).owner != common) store_side = structure_.at(*store_side).owner;
    const Site &load_site = structure_.at(*load_side), &store_site = structure_.at(*store_side);
    if (load_site.block == store_site.block && load_site.position < store_site.position && !apart(load, store))
      return true;
    for (const Instruction* owner = common; owner && owner != scope; owner = structure_.at(*owner).owner)
      if ((owner->op == Op::for_ || owner->op == Op::while_) && !apart_later(load, store, *owner)) return true;
    return false;
  }

  // In the same iteration of all common loops, some index differs by a constant.
  bool apart(const Instruction& load, const Instruction& store) const {
    for (std::size_t d = 0; d < load.operands.size(); ++d) {
      const Affine a = affine(load.operands[d]), b = affine(store.operands[d + 1]);
      if (a.terms == b.terms && a.constant != b.constant) return true;
    }
    return false;
  }

  // The store in a later iteration of the loop never hits what the load read.
  bool apart_later(const Instruction& load, const Instruction& store, const Instruction& loop) const {
    if (loop.op != Op::for_) return false;
    for (std::size_t d = 0; d < load.operands.size(); ++d) {
      const Affine a = affine(load.operands[d]), b = affine(store.operands[d + 1]);
      if (a.terms != b.terms) continue;
      const auto variable = a.terms.find(loop.result);
      if (variable == a.terms.end()) continue;
      const bool others_fixed = std::all_of(a.terms.begin(), a.terms.end(), [&](const auto& term) {
        return term.first == loop.result || !structure_.defined_in(loop, term.first);
      });
      if (!others_fixed) continue;
      // The index moves by `step` an iteration and must not come back to the load's.
      const std::int64_t step = loop.number != 0 ? -variable->second : variable->second;
      if (step > 0 ? b.constant >= a.constant : b.constant <= a.constant) return true;
    }
    return false;
  }

  Affine affine(ValueId value) const {
    const Instruction& definition = *structure_.definition(value);
    if (definition.op == Op::constant) return {{}, static_cast<std::int64_t>(definition.number)};
    if (definition.op == Op::add || definition.op == Op::subtract) {
      Affine sum = affine(definition.operands[0]);
      const Affine other = affine(definition.operands[1]);
      const std::int64_t sign = definition.op == Op::add ? 1 : -1;
      sum.constant += sign * other.constant;
      for (const auto& [id, factor] : other.terms)
        if ((sum.terms[id] += sign * factor) == 0) sum.terms.erase(id);
      return sum;
    }
    return {{{value, 1}}, 0};
  }

  const Structure& structure_;
  const Needs& needs_;
};

} // namespace

std::vector<bool> find_stable_arrays(const Structure& structure, const Needs& needs) {
  const Dependence dependence(structure, needs);
  std::vector<bool> stable;
  for (ArrayId array = 0; array < structure.function().arrays.size(); ++array)
    stable.push_back(dependence.is_stable(array));
  return stable;
}

} // namespace sibyl::ir
