#include "lang/given_priors.hpp"

#include "lang/errors.hpp"
#include "lang/parse.hpp"
#include "lang/words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace sibyl {

using ast::ExpressionPtr;
using ast::StatementPtr;

namespace {

struct GivenPrior {
  std::string parameter, statement;
};

GivenPrior read_prior(const std::string& given) {
  const std::size_t equals = given.find('=');
  GivenPrior prior;
  if (equals != std::string::npos) {
    prior.parameter = trimmed(std::string_view(given).substr(0, equals));
    prior.statement = prior.parameter + " ~ " + std::string(trimmed(std::string_view(given).substr(equals + 1))) + ";";
    const ParseResult parsed = parse(Source("prior", "model { " + prior.statement + " }"));
    if (parsed.program && parsed.program->blocks.size() == 1 && parsed.program->blocks[0].statements.size() == 1) {
      const auto* tilde = std::get_if<ast::Tilde>(&parsed.program->blocks[0].statements[0]->node);
      if (tilde && std::holds_alternative<ast::VariableReference>(tilde->left->node)) return prior;
    }
  }
  throw UserError(
      fmt::format("`{}` is no prior: write NAME=DISTRIBUTION(ARGUMENTS), as in alpha=normal(0, 10)", given));
}

bool is_variable(const ExpressionPtr& expression, const std::string& name) {
  const auto* variable = std::get_if<ast::VariableReference>(&expression->node);
  return variable && variable->name == name;
}

// The variable, a part of it, or a rearrangement: what a statement draws where it draws the parameter.
bool is_of(const ExpressionPtr& expression, const std::string& name) {
  if (is_variable(expression, name)) return true;
  if (const auto* index = std::get_if<ast::Index>(&expression->node)) return is_of(index->base, name);
  if (const auto* inner = std::get_if<ast::Parenthesized>(&expression->node)) return is_of(inner->inner, name);
  if (const auto* transpose = std::get_if<ast::Transpose>(&expression->node)) return is_of(transpose->operand, name);
  const auto* call = std::get_if<ast::Call>(&expression->node);
  static const std::set<std::string> rearranging{"to_vector", "to_row_vector", "to_array_1d", "to_matrix"};
  return call && rearranging.contains(call->function.name) && !call->arguments.empty() &&
         is_of(call->arguments[0], name);
}

bool is_density_of(const ExpressionPtr& expression, const std::string& name) {
  const auto* call = std::get_if<ast::Call>(&expression->node);
  if (!call || call->arguments.empty() || !is_of(call->arguments[0], name)) return false;
  static constexpr const char* endings[] = {"_lpdf", "_lpmf", "_lupdf", "_lupmf", "_log"};
  return std::any_of(std::begin(endings), std::end(endings),
                     [&](const char* ending) { return call->function.name.ends_with(ending); });
}

// Whether the expression has such a density anywhere within.
bool has_density_of(const ExpressionPtr& expression, const std::string& name) {
  if (!expression) return false;
  if (is_density_of(expression, name)) return true;
  const auto any = [&](const std::vector<ExpressionPtr>& all) {
    return std::any_of(all.begin(), all.end(), [&](const ExpressionPtr& one) { return has_density_of(one, name); });
  };
  return std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::Unary> || std::is_same_v<Node, ast::Transpose>)
          return has_density_of(node.operand, name);
        else if constexpr (std::is_same_v<Node, ast::Binary>) return any({node.left, node.right});
        else if constexpr (std::is_same_v<Node, ast::Conditional>)
          return any({node.condition, node.if_true, node.if_false});
        else if constexpr (std::is_same_v<Node, ast::Parenthesized>) return has_density_of(node.inner, name);
        else if constexpr (std::is_same_v<Node, ast::Index>) return has_density_of(node.base, name);
        else if constexpr (std::is_same_v<Node, ast::Call>) return any(node.arguments);
        else if constexpr (requires { node.elements; }) return any(node.elements);
        else return false;
      },
      expression->node);
}

class Editor {
 public:
  Editor(const Source& source, const ast::Program& program) : source_(source), program_(program) {}

  void give(const GivenPrior& prior) {
    require_parameter(prior.parameter);
    std::size_t replaced = 0;
    for (const ast::ProgramBlock& block : program_.blocks) {
      if (block.kind != ast::BlockKind::model && block.kind != ast::BlockKind::transformed_parameters) continue;
      for (const StatementPtr& statement : block.statements) replaced += replace(statement, prior, true, replaced == 0);
    }
    if (replaced == 0) added_ += "\n  " + prior.statement;
  }

