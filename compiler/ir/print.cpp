// The intermediate representation as text, for `--emit ir` and golden tests: one instruction a line, values as %number,
// cells and arrays by name (with their number where two share one).
#include "compiler/ir/ir.hpp"
#include "compiler/ir/math.hpp"

#include <fmt/format.h>

#include <map>

namespace sibyl::ir {
namespace {

const char* name_of(Type type) {
  switch (type) {
  case Type::none: return "none";
  case Type::real: return "real";
  case Type::integer: return "integer";
  case Type::boolean: return "boolean";
  }
  return "?";
}

std::string binding_of(const Array& array, const Facts& facts) {
  switch (array.binding) {
  case Binding::local: return "local";
  case Binding::variable:
    return array.variable < facts.variables.size() ? "variable " + facts.variables[array.variable].name : "variable";
  case Binding::unconstrained_in: return "unconstrained_in";
  case Binding::unconstrained_out: return "unconstrained_out";
  case Binding::block_sizes: return "block_sizes";
  case Binding::gradient: return "gradient";
  case Binding::log_density: return "log_density";
  case Binding::include_jacobian: return "include_jacobian";
  }
  return "?";
}

// The names of cells or arrays, made unique by their number where needed.
template <class Named>
std::vector<std::string> unique_names(const std::vector<Named>& things) {
  std::map<std::string, int> uses;
  for (const Named& thing : things) ++uses[thing.name];
  std::vector<std::string> names;
  for (std::size_t i = 0; i < things.size(); ++i)
    names.push_back(uses[things[i].name] == 1 && !things[i].name.empty() ? things[i].name
                                                                         : fmt::format("{}#{}", things[i].name, i));
  return names;
}

class Printer {
 public:
  Printer(const Function& function, const Model& model)
      : function_(function), model_(model), cells_(unique_names(function.cells)),
        arrays_(unique_names(function.arrays)) {}

  std::string print() {
    out_ = fmt::format("function {}{} {{\n", function_.name, signature());
    for (std::size_t i = 0; i < cells_.size(); ++i)
      out_ += fmt::format("  cell {}: {}\n", cells_[i], name_of(function_.cells[i].type));
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      const Array& array = function_.arrays[i];
      out_ += fmt::format("  array {}: {}[{}], {}\n", arrays_[i], name_of(array.element), array.rank,
                          binding_of(array, model_.facts));
    }
    block(function_.body, 1);
    return out_ + "}\n";
  }

 private:
  std::string signature() const {
    if (function_.results.empty()) return "";
    const auto list = [](const std::vector<Type>& types) {
      std::string text;
      for (const Type type : types) text += (text.empty() ? "" : ", ") + std::string(name_of(type));
      return text;
    };
    return fmt::format("({}) -> {}", list(function_.arguments), list(function_.results));
  }

  static std::string value(ValueId id) { return id == none ? "%none" : fmt::format("%{}", id); }

  static std::string list(const std::vector<ValueId>& values, std::size_t from = 0) {
    std::string text;
    for (std::size_t i = from; i < values.size(); ++i) text += (i > from ? ", " : "") + value(values[i]);
    return text;
  }

  static std::string number(const Instruction& instruction) {
    if (instruction.type == Type::boolean) return instruction.number != 0 ? "true" : "false";
    const std::string text = fmt::format("{}", instruction.number);
    const bool integral = text.find_first_not_of("-0123456789") == std::string::npos;
    if (instruction.type == Type::integer || !integral) return text;
    return text + ".0"; // fmt prints the shortest text that reads back: "2" for 2.0
  }

  std::string cell(std::uint32_t id) const { return id < cells_.size() ? cells_[id] : fmt::format("cell#{}", id); }
  std::string array(std::uint32_t id) const { return id < arrays_.size() ? arrays_[id] : fmt::format("array#{}", id); }

  std::string callee(std::uint32_t id) const {
    return id < model_.callees.size() ? model_.callees[id].name : fmt::format("callee#{}", id);
  }

  std::string message(std::uint32_t id) const {
    return id < model_.messages.size() ? fmt::format("\"{}\"", model_.messages[id].text)
                                       : fmt::format("message {}", id);
  }

