#include "lang/library.hpp"

#include "lang/check/checker.hpp"
#include "lang/constrained_types.hpp"
#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "lang/parse.hpp"

#include <algorithm>
#include <deque>

namespace sibyl {

namespace {

// Functions are declared before any body is checked, so that files may use each other in any order.
struct PendingBody {
  const Source* source;
  ast::FunctionDefinition definition;
  std::shared_ptr<typed::Function> function;
};

struct Loader {
  std::deque<Source> texts;
  std::vector<const Source*> sources{nullptr};
  Diagnostics diagnostics;
  checking::Names names;
  std::vector<PendingBody> pending;
  typed::Library library;

  void require_no_errors() {
    if (has_errors(diagnostics))
      throw InternalError("in the standard library:\n" + render(diagnostics, sources, RenderStyle::plain));
  }

  std::shared_ptr<typed::Function> add(const Source& source, const ast::FunctionDefinition& definition,
                                       const std::vector<ast::Argument>& parameters) {
    auto function = std::make_shared<typed::Function>();
    checking::Checker(source, names, diagnostics, true).declare_function(definition, parameters, *function);
    function->draws = function->name.ends_with("_rng");
    pending.push_back({&source, definition, function});
    return function;
  }

  // A function of a distribution's parameters whose body is `return expression;`.
  std::shared_ptr<typed::Function> add_expression(const Source& source, const std::string& name, ast::BaseType result,
                                                  const ast::ExpressionPtr& expression,
                                                  const std::vector<ast::Argument>& parameters) {
    ast::FunctionDefinition definition;
    definition.result.base = result;
    definition.name = {name, expression->span};
    definition.body = std::make_shared<const ast::Statement>(ast::Statement{ast::Return{expression}, expression->span});
    return add(source, definition, parameters);
  }

  void add(const Source& source, const ast::DistributionDefinition& definition);
  void add(const Source& source, const ast::TransformDefinition& definition);
};

// "sigma > 0" becomes "must be > 0"; other conditions are quoted whole.
typed::Requirement describe(const Source& source, const ast::Requirement& requirement,
                            const std::vector<ast::Argument>& arguments) {
  typed::Requirement described;
  const auto position = [&](const std::string& name) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < arguments.size(); ++i)
      if (arguments[i].name.name == name) return i;
    return std::nullopt;
  };
  if (const auto* binary = std::get_if<ast::Binary>(&requirement.condition->node))
    if (const auto* variable = std::get_if<ast::VariableReference>(&binary->left->node))
      if (const auto i = position(variable->name)) {
        described.parameter = *i;
        const Span rest = {binary->left->span.end, requirement.condition->span.end, requirement.condition->span.source};
        described.text = "must be" + std::string(source.slice(rest));
        return described;
      }
  if (const auto* call = std::get_if<ast::Call>(&requirement.condition->node); call && !call->arguments.empty()) {
    if (const auto* variable = std::get_if<ast::VariableReference>(&call->arguments[0]->node))
      if (const auto i = position(variable->name)) described.parameter = *i;
    const std::string& condition = call->function.name;
    described.text = condition == "is_finite"    ? "must be finite"
                     : condition == "are_finite" ? "must be finite"
                     : condition == "is_simplex" ? "must be a simplex: no element negative, their sum 1"
                                                 : "must satisfy " + std::string(source.slice(requirement.condition->span));
    return described;
  }
  described.text = "must satisfy " + std::string(source.slice(requirement.condition->span));
  return described;
}

