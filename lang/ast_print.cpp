#include "lang/ast_print.hpp"

#include "lang/format.hpp"

namespace sibyl {

using namespace ast;

namespace {

class Printer {
 public:
  std::string run(const Program& program) {
    static constexpr const char* names[] = {
        "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
        "generated quantities"};
    for (const ProgramBlock& block : program.blocks) {
      line(std::string("block ") + names[static_cast<int>(block.kind)]);
      ++depth_;
      for (const FunctionDefinition& function : block.functions) {
        line("function " + function.name.name);
        child(function.body);
      }
      for (const StatementPtr& one : block.statements) statement(one);
      --depth_;
    }
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += std::string(2 * static_cast<std::size_t>(depth_), ' ') + text + "\n"; }
  void child(const StatementPtr& tree) {
    if (!tree) return;
    ++depth_;
    // A body's braces mean nothing: one statement stands with or without them.
    if (const auto* block = std::get_if<ast::Block>(&tree->node))
      for (const StatementPtr& one : block->statements) statement(one);
    else statement(tree);
    --depth_;
  }
  void operand(const char* name, const ExpressionPtr& expression) {
    if (!expression) return;
    ++depth_;
    line(std::string(name) + ": " + shape(expression));
    --depth_;
  }

  // Fully bracketed, so that precedence can be read off.
  static std::string shape(const ExpressionPtr& expression) {
    const auto all = [](const std::vector<ExpressionPtr>& list) {
      std::string text;
      for (const ExpressionPtr& one : list) text += " " + shape(one);
      return text;
    };
    return std::visit(
        [&](const auto& node) -> std::string {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, Unary>) {
            static constexpr const char* symbols[] = {"-", "+", "!"};
            return std::string("(") + symbols[static_cast<int>(node.op)] + " " + shape(node.operand) + ")";
          } else if constexpr (std::is_same_v<Node, Binary>) {
            static constexpr const char* symbols[] = {"||", "&&", "==", "!=",  "<",  "<=", ">",  ">=", "+", "-",
                                                      "*",  "/",  "%",  "%/%", "\\", ".*", "./", "^",  ".^"};
            return std::string("(") + symbols[static_cast<int>(node.op)] + " " + shape(node.left) + " " +
                   shape(node.right) + ")";
          } else if constexpr (std::is_same_v<Node, Transpose>) return "(' " + shape(node.operand) + ")";
          else if constexpr (std::is_same_v<Node, Conditional>)
            return "(? " + shape(node.condition) + " " + shape(node.if_true) + " " + shape(node.if_false) + ")";
          else if constexpr (std::is_same_v<Node, Parenthesized>) return shape(node.inner);
          else if constexpr (std::is_same_v<Node, Index>) {
            std::string text = "(index " + shape(node.base);
            for (const IndexItem& item : node.items) {
              text += " [";
              if (item.first) text += shape(item.first);
              if (item.kind != IndexItem::Kind::single) text += ":";
              if (item.second) text += shape(item.second);
              text += "]";
            }
            return text + ")";
          } else if constexpr (std::is_same_v<Node, Call>)
            return "(call " + node.function.name + all(node.arguments) + ")";
          else if constexpr (std::is_same_v<Node, ArrayLiteral>) return "(array" + all(node.elements) + ")";
          else if constexpr (std::is_same_v<Node, RowVectorLiteral>) return "(row" + all(node.elements) + ")";
          else if constexpr (std::is_same_v<Node, TupleLiteral>) return "(tuple" + all(node.elements) + ")";
          else if constexpr (std::is_same_v<Node, TuplePart>)
            return "(part " + shape(node.operand) + " " + std::to_string(node.number) + ")";
          else return format(expression);
        },
        expression->node);
  }

  void statement(const StatementPtr& tree) {
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, Declaration>) {
            line("declare " + node.name.name);
            for (const ExpressionPtr& size : node.type.array_sizes) operand("array size", size);
            for (const ExpressionPtr& size : node.type.sizes) operand("size", size);
            operand("lower", node.type.constraint.lower);
            operand("upper", node.type.constraint.upper);
            operand("offset", node.type.constraint.offset);
            operand("multiplier", node.type.constraint.multiplier);
            operand("value", node.initializer);
          } else if constexpr (std::is_same_v<Node, Assignment>) {
            static constexpr const char* symbols[] = {"", " +=", " -=", " *=", " /=", " .*=", " ./="};
            line(std::string("assign") + symbols[static_cast<int>(node.op)]);
            operand("target", node.target);
            operand("value", node.value);
          } else if constexpr (std::is_same_v<Node, Tilde>) {
            line("tilde " + node.distribution.name);
            operand("left", node.left);
            for (const ExpressionPtr& argument : node.arguments) operand("argument", argument);
            if (node.truncation) {
              operand("truncated below", node.truncation->lower);
              operand("truncated above", node.truncation->upper);
            }
          } else if constexpr (std::is_same_v<Node, TargetIncrement>) {
            line("target");
            operand("value", node.value);
          } else if constexpr (std::is_same_v<Node, For>) {
            line("for " + node.variable.name);
            operand("first", node.first);
            operand("last", node.last);
            child(node.body);
          } else if constexpr (std::is_same_v<Node, ForEach>) {
            line("for each " + node.variable.name);
            operand("container", node.container);
            child(node.body);
          } else if constexpr (std::is_same_v<Node, While>) {
            line("while");
            operand("condition", node.condition);
            child(node.body);
          } else if constexpr (std::is_same_v<Node, If>) {
            line("if");
            operand("condition", node.condition);
            child(node.then_body);
            if (node.else_body) line("else");
            child(node.else_body);
          } else if constexpr (std::is_same_v<Node, Break>) line("break");
          else if constexpr (std::is_same_v<Node, Continue>) line("continue");
          else if constexpr (std::is_same_v<Node, Return>) {
            line("return");
            operand("value", node.value);
          } else if constexpr (std::is_same_v<Node, ast::Block>) {
            line("block");
            for (const StatementPtr& one : node.statements) child(one);
          } else if constexpr (std::is_same_v<Node, Print> || std::is_same_v<Node, Reject>) {
            line(std::is_same_v<Node, Print> ? "print" : "reject");
            for (const ExpressionPtr& argument : node.arguments) operand("argument", argument);
          } else if constexpr (std::is_same_v<Node, CallStatement>) {
            line("call");
            operand("call", node.call);
          } else line("empty");
        },
        tree->node);
  }

  std::string out_;
  int depth_ = 0;
};

} // namespace

std::string to_string(const Program& program) { return Printer().run(program); }

} // namespace sibyl
