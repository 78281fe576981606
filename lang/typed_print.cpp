#include "lang/typed_print.hpp"

#include <fmt/format.h>

namespace sibyl {

using namespace typed;

namespace {

const char* name_of(Builtin builtin) {
  static constexpr const char* names[] = {"negate",
                                          "add",
                                          "subtract",
                                          "multiply",
                                          "divide",
                                          "integer_divide",
                                          "modulo",
                                          "power",
                                          "elementwise_multiply",
                                          "elementwise_divide",
                                          "elementwise_power",
                                          "left_divide",
                                          "equal",
                                          "not_equal",
                                          "less",
                                          "less_equal",
                                          "greater",
                                          "greater_equal",
                                          "logical_and",
                                          "logical_or",
                                          "logical_not",
                                          "transpose",
                                          "size",
                                          "rows",
                                          "cols",
                                          "num_elements",
                                          "dims",
                                          "rep_vector",
                                          "rep_row_vector",
                                          "rep_matrix",
                                          "rep_array",
                                          "to_vector",
                                          "to_row_vector",
                                          "to_matrix",
                                          "to_array_1d",
                                          "to_array_2d",
                                          "append_row",
                                          "append_col",
                                          "append_array",
                                          "head",
                                          "tail",
                                          "segment",
                                          "block",
                                          "row",
                                          "col",
                                          "diagonal",
                                          "absolute",
                                          "minimum",
                                          "maximum",
                                          "is_nan",
                                          "is_inf",
                                          "real_to_integer",
                                          "target",
                                          "math",
                                          "uniform_draw",
                                          "std_normal_draw",
                                          "given_value",
                                          "given_jacobian",
                                          "given_size"};
  return names[static_cast<int>(builtin)];
}

class Printer {
 public:
  explicit Printer(const typed::Program& program) : program_(program) {}

  std::string run() {
    block("data", program_.data);
    block("transformed data", program_.transformed_data);
    block("design", program_.design);
    block("parameters", program_.parameters);
    block("transformed parameters", program_.transformed_parameters);
    block("model", program_.model);
    block("generated quantities", program_.generated_quantities);
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += std::string(2 * static_cast<std::size_t>(depth_), ' ') + text + "\n"; }

  void block(const char* name, const std::vector<StatementPtr>& statements) {
    if (statements.empty()) return;
    line(name);
    ++depth_;
    for (const StatementPtr& one : statements) statement(one);
    --depth_;
  }

  void child(const StatementPtr& tree) {
    ++depth_;
    statement(tree);
    --depth_;
  }

  std::string list(const std::vector<ExpressionPtr>& expressions) const {
    std::string text;
    for (const ExpressionPtr& one : expressions) text += (text.empty() ? "" : ", ") + show(one);
    return text;
  }

  std::string items(const std::vector<IndexItem>& list) const {
    std::string text;
    for (const IndexItem& item : list) {
      text += text.empty() ? "" : ", ";
      if (item.first) text += show(item.first);
      if (item.kind != IndexItem::Kind::single && item.kind != IndexItem::Kind::multiple) text += ":";
      if (item.second) text += show(item.second);
    }
    return "[" + text + "]";
  }