void Loader::add(const Source& source, const ast::DistributionDefinition& definition) {
  auto distribution = std::make_shared<typed::Distribution>();
  distribution->name = definition.name.name;
  const std::string prefix = distribution->name + ".";
  for (const ast::Argument& argument : definition.arguments) {
    typed::Function probe;
    ast::FunctionDefinition one;
    one.arguments = {argument};
    checking::Checker(source, names, diagnostics, true).declare_function(one, {}, probe);
    distribution->parameters.push_back(probe.variables[0].type);
    distribution->parameter_names.push_back(argument.name.name);
  }
  names.distributions[distribution->name] = distribution;
  library.distributions.push_back(distribution);
  distribution->meanings = definition.meanings;
  if (!definition.meanings.empty()) return;
  const ast::SizedType& support = definition.support.type;
  distribution->outcome = checking::type_of(support);
  distribution->support.is_discrete = support.base == ast::BaseType::integer;
  const std::string transform = support.constrained.empty() ? "identity" : support.constrained;
  distribution->outcome_transform = names.transforms.at(transform);
  if (!support.constrained.empty()) distribution->outcome.base = distribution->outcome_transform->constrained.base;
  std::vector<ast::ExpressionPtr> sizes = support.array_sizes;
  sizes.insert(sizes.end(), support.sizes.begin(), support.sizes.end());
  while (static_cast<int>(sizes.size()) < distribution->outcome.rank()) sizes.push_back(sizes.back());
  for (const ast::ExpressionPtr& size : sizes) {
    const auto* reference = std::get_if<ast::VariableReference>(&size->node);
    const auto& known = distribution->parameter_names;
    const bool is_given = reference && std::find(known.begin(), known.end(), reference->name) == known.end();
    distribution->outcome_sizes.push_back(
        is_given ? nullptr
                 : add_expression(source, prefix + "size", ast::BaseType::integer, size, definition.arguments));
  }
  if (support.constraint.lower)
    distribution->support.lower =
        add_expression(source, prefix + "lower", support.base, support.constraint.lower, definition.arguments);
  if (support.constraint.upper)
    distribution->support.upper =
        add_expression(source, prefix + "upper", support.base, support.constraint.upper, definition.arguments);
  for (const ast::Requirement& one : definition.requirements) {
    typed::Requirement requirement = describe(source, one, definition.arguments);
    requirement.to_draw = one.to_draw;
    if (one.to_draw) requirement.text += " to be drawn from";
    requirement.condition =
        add_expression(source, prefix + "require", ast::BaseType::integer, one.condition, definition.arguments);
    distribution->requirements.push_back(std::move(requirement));
  }
  for (ast::FunctionDefinition function : definition.functions) {
    const std::string name = function.name.name;
    function.name.name = prefix + name;
    const auto added = add(source, function, definition.arguments);
    if (name == "log_density") distribution->log_density = added;
    else if (name == "sample") distribution->sample = added;
    else if (name == "log_tail") distribution->log_tail = added;
    else if (name == "period") distribution->period = added;
    else
      diagnostics.push_back(
          checking::mistake(function.name.span, "unknown-member",
                            "a distribution has log_density, sample, log_tail and period, not `" + name + "`"));
  }
  if (!distribution->log_density)
    diagnostics.push_back(
        checking::mistake(definition.name.span, "no-density", "`" + distribution->name + "` has no log_density"));
}

std::optional<double> constant(const ast::ExpressionPtr& bound) {
  if (!bound) return std::nullopt;
  if (const auto* literal = std::get_if<ast::IntegerLiteral>(&bound->node)) return static_cast<double>(literal->value);
  if (const auto* literal = std::get_if<ast::RealLiteral>(&bound->node)) return literal->value;
  if (const auto* sign = std::get_if<ast::Unary>(&bound->node); sign && sign->op == ast::UnaryOperator::minus)
    if (const auto value = constant(sign->operand)) return -*value;
  throw InternalError("a transform's bound of each element is no number");
}

