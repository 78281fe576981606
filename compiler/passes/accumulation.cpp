#include "compiler/passes/accumulation.hpp"

#include <algorithm>

namespace sibyl::ir {
namespace {

class SumFinder {
 public:
  explicit SumFinder(const Structure& structure) : structure_(structure) {}

  Sums find() {
    for (const Instruction* instruction : structure_.all())
      if (instruction->op == Op::store_cell || instruction->op == Op::store) match(*instruction);
    std::sort(found_.loads.begin(), found_.loads.end());
    return std::move(found_);
  }

 private:
  static bool same_place(const Instruction& load, const Instruction& store) {
    if (load.op == Op::load_cell) return store.op == Op::store_cell && load.id == store.id;
    return load.op == Op::load && store.op == Op::store && load.id == store.id &&
           std::equal(load.operands.begin(), load.operands.end(), store.operands.begin() + 1, store.operands.end());
  }

  void match(const Instruction& store) {
    Accumulation accumulation;
    if (!follow(store.operands[0], store, accumulation)) return;
    found_.loads.push_back(accumulation.load);
    found_.by_store.emplace(&store, std::move(accumulation));
  }

  // From the stored value through additions that nothing else uses, to the load.
  bool follow(ValueId value, const Instruction& store, Accumulation& accumulation) {
    const Instruction& definition = *structure_.definition(value);
    if (structure_.uses(value).size() != 1 || structure_.at(definition).block != structure_.at(store).block)
      return false;
    if (same_place(definition, store)) {
      accumulation.load = &definition;
      return !stored_between(definition, store);
    }
    if (definition.type != Type::real || (definition.op != Op::add && definition.op != Op::subtract)) return false;
    const ValueId left = definition.operands[0], right = definition.operands[1];
    if (follow(left, store, accumulation)) {
      accumulation.addends.push_back({right, definition.op == Op::subtract});
      return true;
    }
    if (definition.op == Op::add && follow(right, store, accumulation)) {
      accumulation.addends.push_back({left, false});
      return true;
    }
    return false;
  }

  bool stored_between(const Instruction& load, const Instruction& store) const {
    const InstructionList& accesses =
        load.op == Op::load_cell ? structure_.cell_accesses(load.id) : structure_.array_accesses(load.id);
    // In program order: from behind the load to the store itself.
    auto access = std::upper_bound(accesses.begin(), accesses.end(), &load, [&](const auto* a, const auto* b) {
      return structure_.at(*a).begin < structure_.at(*b).begin;
    });
    while ((*access)->op == Op::load_cell || (*access)->op == Op::load) ++access;
    return *access != &store;
  }

  const Structure& structure_;
  Sums found_;
};

class SinkFinder {
 public:
  SinkFinder(const Structure& structure, const Activity& activity, const Sums& sums)
      : structure_(structure), activity_(activity), sums_(sums) {}

  Sinks find() {
    const Function& function = structure_.function();
    sinks_.cells.assign(function.cells.size(), false);
    sinks_.log_density = log_density_is_sink();
    if (!sinks_.log_density) return sinks_;
    for (bool news = true; news;) {
      news = false;
      for (CellId cell = 0; cell < function.cells.size(); ++cell)
        if (activity_.cell[cell] && !sinks_.cells[cell] && is_sink(cell)) sinks_.cells[cell] = news = true;
    }
    return sinks_;
  }

 private:
  bool log_density_is_sink() const {
    const Function& function = structure_.function();
    for (ArrayId id = 0; id < function.arrays.size(); ++id) {
      if (function.arrays[id].binding != Binding::log_density) continue;
      const InstructionList& accesses = structure_.array_accesses(id);
      if (accesses.size() != 1 || accesses[0]->op != Op::store || structure_.at(*accesses[0]).owner) return false;
    }
    return true;
  }

  // Set (in one of several branches, perhaps), then only added to, then added once to a sink (or stored as the log
  // density, or given): all in one block and what is nested in it. Each setting and each addend then counts once.
  bool is_sink(CellId cell) const {
    const InstructionList& accesses = structure_.cell_accesses(cell);
    const Instruction& last = *accesses.back();
    if (last.op != Op::load_cell || !feeds_sink(last)) return false;
    const Site& site = structure_.at(last);
    InstructionList settings, additions;
    for (const Instruction* access : accesses) {
      if (access == &last) continue;
      if (site.owner && !structure_.contains(*site.owner, *access)) return false;
      if (access->op == Op::load_cell) {
        if (!sums_.is_load(*access)) return false;
      } else {
        (sums_.find(*access) ? additions : settings).push_back(access);
      }
    }
    for (const Instruction* setting : settings) {
      if (is_in_loop(*setting, site.owner)) return false;
      for (const Instruction* other : settings)
        if (is_lost(*setting, *other) && activity_.value[setting->operands[0]]) return false;
      for (const Instruction* addition : additions)
        if (is_lost(*addition, *setting)) return false;
    }
    auto any = [](const Instruction&) { return true; };
    return !site.owner || !exposed_cells(*site.block, any).count(cell);
  }

  bool is_in_loop(const Instruction& instruction, const Instruction* outermost) const {
    for (const Instruction* owner = structure_.at(instruction).owner; owner != outermost;
         owner = structure_.at(*owner).owner)
      if (owner->op != Op::if_) return true;
    return false;
  }

  // What `earlier` stores may be overwritten by `later`, which is not on the other side of an `if_`.
  bool is_lost(const Instruction& earlier, const Instruction& later) const {
    if (structure_.at(earlier).begin >= structure_.at(later).begin) return false;
    const Instruction *a = &earlier, *b = &later;
    while (structure_.at(*a).owner && !structure_.contains(*structure_.at(*a).owner, later))
      a = structure_.at(*a).owner;
    while (structure_.at(*b).owner != structure_.at(*a).owner) b = structure_.at(*b).owner;
    return structure_.at(*a).block == structure_.at(*b).block;
  }

  bool feeds_sink(const Instruction& load) const {
    // Through additions that nothing else uses.
    ValueId value = load.result;
    while (structure_.uses(value).size() == 1) {
      const Instruction& use = *structure_.uses(value)[0];
      if (use.op == Op::give) return use.operands[0] == value;
      if (use.op == Op::store) {
        const Array& array = structure_.function().arrays[use.id];
        return array.binding == Binding::log_density && use.operands[0] == value;
      }
      if (use.op == Op::store_cell)
        return sinks_.cells[use.id] && sums_.find(use) && structure_.at(use).block == structure_.at(load).block;
      if (use.op != Op::add || structure_.at(use).block != structure_.at(load).block) return false;
      value = use.result;
    }
    return false;
  }

  const Structure& structure_;
  const Activity& activity_;
  const Sums& sums_;
  Sinks sinks_;
};

} // namespace

bool Sums::is_load(const Instruction& load) const { return std::binary_search(loads.begin(), loads.end(), &load); }

Sums find_sums(const Structure& structure) { return SumFinder(structure).find(); }

Sinks find_sinks(const Structure& structure, const Activity& activity, const Sums& sums) {
  return SinkFinder(structure, activity, sums).find();
}

} // namespace sibyl::ir
