#include "lang/check.hpp"
#include "lang/check/checker.hpp"
#include "lang/library.hpp"

#include <functional>

namespace sibyl {

namespace checking {

using ast::BlockKind;

namespace {

// The order in which blocks see each other's variables, whatever their order in the text.
constexpr BlockKind checking_order[] = {BlockKind::functions,
                                        BlockKind::data,
                                        BlockKind::transformed_data,
                                        BlockKind::design,
                                        BlockKind::parameters,
                                        BlockKind::transformed_parameters,
                                        BlockKind::model,
                                        BlockKind::generated_quantities};

const char* block_name(BlockKind kind) {
  static constexpr const char* names[] = {
      "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
      "generated quantities"};
  return names[static_cast<int>(kind)];
}

Type type_of(const ast::UnsizedType& type) {
  if (!type.base) return {Base::none, 0};
  switch (*type.base) {
  case ast::BaseType::integer: return {Base::integer, type.array_dimensions};
  case ast::BaseType::real: return {Base::real, type.array_dimensions};
  case ast::BaseType::row_vector: return {Base::row_vector, type.array_dimensions};
  case ast::BaseType::matrix: return {Base::matrix, type.array_dimensions};
  default: return {Base::vector, type.array_dimensions};
  }
}

} // namespace

void Checker::declare_function(const ast::FunctionDefinition& definition,
                               const std::vector<ast::Argument>& extra_arguments, typed::Function& function) {
  function.name = definition.name.name;
  function.result = type_of(definition.result);
  function.elementwise = definition.elementwise;
  function.span = definition.name.span;
  std::vector<ast::Argument> all = definition.arguments;
  all.insert(all.end(), extra_arguments.begin(), extra_arguments.end());
  for (const ast::Argument& argument : all) {
    typed::Variable variable{.name = argument.name.name, .type = type_of(argument.type)};
    variable.block = typed::Block::function;
    variable.is_local = variable.is_argument = true;
    variable.span = argument.name.span;
    variable.type_text = to_string(variable.type);
    function.arguments.push_back(static_cast<typed::VariableId>(function.variables.size()));
    function.variables.push_back(std::move(variable));
  }
}

void Checker::check_body(const ast::FunctionDefinition& definition, typed::Function& function) {
  std::vector<typed::Variable>* outer_variables = variables_;
  auto outer_scopes = std::move(scopes_);
  variables_ = &function.variables;
  scopes_.assign(1, {});
  in_function_ = true;
  function_ = &function;
  block_ = BlockKind::functions;
  for (const typed::VariableId id : function.arguments) {
    if (scopes_.back().contains(function.variables[id].name))
      error(function.variables[id].span, "redeclared-variable",
            "the argument `" + function.variables[id].name + "` is declared twice");
    scopes_.back()[function.variables[id].name] = id;
  }
  function.body = statement(definition.body);
  if (function.body && function.result.base != Base::none && !always_returns(function.body))
    error(definition.name.span, "missing-return", "`" + function.name + "` can end without returning a value");
  in_function_ = false;
  function_ = nullptr;
  scopes_ = std::move(outer_scopes);
  variables_ = outer_variables;
}

void Checker::user_functions(const ast::ProgramBlock& block) {
  std::vector<std::shared_ptr<typed::Function>> declared;
  for (const ast::FunctionDefinition& definition : block.functions) {
    auto function = std::make_shared<typed::Function>();
    declare_function(definition, {}, *function);
    function->draws = function->name.ends_with("_rng");
    auto& overloads = names_.functions[function->name];
    for (const auto& earlier : overloads)
      if (earlier->span.source == 0) {
        bool same = earlier->arguments.size() == function->arguments.size();
        for (std::size_t i = 0; same && i < function->arguments.size(); ++i)
          same = earlier->variables[earlier->arguments[i]].type == function->variables[function->arguments[i]].type;
        if (same)
          error(definition.name.span, "redefined-function", "`" + function->name + "` is defined twice")
              .secondary.push_back({earlier->span, "defined here before"});
      }
    overloads.insert(overloads.begin(), function);
    declared.push_back(std::move(function));
  }
  for (std::size_t i = 0; i < declared.size(); ++i) check_body(block.functions[i], *declared[i]);

  // Functions are inlined, so a function must not reach itself.
  std::set<const typed::Function*> visiting, done;
  std::function<bool(const typed::Function&)> reaches_itself;
  std::function<bool(const typed::StatementPtr&)> in_statement;
  std::function<bool(const typed::ExpressionPtr&)> in_expression = [&](const typed::ExpressionPtr& expression) -> bool {
    if (!expression) return false;
    bool found = false;
    const auto all = [&](const auto& list) {
      for (const auto& one : list) found = found || in_expression(one);
    };
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, typed::FunctionCall>) {
            all(node.arguments);
            found = found || reaches_itself(*node.function);
          } else if constexpr (std::is_same_v<Node, typed::BuiltinCall> ||
                               std::is_same_v<Node, typed::DistributionCall>)
            all(node.arguments);
          else if constexpr (std::is_same_v<Node, typed::ArrayLiteral> || std::is_same_v<Node, typed::RowVectorLiteral>)
            all(node.elements);
          else if constexpr (std::is_same_v<Node, typed::Conditional>)
            all(std::vector{node.condition, node.if_true, node.if_false});
          else if constexpr (std::is_same_v<Node, typed::Promote>) found = in_expression(node.operand);
          else if constexpr (std::is_same_v<Node, typed::Index>) {
            found = in_expression(node.base);
            for (const auto& item : node.items) all(std::vector{item.first, item.second});
          }
        },
        expression->node);
    return found;
  };
  in_statement = [&](const typed::StatementPtr& statement) -> bool {
    if (!statement) return false;
    return std::visit(
        [&](const auto& node) -> bool {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, typed::Declaration>) return in_expression(node.initializer);
          else if constexpr (std::is_same_v<Node, typed::Assignment> || std::is_same_v<Node, typed::Return>)
            return in_expression(node.value);
          else if constexpr (std::is_same_v<Node, typed::For>)
            return in_expression(node.first) || in_expression(node.last) || in_statement(node.body);
          else if constexpr (std::is_same_v<Node, typed::ForEach>)
            return in_expression(node.container) || in_statement(node.body);
          else if constexpr (std::is_same_v<Node, typed::While>)
            return in_expression(node.condition) || in_statement(node.body);
          else if constexpr (std::is_same_v<Node, typed::If>)
            return in_expression(node.condition) || in_statement(node.then_body) || in_statement(node.else_body);
          else if constexpr (std::is_same_v<Node, typed::Sequence>)
            return std::any_of(node.statements.begin(), node.statements.end(), in_statement);
          else if constexpr (std::is_same_v<Node, typed::CallStatement>) return in_expression(node.call);
          else return false;
        },
        statement->node);
  };
  reaches_itself = [&](const typed::Function& function) -> bool {
    if (done.contains(&function)) return false;
    if (!visiting.insert(&function).second) return true;
    const bool found = in_statement(function.body);
    visiting.erase(&function);
    done.insert(&function);
    return found;
  };
  for (const auto& function : declared)
    if (reaches_itself(*function)) {
      error(function->span, "recursive-function", "`" + function->name + "` calls itself; recursion is not available");
      break;
    }
}