  std::string show(const ExpressionPtr& expression) const {
    const std::string type = " : " + to_string(expression->type);
    return std::visit(
        [&](const auto& node) -> std::string {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, IntegerLiteral>) return std::to_string(node.value);
          else if constexpr (std::is_same_v<Node, RealLiteral>) return fmt::format("{}", node.value);
          else if constexpr (std::is_same_v<Node, StringLiteral>) return "\"" + node.value + "\"";
          else if constexpr (std::is_same_v<Node, VariableReference>) return program_.variables[node.variable].name;
          else if constexpr (std::is_same_v<Node, BuiltinCall>)
            return "(" + (node.builtin == Builtin::math ? node.math : std::string(name_of(node.builtin))) + "(" +
                   list(node.arguments) + ")" + type + ")";
          else if constexpr (std::is_same_v<Node, FunctionCall>)
            return "(" + std::string(node.elementwise ? "each " : "") + node.function->name + "(" +
                   list(node.arguments) + ")" + type + ")";
          else if constexpr (std::is_same_v<Node, SolverCall>)
            return "(" + (node.method ? node.method->name : "each job") + "(" + node.given->name + ", " +
                   list(node.arguments) + ")" + type + ")";
          else if constexpr (std::is_same_v<Node, DistributionCall>) {
            static constexpr const char* functions[] = {"log_density", "log_cdf", "log_ccdf", "cdf", "draw"};
            return "(" + node.distribution->name + "." + functions[static_cast<int>(node.function)] + "(" +
                   list(node.arguments) + ")" + type + ")";
          } else if constexpr (std::is_same_v<Node, Index>) return show(node.base) + items(node.items);
          else if constexpr (std::is_same_v<Node, Conditional>)
            return "(" + show(node.condition) + " ? " + show(node.if_true) + " : " + show(node.if_false) + type + ")";
          else if constexpr (std::is_same_v<Node, ArrayLiteral>) return "({" + list(node.elements) + "}" + type + ")";
          else if constexpr (std::is_same_v<Node, RowVectorLiteral>)
            return "([" + list(node.elements) + "]" + type + ")";
          else if constexpr (std::is_same_v<Node, Tuple>) return "((" + list(node.elements) + ")" + type + ")";
          else if constexpr (std::is_same_v<Node, CallPart>)
            return show(node.call) + "." + std::to_string(node.number + 1);
          else return "real(" + show(node.operand) + ")";
        },
        expression->node);
  }

  void statement(const StatementPtr& tree) {
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, Declaration>) {
            const Variable& variable = program_.variables[node.variable];
            line(variable.type_text + " " + variable.name + (node.initializer ? " = " + show(node.initializer) : ""));
          } else if constexpr (std::is_same_v<Node, Assignment>)
            line(program_.variables[node.variable].name + (node.indices.empty() ? "" : items(node.indices)) + " = " +
                 show(node.value));
          else if constexpr (std::is_same_v<Node, Tilde>) {
            std::string text = show(node.left) + " ~ " + node.distribution->name + "(" + list(node.arguments) + ")";
            if (node.truncation)
              text += " T[" + (node.truncation->lower ? show(node.truncation->lower) : "") + ", " +
                      (node.truncation->upper ? show(node.truncation->upper) : "") + "]";
            line(text);
          } else if constexpr (std::is_same_v<Node, TargetIncrement>)
            line((node.is_jacobian ? "jacobian += " : "target += ") + show(node.value));
          else if constexpr (std::is_same_v<Node, For>) {
            line("for " + program_.variables[node.variable].name + " in " + show(node.first) + " .. " +
                 show(node.last));
            child(node.body);
          } else if constexpr (std::is_same_v<Node, ForEach>) {
            line("for " + program_.variables[node.variable].name + " in " + show(node.container));
            child(node.body);
          } else if constexpr (std::is_same_v<Node, While>) {
            line("while " + show(node.condition));
            child(node.body);
          } else if constexpr (std::is_same_v<Node, If>) {
            line("if " + show(node.condition));
            child(node.then_body);
            if (node.else_body) {
              line("else");
              child(node.else_body);
            }
          } else if constexpr (std::is_same_v<Node, Break>) line("break");
          else if constexpr (std::is_same_v<Node, Continue>) line("continue");
          else if constexpr (std::is_same_v<Node, Return>) line(node.value ? "return " + show(node.value) : "return");
          else if constexpr (std::is_same_v<Node, Sequence>)
            for (const StatementPtr& one : node.statements) statement(one);
          else if constexpr (std::is_same_v<Node, Print>) line("print " + list(node.arguments));
          else if constexpr (std::is_same_v<Node, Reject>) line("reject " + list(node.arguments));
          else line("call " + show(node.call));
        },
        tree->node);
  }

  const typed::Program& program_;
  std::string out_;
  int depth_ = 0;
};

} // namespace

std::string to_string(const typed::Program& program) { return Printer(program).run(); }

} // namespace sibyl
