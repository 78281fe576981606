#include "runtime/repl/placement.hpp"

#include "lang/format.hpp"

#include <algorithm>

namespace sibyl::repl {

using ast::BlockKind;
using ast::ExpressionPtr;
using ast::StatementPtr;

namespace {

void names_in_all(const std::vector<ExpressionPtr>& list, std::set<std::string>& names, std::set<std::string>& calls) {
  for (const ExpressionPtr& one : list) names_in(one, names, calls);
}

// What a statement and all within it read, draw and assign.
struct Uses {
  std::set<std::string> reads, calls, drawn, assigned, declared;
  bool adds_to_target = false;
};

std::string base_name(const ExpressionPtr& expression) {
  if (const auto* variable = std::get_if<ast::VariableReference>(&expression->node)) return variable->name;
  if (const auto* index = std::get_if<ast::Index>(&expression->node)) return base_name(index->base);
  if (const auto* inner = std::get_if<ast::Parenthesized>(&expression->node)) return base_name(inner->inner);
  return "";
}

// The indices of an element that is drawn or assigned are read; the element is not.
void add_indices(const ExpressionPtr& left, Uses& uses) {
  if (const auto* index = std::get_if<ast::Index>(&left->node))
    for (const ast::IndexItem& item : index->items)
      for (const ExpressionPtr& part : {item.first, item.second})
        if (part) names_in(part, uses.reads, uses.calls);
}

void add_uses(const StatementPtr& statement, Uses& uses) {
  if (!statement) return;
  const auto read = [&](const ExpressionPtr& expression) {
    if (expression) names_in(expression, uses.reads, uses.calls);
  };
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::Declaration>) {
          uses.declared.insert(node.name.name);
          for (const ExpressionPtr& size : node.type.array_sizes) read(size);
          for (const ExpressionPtr& size : node.type.sizes) read(size);
          read(node.initializer);
        } else if constexpr (std::is_same_v<Node, ast::Assignment>) {
          uses.assigned.insert(base_name(node.target));
          add_indices(node.target, uses);
          read(node.value);
        } else if constexpr (std::is_same_v<Node, ast::Tilde>) {
          uses.drawn.insert(base_name(node.left));
          add_indices(node.left, uses);
          for (const ExpressionPtr& argument : node.arguments) read(argument);
        } else if constexpr (std::is_same_v<Node, ast::TargetIncrement>) {
          uses.adds_to_target = true;
          read(node.value);
        } else if constexpr (std::is_same_v<Node, ast::For>) {
          uses.declared.insert(node.variable.name);
          read(node.first);
          read(node.last);
          add_uses(node.body, uses);
        } else if constexpr (std::is_same_v<Node, ast::ForEach>) {
          uses.declared.insert(node.variable.name);
          read(node.container);
          add_uses(node.body, uses);
        } else if constexpr (std::is_same_v<Node, ast::While>) {
          read(node.condition);
          add_uses(node.body, uses);
        } else if constexpr (std::is_same_v<Node, ast::If>) {
          read(node.condition);
          add_uses(node.then_body, uses);
          add_uses(node.else_body, uses);
        } else if constexpr (std::is_same_v<Node, ast::Block>) {
          for (const StatementPtr& one : node.statements) add_uses(one, uses);
        } else if constexpr (std::is_same_v<Node, ast::Print> || std::is_same_v<Node, ast::Reject>) {
          for (const ExpressionPtr& argument : node.arguments) read(argument);
        } else if constexpr (std::is_same_v<Node, ast::CallStatement>) read(node.call);
        else if constexpr (std::is_same_v<Node, ast::Return>) read(node.value);
      },
      statement->node);
}

bool is_data(const std::string& name, const Declarations& declared) {
  const auto found = declared.find(name);
  return found != declared.end() && found->second == BlockKind::data;
}

// The last block that something read is declared in, in the order in which a model is computed.
BlockKind latest_block(const Uses& uses, const Declarations& declared) {
  BlockKind latest = BlockKind::transformed_data;
  for (const std::string& name : uses.reads) {
    const auto found = declared.find(name);
    if (found == declared.end() || uses.declared.contains(name)) continue;
    const BlockKind block = found->second == BlockKind::parameters ? BlockKind::transformed_parameters : found->second;
    latest = std::max(latest, block);
  }
  for (const std::string& call : uses.calls)
    if (call.ends_with("_rng")) latest = BlockKind::generated_quantities;
  return latest;
}

BlockKind block_of_declaration(const ast::Declaration& declaration, const Uses& uses, const Declarations& declared) {
  if (declaration.initializer) return latest_block(uses, declared);
  return declaration.type.base == ast::BaseType::integer ? BlockKind::data : BlockKind::parameters;
}