  std::string result() {
    if (!added_.empty()) add();
    std::string text(source_.text());
    std::sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) { return a.span.begin > b.span.begin; });
    for (const Edit& edit : edits_) text.replace(edit.span.begin, edit.span.end - edit.span.begin, edit.text);
    return text;
  }

 private:
  struct Edit {
    Span span;
    std::string text;
  };

  void require_parameter(const std::string& name) const {
    std::vector<std::string> parameters;
    for (const ast::ProgramBlock& block : program_.blocks)
      if (block.kind == ast::BlockKind::parameters)
        for (const StatementPtr& statement : block.statements)
          if (const auto* declaration = std::get_if<ast::Declaration>(&statement->node))
            parameters.push_back(declaration->name.name);
    if (std::find(parameters.begin(), parameters.end(), name) == parameters.end())
      throw UserError(fmt::format("a prior is given for `{}`, which is no parameter of {}: it has {}", name,
                                  source_.name(),
                                  parameters.empty() ? "none" : fmt::format("{}", fmt::join(parameters, ", "))));
  }

  // Puts the prior in the place of the first statement that draws the parameter, where that is not within another, and
  // nothing in the place of the others. How many of them there were, that one not counted where it became none.
  std::size_t replace(const StatementPtr& statement, const GivenPrior& prior, bool is_outermost, bool may_put) {
    if (!statement) return 0;
    return std::visit(
        [&](const auto& node) -> std::size_t {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, ast::Tilde>) {
            if (!is_of(node.left, prior.parameter)) return 0;
            return put(statement->span, prior, is_outermost && may_put);
          } else if constexpr (std::is_same_v<Node, ast::TargetIncrement>) {
            if (is_density_of(node.value, prior.parameter)) return put(statement->span, prior, is_outermost && may_put);
            refuse_part(node.value, prior.parameter, statement->span);
            return 0;
          } else if constexpr (std::is_same_v<Node, ast::Assignment>) {
            if (node.op == ast::AssignmentOperator::add && is_density_of(node.value, prior.parameter))
              return put(statement->span, prior, false);
            refuse_part(node.value, prior.parameter, statement->span);
            return 0;
          } else if constexpr (std::is_same_v<Node, ast::Declaration>) {
            refuse_part(node.initializer, prior.parameter, statement->span);
            return 0;
          } else if constexpr (std::is_same_v<Node, ast::If>) {
            return replace(node.then_body, prior, false, false) + replace(node.else_body, prior, false, false);
          } else if constexpr (std::is_same_v<Node, ast::Block>) {
            std::size_t replaced = 0;
            for (const StatementPtr& one : node.statements) replaced += replace(one, prior, false, false);
            return replaced;
          } else if constexpr (requires { node.body; }) {
            return replace(node.body, prior, false, false);
          } else {
            return 0;
          }
        },
        statement->node);
  }

  std::size_t put(Span span, const GivenPrior& prior, bool is_prior) {
    // What is taken out leaves an empty statement and its line breaks, so that lines keep their numbers.
    std::string rest = ";";
    for (const char c : source_.slice(span))
      if (c == '\n') rest += c;
    if (is_prior) rest.replace(0, 1, prior.statement);
    edits_.push_back({span, rest});
    return is_prior;
  }

  void refuse_part(const ExpressionPtr& value, const std::string& name, Span span) const {
    if (has_density_of(value, name))
      throw UserError(
          fmt::format("{}:{}: a prior is given for `{}`, whose own prior is here a part of an expression: take "
                      "it out of the text",
                      source_.name(), source_.locate(span.begin).line, name));
  }

  // At the model's end, or in a model of its own before the generated quantities.
  void add() {
    std::uint32_t at = static_cast<std::uint32_t>(source_.text().size());
    for (const ast::ProgramBlock& block : program_.blocks) {
      if (block.kind == ast::BlockKind::model) {
        at = block.span.begin + static_cast<std::uint32_t>(source_.slice(block.span).rfind('}'));
        edits_.push_back({{at, at, 0}, added_ + "\n"});
        return;
      }
      if (block.kind == ast::BlockKind::generated_quantities) at = block.span.begin;
    }
    edits_.push_back({{at, at, 0}, "\nmodel {" + added_ + "\n}\n"});
  }

  const Source& source_;
  const ast::Program& program_;
  std::vector<Edit> edits_;
  std::string added_;
};

} // namespace

std::string with_priors(const Source& source, const std::vector<std::string>& priors) {
  std::vector<GivenPrior> read;
  for (const std::string& one : priors) {
    read.push_back(read_prior(one));
    for (std::size_t i = 0; i + 1 < read.size(); ++i)
      if (read[i].parameter == read.back().parameter)
        throw UserError(fmt::format("two priors are given for `{}`", read.back().parameter));
  }
  const ParseResult parsed = parse(source);
  if (read.empty() || !parsed.program) return std::string(source.text());
  Editor editor(source, *parsed.program);
  for (const GivenPrior& prior : read) editor.give(prior);
  return editor.result();
}

} // namespace sibyl
