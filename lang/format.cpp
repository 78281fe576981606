#include "lang/format.hpp"

namespace sibyl {

using namespace ast;

namespace {

const char* text_of(BinaryOperator op) {
  static constexpr const char* symbols[] = {"||", "&&", "==", "!=",  "<",  "<=", ">",  ">=", "+", "-",
                                            "*",  "/",  "%",  "%/%", "\\", ".*", "./", "^",  ".^"};
  return symbols[static_cast<int>(op)];
}

const char* text_of(AssignmentOperator op) {
  static constexpr const char* symbols[] = {"=", "+=", "-=", "*=", "/=", ".*=", "./="};
  return symbols[static_cast<int>(op)];
}

const char* text_of(BaseType type) {
  static constexpr const char* names[] = {"int", "real", "vector", "row_vector", "matrix", "tuple"};
  return names[static_cast<int>(type)];
}

const char* text_of(BlockKind kind) {
  static constexpr const char* names[] = {
      "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
      "generated quantities"};
  return names[static_cast<int>(kind)];
}

std::string list(const std::vector<ExpressionPtr>& elements) {
  std::string text;
  for (std::size_t i = 0; i < elements.size(); ++i) text += (i ? ", " : "") + format(elements[i]);
  return text;
}

std::string item(const IndexItem& one) {
  switch (one.kind) {
  case IndexItem::Kind::all: return ":";
  case IndexItem::Kind::single: return format(one.first);
  case IndexItem::Kind::from: return format(one.first) + ":";
  case IndexItem::Kind::up_to: return ":" + format(one.second);
  case IndexItem::Kind::between: return format(one.first) + ":" + format(one.second);
  }
  return "";
}

struct ExpressionFormatter {
  std::string operator()(const IntegerLiteral& node) const { return std::to_string(node.value); }
  std::string operator()(const RealLiteral& node) const { return node.text; }
  std::string operator()(const StringLiteral& node) const { return "\"" + node.value + "\""; }
  std::string operator()(const VariableReference& node) const { return node.name; }
  std::string operator()(const Unary& node) const {
    static constexpr const char* symbols[] = {"-", "+", "!"};
    return symbols[static_cast<int>(node.op)] + format(node.operand);
  }
  std::string operator()(const Binary& node) const {
    const bool tight = node.op == BinaryOperator::power || node.op == BinaryOperator::elementwise_power;
    const std::string space = tight ? "" : " ";
    return format(node.left) + space + text_of(node.op) + space + format(node.right);
  }
  std::string operator()(const Transpose& node) const { return format(node.operand) + "'"; }
  std::string operator()(const Conditional& node) const {
    return format(node.condition) + " ? " + format(node.if_true) + " : " + format(node.if_false);
  }
  std::string operator()(const Parenthesized& node) const { return "(" + format(node.inner) + ")"; }
  std::string operator()(const Index& node) const {
    std::string text = format(node.base) + "[";
    for (std::size_t i = 0; i < node.items.size(); ++i) text += (i ? ", " : "") + item(node.items[i]);
    return text + "]";
  }
  std::string operator()(const Call& node) const {
    if (!node.has_bar) return node.function.name + "(" + list(node.arguments) + ")";
    const std::vector<ExpressionPtr> rest(node.arguments.begin() + 1, node.arguments.end());
    return node.function.name + "(" + format(node.arguments.front()) + " | " + list(rest) + ")";
  }
  std::string operator()(const ArrayLiteral& node) const { return "{" + list(node.elements) + "}"; }
  std::string operator()(const RowVectorLiteral& node) const { return "[" + list(node.elements) + "]"; }
  std::string operator()(const TupleLiteral& node) const { return "(" + list(node.elements) + ")"; }
  std::string operator()(const TuplePart& node) const {
    return format(node.operand) + "." + std::to_string(node.number);
  }
};

class Formatter {
 public:
  Formatter(const Program& program, const Source& source) : program_(program), source_(source) {}

  std::string run() {
    for (const ProgramBlock& block : program_.blocks) {
      comments_before(block.span.begin);
      line(std::string(text_of(block.kind)) + " {");
      ++depth_;
      for (const FunctionDefinition& function : block.functions) {
        comments_before(function.span.begin);
        if (!function.body) {
          line(signature(function) + ";");
          continue;
        }
        line(signature(function) + " {");
        body(function.body);
        line("}");
      }
      for (const StatementPtr& one : block.statements) statement(one);
      comments_before(block.span.end);
      --depth_;
      line("}");
    }
    comments_before(static_cast<std::uint32_t>(source_.text().size()) + 1);
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += std::string(2 * static_cast<std::size_t>(depth_), ' ') + text + "\n"; }

  // Comments that stand before this place: on lines of their own, or behind what was printed last.
  void comments_before(std::uint32_t place) {
    for (; next_comment_ < program_.comments.size() && program_.comments[next_comment_].span.begin < place;
         ++next_comment_) {
      const Comment& comment = program_.comments[next_comment_];
      std::string text(source_.slice(comment.span));
      if (text.starts_with("#") && !text.starts_with("#include")) text.replace(0, 1, "//");
      if (!text.empty() && text.back() == '\r') text.pop_back();
      if (comment.own_line || out_.empty()) line(text);
      else out_.insert(out_.size() - 1, "  " + text);
    }
  }