std::string head_of(const StatementPtr& statement) {
  if (const auto* loop = std::get_if<ast::For>(&statement->node))
    return "for (" + loop->variable.name + " in " + format(loop->first) + ":" + format(loop->last) + ")";
  if (const auto* loop = std::get_if<ast::ForEach>(&statement->node))
    return "for (" + loop->variable.name + " in " + format(loop->container) + ")";
  if (const auto* loop = std::get_if<ast::While>(&statement->node)) return "while (" + format(loop->condition) + ")";
  if (const auto* branch = std::get_if<ast::If>(&statement->node)) return "if (" + format(branch->condition) + ")";
  return "{";
}

} // namespace

void names_in(const ExpressionPtr& expression, std::set<std::string>& names, std::set<std::string>& calls) {
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::VariableReference>) names.insert(node.name);
        else if constexpr (std::is_same_v<Node, ast::Unary> || std::is_same_v<Node, ast::Transpose>)
          names_in(node.operand, names, calls);
        else if constexpr (std::is_same_v<Node, ast::Binary>) names_in_all({node.left, node.right}, names, calls);
        else if constexpr (std::is_same_v<Node, ast::Conditional>)
          names_in_all({node.condition, node.if_true, node.if_false}, names, calls);
        else if constexpr (std::is_same_v<Node, ast::Parenthesized>) names_in(node.inner, names, calls);
        else if constexpr (std::is_same_v<Node, ast::Index>) {
          names_in(node.base, names, calls);
          for (const ast::IndexItem& item : node.items)
            for (const ExpressionPtr& part : {item.first, item.second})
              if (part) names_in(part, names, calls);
        } else if constexpr (std::is_same_v<Node, ast::Call>) {
          calls.insert(node.function.name);
          names_in_all(node.arguments, names, calls);
        } else if constexpr (std::is_same_v<Node, ast::ArrayLiteral> || std::is_same_v<Node, ast::RowVectorLiteral>)
          names_in_all(node.elements, names, calls);
      },
      expression->node);
}

BlockKind block_of(const StatementPtr& statement, const Declarations& declared) {
  Uses uses;
  add_uses(statement, uses);
  if (const auto* declaration = std::get_if<ast::Declaration>(&statement->node))
    return block_of_declaration(*declaration, uses, declared);
  if (uses.adds_to_target) return BlockKind::model;
  if (!uses.drawn.empty()) {
    const bool draws_data = std::ranges::all_of(uses.drawn, [&](const auto& name) { return is_data(name, declared); });
    const bool reads_data = std::ranges::all_of(uses.reads, [&](const std::string& name) {
      const auto found = declared.find(name);
      return uses.declared.contains(name) || (found != declared.end() && found->second <= BlockKind::transformed_data);
    });
    return draws_data && reads_data ? BlockKind::design : BlockKind::model;
  }
  for (const std::string& name : uses.assigned)
    if (const auto found = declared.find(name); found != declared.end() && found->second != BlockKind::data)
      return found->second;
  return BlockKind::model;
}

Subject subject_of(const StatementPtr& statement) {
  Subject subject;
  if (const auto* declaration = std::get_if<ast::Declaration>(&statement->node)) {
    subject.kind = Subject::Kind::declaration;
    subject.name = subject.place = declaration->name.name;
  } else if (const auto* tilde = std::get_if<ast::Tilde>(&statement->node)) {
    subject.kind = Subject::Kind::draw;
    subject.name = base_name(tilde->left);
    subject.place = format(tilde->left);
    if (subject.name.empty()) subject.kind = Subject::Kind::other;
  } else if (const auto* assignment = std::get_if<ast::Assignment>(&statement->node)) {
    if (assignment->op != ast::AssignmentOperator::assign) return subject;
    subject.kind = Subject::Kind::assignment;
    subject.name = base_name(assignment->target);
    subject.place = format(assignment->target);
  } else {
    Uses uses;
    add_uses(statement, uses);
    if (uses.adds_to_target || (uses.drawn.empty() && uses.assigned.empty())) return subject;
    subject.is_compound = true;
    subject.kind = uses.drawn.empty() ? Subject::Kind::assignment : Subject::Kind::draw;
    subject.variables = uses.drawn.empty() ? uses.assigned : uses.drawn;
    for (const std::string& local : uses.declared) subject.variables.erase(local);
    subject.name = subject.variables.empty() ? "" : *subject.variables.begin();
    subject.place = head_of(statement);
  }
  if (!subject.is_compound) subject.variables = {subject.name};
  return subject;
}

Subject subject_of(const ast::FunctionDefinition& function) {
  return {Subject::Kind::declaration, function.name.name, function.name.name, {function.name.name}, false};
}

bool replaces(const Subject& fresh, const Subject& old) {
  if (fresh.kind == Subject::Kind::other || fresh.kind != old.kind || fresh.variables != old.variables) return false;
  if (fresh.place == old.place && fresh.is_compound == old.is_compound) return true;
  if (fresh.kind != Subject::Kind::draw) return false;
  const auto is_whole = [](const Subject& one) { return !one.is_compound && one.place == one.name; };
  return is_whole(fresh) || is_whole(old);
}

} // namespace sibyl::repl
