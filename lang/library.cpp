#include "lang/library.hpp"

#include "lang/check/checker.hpp"
#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "lang/parse.hpp"

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
                            const ast::DistributionDefinition& definition) {
  typed::Requirement described;
  const auto position = [&](const std::string& name) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < definition.arguments.size(); ++i)
      if (definition.arguments[i].name.name == name) return i;
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
  distribution->support.is_discrete = definition.support.base == ast::BaseType::integer;
  if (definition.support.lower)
    distribution->support.lower = add_expression(source, prefix + "lower", definition.support.base,
                                                 definition.support.lower, definition.arguments);
  if (definition.support.upper)
    distribution->support.upper = add_expression(source, prefix + "upper", definition.support.base,
                                                 definition.support.upper, definition.arguments);
  for (const ast::Requirement& one : definition.requirements) {
    typed::Requirement requirement = describe(source, one, definition);
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
    else
      diagnostics.push_back(
          checking::mistake(function.name.span, "unknown-member",
                            "a distribution has log_density, sample and log_tail, not `" + name + "`"));
  }
  if (!distribution->log_density)
    diagnostics.push_back(
        checking::mistake(definition.name.span, "no-density", "`" + distribution->name + "` has no log_density"));
  names.distributions[distribution->name] = distribution;
  library.distributions.push_back(distribution);
}

void Loader::add(const Source& source, const ast::TransformDefinition& definition) {
  auto transform = std::make_shared<typed::Transform>();
  transform->name = definition.name.name;
  for (const ast::Argument& argument : definition.arguments) transform->parameter_names.push_back(argument.name.name);
  for (ast::FunctionDefinition function : definition.functions) {
    const std::string name = function.name.name;
    function.name.name = transform->name + "." + name;
    const auto added = add(source, function, definition.arguments);
    if (name == "constrain") transform->constrain = added;
    else if (name == "unconstrain") transform->unconstrain = added;
    else if (name == "log_jacobian") transform->log_jacobian = added;
    else
      diagnostics.push_back(
          checking::mistake(function.name.span, "unknown-member",
                            "a transform has constrain, unconstrain and log_jacobian, not `" + name + "`"));
  }
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
      for (const ast::DistributionDefinition& distribution : parsed[i].distributions) one.add(source, distribution);
      for (const ast::TransformDefinition& transform : parsed[i].transforms) one.add(source, transform);
    }
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