  template <typename Types>
  static std::string parts(const Types& types, std::string (*text_of_part)(const typename Types::value_type&)) {
    std::string text;
    for (const auto& one : types) text += (text.empty() ? "(" : ", ") + text_of_part(one);
    return text + ")";
  }

  static std::string sized(const SizedType& type) {
    std::string text;
    if (!type.array_sizes.empty()) text = "array[" + list(type.array_sizes) + "] ";
    text += type.constrained.empty() ? text_of(type.base) : type.constrained;
    std::string bounds;
    const auto add = [&](const char* name, const ExpressionPtr& bound) {
      if (bound) bounds += (bounds.empty() ? "" : ", ") + std::string(name) + "=" + format(bound);
    };
    add("lower", type.constraint.lower);
    add("upper", type.constraint.upper);
    add("offset", type.constraint.offset);
    add("multiplier", type.constraint.multiplier);
    if (!bounds.empty()) text += "<" + bounds + ">";
    if (!type.sizes.empty()) text += "[" + list(type.sizes) + "]";
    if (!type.parts.empty()) text += parts(type.parts, sized);
    return text;
  }

  static std::string unsized(const UnsizedType& type) {
    std::string base = type.base ? text_of(*type.base) : "void";
    if (!type.parts.empty()) base += parts(type.parts, unsized);
    return type.array_dimensions == 0 ? base : "array[" + std::string(type.array_dimensions - 1, ',') + "] " + base;
  }

  static std::string signature(const FunctionDefinition& function) {
    std::string text = unsized(function.result) + " " + function.name.name + "(";
    for (std::size_t i = 0; i < function.arguments.size(); ++i) {
      const Argument& argument = function.arguments[i];
      text += (i ? ", " : "") + std::string(argument.data_only ? "data " : "") + unsized(argument.type) + " " +
              argument.name.name;
    }
    return text + ")";
  }

  // The statements of a body whose braces the caller prints.
  void body(const StatementPtr& tree) {
    ++depth_;
    if (const auto* block = std::get_if<ast::Block>(&tree->node))
      for (const StatementPtr& one : block->statements) statement(one);
    else statement(tree);
    comments_before(tree->span.end);
    --depth_;
  }

  void nested(const std::string& head, const StatementPtr& tree) {
    line(head + " {");
    body(tree);
    line("}");
  }

  void branch(const If& node, const std::string& prefix) {
    line(prefix + "if (" + format(node.condition) + ") {");
    body(node.then_body);
    if (!node.else_body) return line("}");
    if (const auto* next = std::get_if<If>(&node.else_body->node)) return branch(*next, "} else ");
    line("} else {");
    body(node.else_body);
    line("}");
  }

  void statement(const StatementPtr& tree) {
    comments_before(tree->span.begin);
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, Declaration>)
            line(sized(node.type) + " " + node.name.name + (node.initializer ? " = " + format(node.initializer) : "") +
                 ";");
          else if constexpr (std::is_same_v<Node, Assignment>)
            line(format(node.target) + " " + text_of(node.op) + " " + format(node.value) + ";");
          else if constexpr (std::is_same_v<Node, Tilde>) {
            std::string text = format(node.left) + " ~ " + node.distribution.name + "(" + list(node.arguments) + ")";
            if (node.truncation)
              text += " T[" + (node.truncation->lower ? format(node.truncation->lower) : "") + ", " +
                      (node.truncation->upper ? format(node.truncation->upper) : "") + "]";
            line(text + ";");
          } else if constexpr (std::is_same_v<Node, TargetIncrement>)
            line((node.is_jacobian ? "jacobian += " : "target += ") + format(node.value) + ";");
          else if constexpr (std::is_same_v<Node, For>)
            nested("for (" + node.variable.name + " in " + format(node.first) + ":" + format(node.last) + ")",
                   node.body);
          else if constexpr (std::is_same_v<Node, ForEach>)
            nested("for (" + node.variable.name + " in " + format(node.container) + ")", node.body);
          else if constexpr (std::is_same_v<Node, While>) nested("while (" + format(node.condition) + ")", node.body);
          else if constexpr (std::is_same_v<Node, If>) branch(node, "");
          else if constexpr (std::is_same_v<Node, Break>) line("break;");
          else if constexpr (std::is_same_v<Node, Continue>) line("continue;");
          else if constexpr (std::is_same_v<Node, Return>)
            line(node.value ? "return " + format(node.value) + ";" : "return;");
          else if constexpr (std::is_same_v<Node, ast::Block>) {
            line("{");
            body(tree);
            line("}");
          } else if constexpr (std::is_same_v<Node, Print>) line("print(" + list(node.arguments) + ");");
          else if constexpr (std::is_same_v<Node, Reject>) line("reject(" + list(node.arguments) + ");");
          else if constexpr (std::is_same_v<Node, CallStatement>) line(format(node.call) + ";");
        },
        tree->node);
  }

  const Program& program_;
  const Source& source_;
  std::size_t next_comment_ = 0;
  std::string out_;
  int depth_ = 0;
};

} // namespace

std::string format(const ExpressionPtr& expression) { return std::visit(ExpressionFormatter{}, expression->node); }

std::string format(const Program& program, const Source& source) { return Formatter(program, source).run(); }

} // namespace sibyl
