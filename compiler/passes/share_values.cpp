// Folds and shares values in one walk: a table of what is already computed, by scope, like the blocks themselves.
#include "compiler/ir/evaluate.hpp"
#include "compiler/passes/accumulation.hpp"
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure.hpp"

#include <bit>
#include <unordered_map>
#include <utility>

namespace sibyl::ir {
namespace {

// What a shareable instruction computes; equal keys in scope compute equal values.
struct Key {
  Op op;
  Type type;
  std::uint32_t id;
  std::uint64_t number; // bits: -0 is not 0
  std::vector<ValueId> operands;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::size_t hash = static_cast<std::size_t>(key.op) * 31 + static_cast<std::size_t>(key.type);
    auto mix = [&](std::uint64_t part) {
      hash = (hash ^ part) * 0x9e3779b97f4a7c15ull;
      hash ^= hash >> 29;
    };
    mix(key.id);
    mix(key.number);
    for (ValueId operand : key.operands) mix(operand);
    return hash;
  }
};

class Sharer {
 public:
  explicit Sharer(Function& function)
      : function_(function), replacement_(function.value_count), types_(function.value_count, Type::none),
        constants_(function.value_count), changing_(changing_arrays(function)), sizes_(function.arrays.size()),
        sums_(find_sums(Structure(function))) {
    for (ValueId value = 0; value < function.value_count; ++value) replacement_[value] = value;
  }

  void run() { block(function_.body, {}); }

 private:
  using Contents = std::unordered_map<CellId, ValueId>; // what cells are known to hold

  void block(Block& instructions, Contents contents) {
    std::vector<Key> added;
    Block kept;
    kept.reserve(instructions.size());
    for (Instruction& instruction : instructions)
      if (keep(instruction, contents, added)) kept.push_back(std::move(instruction));
    instructions = std::move(kept);
    for (const Key& key : added) computed_.erase(key);
  }

  // False where the instruction is replaced by a value that is there already, or does nothing.
  bool keep(Instruction& instruction, Contents& contents, std::vector<Key>& added) {
    for (ValueId& operand : instruction.operands) operand = replacement_[operand];
    if (instruction.result != none) types_[instruction.result] = instruction.type;
    switch (instruction.op) {
    case Op::store_cell: return store_cell(instruction, contents);
    case Op::load_cell: {
      if (sums_.is_load(instruction)) return true;
      const auto [known, is_new] = contents.emplace(instruction.id, instruction.result);
      return is_new || !replace(instruction, known->second);
    }
    case Op::declare: sizes_[instruction.id] = instruction.operands; return true;
    case Op::array_size:
      if (function_.arrays[instruction.id].binding == Binding::local)
        return !replace(instruction, sizes_[instruction.id].at(static_cast<std::size_t>(instruction.number)));
      return changing_[instruction.id] || share(instruction, added);
    case Op::load: return changing_[instruction.id] || share(instruction, added);
    case Op::check: return keep_check(instruction, added);
    case Op::if_:
    case Op::for_:
    case Op::while_: nested(instruction, contents); return true;
    default: break;
    }
    if (!is_pure(instruction.op)) return true;
    if (is_folding(instruction.op) && fold(instruction)) return false;
    if (instruction.op == Op::constant) constants_[instruction.result] = instruction.number;
    return share(instruction, added);
  }

  bool replace(const Instruction& instruction, ValueId value) {
    replacement_[instruction.result] = value;
    return true;
  }

  // An equal value that is stored again changes nothing.
  bool store_cell(const Instruction& instruction, Contents& contents) {
    if (sums_.find(instruction)) {
      contents.erase(instruction.id);
      return true;
    }
    const auto [known, is_new] = contents.emplace(instruction.id, instruction.operands[0]);
    if (!is_new && known->second == instruction.operands[0]) return false;
    known->second = instruction.operands[0];
    return true;
  }

  // `b != 0`, where b is the integer of a boolean, is that boolean: functions of the language return int for true.
  bool is_boolean_again(const Instruction& instruction) {
    if (instruction.op == Op::to_integer && types_[instruction.operands[0]] == Type::boolean)
      booleans_[instruction.result] = instruction.operands[0];
    if (instruction.op != Op::not_equal) return false;
    const auto boolean = booleans_.find(instruction.operands[0]);
    return boolean != booleans_.end() && constants_[instruction.operands[1]] == 0.0 &&
           replace(instruction, boolean->second);
  }

  // Replaces the instruction by an operand (true), or turns it into a constant.
  bool fold(Instruction& instruction) {
    if (is_boolean_again(instruction)) return true;
    std::vector<Type> types;
    std::vector<std::optional<double>> constants;
    for (ValueId operand : instruction.operands) {
      types.push_back(types_[operand]);
      constants.push_back(constants_[operand]);
    }
    if (auto operand = same_as_operand(instruction.op, types, constants, instruction.operands))
      return replace(instruction, instruction.operands[*operand]);
    if (auto number = ir::fold(instruction.op, instruction.id, types, constants)) {
      instruction.op = Op::constant;
      instruction.number = *number;
      instruction.id = none;
      instruction.operands.clear();
      constants_[instruction.result] = *number;
    }
    return false;
  }

  Key key_of(const Instruction& instruction) const {
    Key key{instruction.op, instruction.type, instruction.id, std::bit_cast<std::uint64_t>(instruction.number),
            instruction.operands};
    if (has(instruction.op, trait::commutative) && key.operands[0] > key.operands[1])
      std::swap(key.operands[0], key.operands[1]);
    return key;
  }

  bool share(const Instruction& instruction, std::vector<Key>& added) {
    Key key = key_of(instruction);
    const auto [found, is_new] = computed_.emplace(key, instruction.result);
    if (is_new) added.push_back(std::move(key));
    return is_new || !replace(instruction, found->second);
  }

  // A check that holds, or that was passed before with the same condition, is passed.
  bool keep_check(const Instruction& instruction, std::vector<Key>& added) {
    const ValueId condition = instruction.operands[0];
    if (constants_[condition] && *constants_[condition] != 0) return false;
    Key key{Op::check, Type::none, none, 0, {condition}};
    if (!computed_.emplace(key, none).second) return false;
    added.push_back(std::move(key));
    return true;
  }

  void nested(Instruction& owner, Contents& contents) {
    for (CellId cell : cells_written(owner)) contents.erase(cell);
    for (Block& inner : owner.blocks) block(inner, contents);
  }

  Function& function_;
  std::vector<ValueId> replacement_; // by value: what stands for it
  std::vector<Type> types_;
  std::vector<std::optional<double>> constants_;
  std::unordered_map<ValueId, ValueId> booleans_; // by integer: the boolean that it was made of
  std::vector<bool> changing_;                    // by array
  std::vector<std::vector<ValueId>> sizes_;       // of the arrays declared so far
  Sums sums_; // stay in their cells, as load, add and store: reverse mode knows them by that
  std::unordered_map<Key, ValueId, KeyHash> computed_;
};

} // namespace

void share_values(Function& function) { Sharer(function).run(); }

} // namespace sibyl::ir