void Checker::check_block(const ast::ProgramBlock& block, Statements& into) {
  block_ = block.kind;
  nesting_ = 0;
  const bool declarations_only = block.kind == BlockKind::data || block.kind == BlockKind::parameters;
  const bool own_scope = block.kind == BlockKind::model || block.kind == BlockKind::design;
  if (own_scope) scopes_.emplace_back();
  for (const ast::StatementPtr& one : block.statements) {
    if (declarations_only && !std::holds_alternative<ast::Declaration>(one->node) &&
        !std::holds_alternative<ast::Empty>(one->node)) {
      error(one->span, "statement-in-declarations",
            std::string("the ") + block_name(block.kind) + " block holds declarations only");
      continue;
    }
    if (typed::StatementPtr checked = statement(one)) into.push_back(std::move(checked));
  }
  if (own_scope) scopes_.pop_back();
}

typed::Program Checker::check_program(const ast::Program& tree) {
  typed::Program program;
  variables_ = &program.variables;
  scopes_.assign(1, {});
  for (const ast::ProgramBlock& block : tree.blocks)
    for (const ast::StatementPtr& one : block.statements)
      if (const auto* declaration = std::get_if<ast::Declaration>(&one->node))
        declared_anywhere_.emplace(declaration->name.name, declaration->name.span);
  for (const BlockKind kind : checking_order) {
    const ast::ProgramBlock* first = nullptr;
    for (const ast::ProgramBlock& block : tree.blocks) {
      if (block.kind != kind) continue;
      if (first) {
        error(block.keyword, "repeated-block", std::string("there is already a block `") + block_name(kind) + "`")
            .secondary.push_back({first->keyword, "the first one"});
        continue;
      }
      first = &block;
      switch (kind) {
      case BlockKind::functions: user_functions(block); break;
      case BlockKind::data: check_block(block, program.data); break;
      case BlockKind::transformed_data: check_block(block, program.transformed_data); break;
      case BlockKind::design: check_block(block, program.design); break;
      case BlockKind::parameters: check_block(block, program.parameters); break;
      case BlockKind::transformed_parameters: check_block(block, program.transformed_parameters); break;
      case BlockKind::model: check_block(block, program.model); break;
      case BlockKind::generated_quantities: check_block(block, program.generated_quantities); break;
      }
    }
  }
  warn_about_unused(program);
  return program;
}

void Checker::warn_about_unused(const typed::Program& program) {
  if (has_errors(diagnostics_)) return;
  for (typed::VariableId id = 0; id < program.variables.size(); ++id) {
    const typed::Variable& variable = program.variables[id];
    const bool is_output =
        variable.block == typed::Block::generated_quantities || variable.block == typed::Block::transformed_parameters;
    if (used_.contains(id) || (is_output && !variable.is_local) || variable.block == typed::Block::data) continue;
    Diagnostic warning = mistake(variable.span, "unused-variable", "`" + variable.name + "` is never used");
    warning.severity = Severity::warning;
    diagnostics_.push_back(std::move(warning));
  }
}

} // namespace checking

CheckResult check(const ast::Program& program, const Source& source) {
  const auto library = standard_library();
  checking::Names names;
  for (const auto& function : library->functions) names.functions[function->name].push_back(function);
  for (const auto& distribution : library->distributions) names.distributions[distribution->name] = distribution;
  CheckResult result;
  typed::Program checked = checking::Checker(source, names, result.diagnostics, false).check_program(program);
  sort_and_deduplicate(result.diagnostics);
  if (!has_errors(result.diagnostics)) {
    checked.library = library;
    result.program = std::move(checked);
  }
  return result;
}

} // namespace sibyl
