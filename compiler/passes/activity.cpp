#include "compiler/passes/activity.hpp"

#include "compiler/passes/derivatives.hpp"

namespace sibyl::ir {
namespace {

// Marks, and tells whether that was news.
bool mark(std::vector<bool>& set, std::uint32_t id) {
  if (set[id]) return false;
  set[id] = true;
  return true;
}

bool is_wanted(const Function& function, const Instruction& argument) {
  const auto index = static_cast<std::size_t>(argument.number);
  return index < function.wanted.size() && function.wanted[index];
}

Activity nothing(const Function& function) {
  return {std::vector<bool>(function.value_count), std::vector<bool>(function.cells.size()),
          std::vector<bool>(function.arrays.size())};
}

// What depends on the unconstrained parameters, or on the arguments that derivatives are wanted by.
Activity find_varied(const Structure& structure) {
  const Function& function = structure.function();
  Activity varied = nothing(function);
  for (std::size_t i = 0; i < function.arrays.size(); ++i)
    varied.array[i] = function.arrays[i].binding == Binding::unconstrained_in;
  auto flows = [&](const Instruction& instruction) {
    if (writes_cell(instruction.op)) return varied.value[instruction.operands[0]] && mark(varied.cell, instruction.id);
    if (writes_array(instruction.op))
      return varied.value[instruction.operands[0]] && mark(varied.array, instruction.id);
    if (instruction.type != Type::real) return false;
    bool varies = false;
    if (instruction.op == Op::argument) varies = is_wanted(function, instruction);
    else if (reads_cell(instruction.op)) varies = varied.cell[instruction.id];
    else if (reads_array(instruction.op)) varies = varied.array[instruction.id];
    else
      for (std::size_t i = 0; i < instruction.operands.size(); ++i)
        varies = varies || (varied.value[instruction.operands[i]] && is_differentiable(instruction, i));
    return varies && mark(varied.value, instruction.result);
  };
  for (bool news = true; news;) {
    news = false;
    for (const Instruction* instruction : structure.all()) news = flows(*instruction) || news;
  }
  return varied;
}

// What influences the log density, or the callee's first result.
Activity find_useful(const Structure& structure) {
  const Function& function = structure.function();
  Activity useful = nothing(function);
  for (std::size_t i = 0; i < function.arrays.size(); ++i)
    useful.array[i] = function.arrays[i].binding == Binding::log_density;
  auto flows = [&](const Instruction& instruction) {
    if (writes_cell(instruction.op)) return useful.cell[instruction.id] && mark(useful.value, instruction.operands[0]);
    if (writes_array(instruction.op))
      return useful.array[instruction.id] && mark(useful.value, instruction.operands[0]);
    if (instruction.op == Op::give) return mark(useful.value, instruction.operands[0]);
    if (instruction.result == none || !useful.value[instruction.result]) return false;
    if (reads_cell(instruction.op)) return mark(useful.cell, instruction.id);
    if (reads_array(instruction.op)) return mark(useful.array, instruction.id);
    bool news = false;
    for (std::size_t i = 0; i < instruction.operands.size(); ++i)
      if (is_differentiable(instruction, i)) news = mark(useful.value, instruction.operands[i]) || news;
    return news;
  };
  for (bool news = true; news;) {
    news = false;
    for (auto it = structure.all().rbegin(); it != structure.all().rend(); ++it) news = flows(**it) || news;
  }
  return useful;
}

class NeedFinder {
 public:
  NeedFinder(const Structure& structure, const Activity& activity, const Instruction* region)
      : structure_(structure), activity_(activity), region_(region) {
    const Function& function = structure.function();
    needs_ = {std::vector<bool>(function.value_count), std::vector<bool>(function.cells.size()),
              std::vector<bool>(function.arrays.size())};
  }

  Needs find() {
    if (region_) for_each_nested(*region_, [&](const Instruction& instruction) { seed(instruction); });
    else for_each(structure_.function().body, [&](const Instruction& instruction) { seed(instruction); });
    while (!values_.empty()) {
      const ValueId value = values_.back();
      values_.pop_back();
      follow(*structure_.definition(value));
    }
    return std::move(needs_);
  }