  std::string text(const Instruction& instruction) const {
    const auto& operands = instruction.operands;
    switch (instruction.op) {
    case Op::constant: return "constant " + number(instruction);
    case Op::math: return fmt::format("{} {}", name_of(static_cast<MathFunction>(instruction.id)), list(operands));
    case Op::load_cell: return "load " + cell(instruction.id);
    case Op::store_cell: return fmt::format("store {}, {}", cell(instruction.id), list(operands));
    case Op::declare:
      return fmt::format("declare {}[{}]{}", array(instruction.id), list(operands),
                         instruction.number != 0 ? ", zeros" : "");
    case Op::load: return fmt::format("load {}[{}]", array(instruction.id), list(operands));
    case Op::store:
      return fmt::format("store {}[{}], {}", array(instruction.id), list(operands, 1),
                         value(operands.empty() ? none : operands[0]));
    case Op::array_size: return fmt::format("size {}, {}", array(instruction.id), instruction.number);
    case Op::draw_uniform:
    case Op::draw_normal: return fmt::format("{} site {}", fact(instruction.op).name, instruction.id);
    case Op::check:
      return fmt::format("check {}, {}{}{}", value(operands.empty() ? none : operands[0]), message(instruction.id),
                         operands.size() > 1 ? ", " : "", list(operands, 1));
    case Op::argument: return fmt::format("argument {}", instruction.number);
    case Op::call:
      return fmt::format("call {}{}{}{}", callee(instruction.id), operands.empty() ? "" : " ", list(operands),
                         instruction.number != 0 ? ", as a constant" : "");
    case Op::result_of: return fmt::format("result {} of {}", instruction.number, list(operands));
    case Op::reject:
    case Op::print:
      return fmt::format("{} {}{}{}", fact(instruction.op).name, message(instruction.id), operands.empty() ? "" : ", ",
                         list(operands));
    default: return fmt::format("{}{}{}", fact(instruction.op).name, operands.empty() ? "" : " ", list(operands));
    }
  }

  void block(const Block& instructions, int depth) {
    for (const Instruction& instruction : instructions) structured(instruction, depth);
  }

  void structured(const Instruction& instruction, int depth) {
    const std::string indent(2 * static_cast<std::size_t>(depth), ' ');
    auto nested = [&](std::size_t index) {
      if (index < instruction.blocks.size()) block(instruction.blocks[index], depth + 1);
    };
    auto operand = [&](std::size_t index) {
      return index < instruction.operands.size() ? value(instruction.operands[index]) : value(none);
    };
    switch (instruction.op) {
    case Op::if_:
      out_ += fmt::format("{}if {} {{\n", indent, operand(0));
      nested(0);
      if (instruction.blocks.size() > 1 && !instruction.blocks[1].empty()) {
        out_ += indent + "} else {\n";
        nested(1);
      }
      out_ += indent + "}\n";
      return;
    case Op::for_:
      out_ +=
          instruction.number != 0
              ? fmt::format("{}for {} in {} down to {} {{\n", indent, value(instruction.result), operand(1), operand(0))
              : fmt::format("{}for {} in {} .. {} {{\n", indent, value(instruction.result), operand(0), operand(1));
      nested(0);
      out_ += indent + "}\n";
      return;
    case Op::while_:
      out_ += indent + "while {\n";
      nested(0);
      out_ += indent + "} do {\n";
      nested(1);
      out_ += indent + "}\n";
      return;
    default:
      out_ += indent;
      if (instruction.result != none) out_ += value(instruction.result) + " = ";
      out_ += text(instruction) + "\n";
    }
  }

  const Function& function_;
  const Model& model_;
  std::vector<std::string> cells_, arrays_;
  std::string out_;
};

} // namespace

std::string to_string(const Function& function, const Model& model) { return Printer(function, model).print(); }

std::string to_string(const Model& model) {
  std::string text;
  for (const auto* functions : {&model.functions, &model.callees})
    for (const Function& function : *functions) text += (text.empty() ? "" : "\n") + to_string(function, model);
  return text;
}

} // namespace sibyl::ir