void Loader::add(const Source& source, const ast::TransformDefinition& definition) {
  auto transform = std::make_shared<typed::Transform>();
  transform->name = definition.name.name;
  const std::string prefix = transform->name + ".";
  const auto wrong = [&](Span place, const std::string& message) {
    diagnostics.push_back(checking::mistake(place, "wrong-transform", "`" + transform->name + "` " + message));
  };
  for (const ast::Argument& argument : definition.arguments) transform->parameter_names.push_back(argument.name.name);
  const ast::SizedType& constrained = definition.constrained;
  transform->constrained = checking::type_of(constrained);
  for (const ast::ExpressionPtr& size : constrained.sizes) {
    const auto* reference = std::get_if<ast::VariableReference>(&size->node);
    const auto& names = transform->parameter_names;
    const auto found = reference ? std::find(names.begin(), names.end(), reference->name) : names.end();
    if (found == names.end()) wrong(size->span, "must have parameters as its sizes");
    transform->sizes.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  transform->element_lower = constant(constrained.constraint.lower);
  transform->element_upper = constant(constrained.constraint.upper);
  transform->unconstrained_text = std::string(source.slice(definition.unconstrained_size->span));
  transform->unconstrained_size = add_expression(source, prefix + "unconstrained_size", ast::BaseType::integer,
                                                 definition.unconstrained_size, definition.arguments);
  for (const ast::Requirement& one : definition.requirements) {
    typed::Requirement requirement = describe(source, one, definition.arguments);
    requirement.condition =
        add_expression(source, prefix + "require", ast::BaseType::integer, one.condition, definition.arguments);
    transform->requirements.push_back(std::move(requirement));
  }
  const std::string condition = "condition_";
  for (ast::FunctionDefinition function : definition.functions) {
    const std::string name = function.name.name;
    function.name.name = prefix + name;
    const auto added = add(source, function, definition.arguments);
    if (name == "constrain") transform->constrain = added;
    else if (name == "unconstrain") transform->unconstrain = added;
    else if (name == "log_jacobian") transform->log_jacobian = added;
    else if (name == "check") transform->check = added;
    else if (name == "sample") transform->sample = added;
    else if (name == "unconstrain_drawn") transform->unconstrain_drawn = added;
    else if (name == "condition") transform->condition[""] = added;
    else if (name.starts_with(condition)) transform->condition[name.substr(condition.size())] = added;
    else wrong(function.name.span, "has a member `" + name + "`, which no transform has");
  }
  if (!transform->constrain || !transform->unconstrain || !transform->log_jacobian)
    wrong(definition.name.span, "needs constrain, unconstrain and log_jacobian");
  if (source.name() != "stdlib/transforms/" + transform->name + ".sib")
    wrong(definition.name.span, "must be in a file of its name");
  if (transform->is_type() != constrained_type_names().contains(transform->name))
    wrong(constrained.span, "must have its `constrained` line by itself, indented by two blanks");
  names.transforms[transform->name] = transform;
  library.transforms.push_back(transform);
}

const Loader& loaded() {
  static const Loader loader = [] {
    Loader one;
    std::vector<ast::Library> parsed;
    for (const LibraryText& file : library_texts()) {
      one.texts.emplace_back("stdlib/" + std::string(file.name), std::string(file.text));
      one.sources.push_back(&one.texts.back());
      LibraryParseResult result = parse_library(one.texts.back(), static_cast<std::uint32_t>(one.sources.size() - 1));
      one.diagnostics.insert(one.diagnostics.end(), result.diagnostics.begin(), result.diagnostics.end());
      parsed.push_back(std::move(result.library));
    }
    one.require_no_errors();
    for (std::size_t i = 0; i < parsed.size(); ++i) {
      const Source& source = one.texts[i];
      for (const ast::FunctionDefinition& function : parsed[i].functions) {
        const auto added = one.add(source, function, {});
        one.names.functions[added->name].push_back(added);
        one.library.functions.push_back(added);
      }
      for (const ast::TransformDefinition& transform : parsed[i].transforms) one.add(source, transform);
    }
    // Distributions name the constrained types of what they draw.
    for (std::size_t i = 0; i < parsed.size(); ++i)
      for (const ast::DistributionDefinition& distribution : parsed[i].distributions)
        one.add(one.texts[i], distribution);
    for (PendingBody& body : one.pending)
      checking::Checker(*body.source, one.names, one.diagnostics, true).check_body(body.definition, *body.function);
    one.require_no_errors();
    return one;
  }();
  return loader;
}

} // namespace

std::shared_ptr<const typed::Library> standard_library() {
  static const auto library = std::make_shared<const typed::Library>(loaded().library);
  return library;
}

const std::vector<const Source*>& standard_library_sources() { return loaded().sources; }

} // namespace sibyl