 private:
  bool is_inside(const Instruction& instruction) const {
    return !region_ || structure_.contains(*region_, instruction);
  }

  void need(ValueId value) {
    if (is_inside(*structure_.definition(value)) && mark(needs_.value, value)) values_.push_back(value);
  }

  void need_from(const Instruction& instruction, std::size_t first) {
    for (std::size_t i = first; i < instruction.operands.size(); ++i) need(instruction.operands[i]);
  }

  // Control flow around what is run again must be the same again.
  void need_path(const Instruction& instruction) {
    for (const Instruction* owner = structure_.at(instruction).owner; owner != region_;
         owner = structure_.at(*owner).owner) {
      need_from(*owner, 0);
      if (owner->op == Op::while_) need(owner->blocks[0].back().operands[0]);
    }
  }

  void seed(const Instruction& instruction) {
    if (has(instruction.op, trait::declares) && activity_.array[instruction.id]) need_from(instruction, 0);
    if (!is_active(instruction, activity_)) return;
    need_path(instruction);
    for (ValueId value : values_read_back(instruction, activity_)) need(value);
  }

  void follow(const Instruction& instruction) {
    need_path(instruction);
    need_from(instruction, 0);
    if (reads_cell(instruction.op) && mark(needs_.cell, instruction.id))
      need_stores(structure_.cell_accesses(instruction.id));
    const bool looks_at_array = reads_array(instruction.op) || has(instruction.op, trait::measures);
    if (looks_at_array && mark(needs_.array, instruction.id)) {
      need_stores(structure_.array_accesses(instruction.id));
      const Instruction* declaration = structure_.declaration(instruction.id);
      if (declaration && is_inside(*declaration)) {
        need_path(*declaration);
        need_from(*declaration, 0);
      }
    }
  }

  void need_stores(const InstructionList& accesses) {
    for (const Instruction* access : accesses) {
      if (!has(access->op, trait::writes) || !is_inside(*access)) continue;
      need_path(*access);
      need_from(*access, 0);
    }
  }

  const Structure& structure_;
  const Activity& activity_;
  const Instruction* region_; // null: the whole function
  Needs needs_;
  std::vector<ValueId> values_; // needed, not yet followed
};

} // namespace

Activity find_activity(const Structure& structure) {
  Activity active = find_varied(structure);
  const Activity useful = find_useful(structure);
  auto intersect = [](std::vector<bool>& a, const std::vector<bool>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = a[i] && b[i];
  };
  intersect(active.value, useful.value);
  intersect(active.cell, useful.cell);
  intersect(active.array, useful.array);
  return active;
}

std::vector<bool> active_operands(const Instruction& instruction, const Activity& activity) {
  std::vector<bool> active(instruction.operands.size());
  for (std::size_t i = 0; i < active.size(); ++i)
    active[i] = is_differentiable(instruction, i) && activity.value[instruction.operands[i]];
  return active;
}

bool is_active(const Instruction& instruction, const Activity& activity) {
  if (writes_cell(instruction.op)) return activity.cell[instruction.id];
  if (writes_array(instruction.op)) return activity.array[instruction.id];
  return instruction.type == Type::real && instruction.result != none && activity.value[instruction.result];
}

std::vector<ValueId> values_read_back(const Instruction& instruction, const Activity& activity) {
  const auto& operands = instruction.operands;
  switch (instruction.op) {
  case Op::load: return operands;
  case Op::store: return {operands.begin() + 1, operands.end()};
  case Op::load_cell:
  case Op::store_cell: return {};
  default: break;
  }
  std::vector<ValueId> values;
  const RuleNeeds rule = needs_of_rule(instruction, active_operands(instruction, activity));
  for (std::size_t i = 0; i < rule.operands.size(); ++i)
    if (rule.operands[i]) values.push_back(operands[i]);
  if (rule.result) values.push_back(instruction.result);
  return values;
}

Needs find_needs(const Structure& structure, const Activity& activity, const Instruction* region) {
  return NeedFinder(structure, activity, region).find();
}

} // namespace sibyl::ir
