#include "lang/library.hpp"

#include "lang/check/checker.hpp"
#include "lang/constrained_types.hpp"
#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "lang/parse.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <map>
#include <mutex>

namespace sibyl {

namespace {

// A body is checked when it is first used, so that files may use each other in any order.
struct PendingBody {
  const Source* source;
  ast::FunctionDefinition definition;
  std::shared_ptr<typed::Function> function;
};

// The name of the function whose definition begins with this line: what stands before the first parenthesis.
std::string defined_function(std::string_view line) {
  // A function may return a tuple: `tuple(matrix, vector) name(...)`.
  const std::size_t end = line.find('(', line.starts_with("tuple(") ? line.find(") ") : 0);
  if (end == line.npos || line.empty() || !std::isalpha(static_cast<unsigned char>(line.front()))) return "";
  const std::size_t space = line.find_last_of(' ', end);
  const std::string_view first = line.substr(0, line.find(' '));
  if (space == line.npos || first == "distribution" || first == "transform") return "";
  return std::string(line.substr(space + 1, end - space - 1));
}

struct Loader {
  std::recursive_mutex mutex;
  std::deque<Source> texts;
  std::vector<const Source*> sources{nullptr};
  std::vector<bool> is_loaded;
  // Which files to read for a name.
  std::map<std::string, std::vector<std::size_t>> function_files;
  std::map<std::string, std::size_t> distribution_files, transform_files;
  std::vector<std::string> function_names, distribution_names;

  Diagnostics diagnostics;
  checking::Names names;
  std::map<std::string, std::vector<std::shared_ptr<const typed::Function>>> functions;
  std::map<std::string, std::shared_ptr<const typed::Distribution>> distributions;
  std::map<std::string, std::shared_ptr<const typed::Transform>> transforms;
  std::map<const typed::Function*, PendingBody> pending;

  Loader() {
    for (const LibraryText& file : library_texts()) {
      const std::size_t number = texts.size();
      texts.emplace_back("stdlib/" + std::string(file.name), std::string(file.text));
      sources.push_back(&texts.back());
      const std::string_view name = file.name;
      const std::size_t slash = name.find('/');
      const std::string stem(name.substr(slash + 1, name.rfind('.') - slash - 1));
      if (name.starts_with("distributions/")) distribution_files[stem] = number;
      else if (name.starts_with("transforms/")) transform_files[stem] = number;
      for (std::string_view rest = file.text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
        if (const std::string function = defined_function(rest.substr(0, end)); !function.empty())
          if (auto& files = function_files[function]; files.empty() || files.back() != number) files.push_back(number);
        rest.remove_prefix(end + 1);
      }
    }
    is_loaded.resize(texts.size());
    for (const auto& [name, files] : function_files) function_names.push_back(name);
    for (const auto& [name, file] : distribution_files) distribution_names.push_back(name);
  }

  void load(std::size_t file);
  void complete(const typed::Function& function);

  void require_no_errors() {
    if (has_errors(diagnostics))
      throw InternalError("in the standard library:\n" + render(diagnostics, sources, RenderStyle::plain));
  }

  std::shared_ptr<typed::Function> add(const Source& source, const ast::FunctionDefinition& definition,
                                       const std::vector<ast::Argument>& parameters) {
    auto function = std::make_shared<typed::Function>();
    checking::Checker(source, names, diagnostics, true).declare_function(definition, parameters, *function);
    function->draws = function->name.ends_with("_rng");
    pending.emplace(function.get(), PendingBody{&source, definition, function});
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

// The first name that the expression mentions; null where it mentions none.
const std::string* first_name(const ast::Expression& expression) {
  if (const auto* variable = std::get_if<ast::VariableReference>(&expression.node)) return &variable->name;
  if (const auto* binary = std::get_if<ast::Binary>(&expression.node)) {
    const std::string* left = first_name(*binary->left);
    return left ? left : first_name(*binary->right);
  }
  if (const auto* call = std::get_if<ast::Call>(&expression.node))
    for (const ast::ExpressionPtr& argument : call->arguments)
      if (const std::string* name = first_name(*argument)) return name;
  return nullptr;
}

// "sigma > 0" becomes "must be > 0"; other conditions are quoted whole, as of the first parameter that they mention.
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
  if (const std::string* name = first_name(*requirement.condition))
    if (const auto i = position(*name)) described.parameter = *i;
  if (const auto* call = std::get_if<ast::Call>(&requirement.condition->node); call && !call->arguments.empty()) {
    const std::string& condition = call->function.name;
    described.text = condition == "is_finite"    ? "must be finite"
                     : condition == "are_finite" ? "must be finite"
                     : condition == "is_simplex"
                         ? "must be a simplex: no element negative, their sum 1"
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
  distributions[distribution->name] = distribution;
  if (source.name() != "stdlib/distributions/" + distribution->name + ".sib")
    diagnostics.push_back(checking::mistake(definition.name.span, "wrong-distribution",
                                            "`" + distribution->name + "` must be in a file of its name"));
  distribution->meanings = definition.meanings;
  if (!definition.meanings.empty()) {
    distribution->support.is_discrete =
        library_distribution(definition.meanings.front().distribution.name)->support.is_discrete;
    return;
  }
  const ast::SizedType& support = definition.support.type;
  distribution->outcome = checking::type_of(support);
  distribution->support.is_discrete = support.base == ast::BaseType::integer;
  const std::string transform = support.constrained.empty() ? "identity" : support.constrained;
  distribution->outcome_transform = library_transform(transform);
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
    else if (name == "log_flat_mass") transform->log_flat_mass = added;
    else if (name == "log_condition_mass") transform->log_condition_mass = added;
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
  transforms[transform->name] = transform;
}

// A file's definitions; functions of the name of one that is known already stand behind it.
void Loader::load(std::size_t file) {
  if (is_loaded[file]) return;
  is_loaded[file] = true;
  const Source& source = texts[file];
  LibraryParseResult parsed = parse_library(source, static_cast<std::uint32_t>(file + 1));
  diagnostics.insert(diagnostics.end(), parsed.diagnostics.begin(), parsed.diagnostics.end());
  require_no_errors();
  for (const ast::FunctionDefinition& function : parsed.library.functions) {
    const auto added = add(source, function, {});
    const auto known = function_files.find(added->name);
    if (known == function_files.end() || std::ranges::count(known->second, file) == 0)
      diagnostics.push_back(checking::mistake(function.name.span, "hidden-function",
                                              "the definition of `" + added->name + "` must begin its line"));
    functions[added->name].push_back(added);
  }
  for (const ast::TransformDefinition& transform : parsed.library.transforms) add(source, transform);
  for (const ast::DistributionDefinition& distribution : parsed.library.distributions) add(source, distribution);
  require_no_errors();
}

void Loader::complete(const typed::Function& function) {
  const auto found = pending.find(&function);
  if (found == pending.end()) return;
  PendingBody body = std::move(found->second);
  pending.erase(found);
  checking::Checker(*body.source, names, diagnostics, true).check_body(body.definition, *body.function);
  require_no_errors();
}

Loader& loader() {
  static Loader one;
  return one;
}

template <typename Work>
auto locked(Work work) {
  Loader& one = loader();
  const std::lock_guard lock(one.mutex);
  return work(one);
}

} // namespace

const std::vector<std::shared_ptr<const typed::Function>>& library_functions(const std::string& name) {
  static const std::vector<std::shared_ptr<const typed::Function>> none;
  Loader& one = loader();
  const std::lock_guard lock(one.mutex);
  const auto files = one.function_files.find(name);
  if (files == one.function_files.end()) return none;
  for (const std::size_t file : files->second) one.load(file);
  auto& overloads = one.functions.at(name);
  if (files->second.size() > 1 &&
      !std::ranges::is_sorted(overloads, {}, [](const auto& each) { return each->span.source; }))
    std::ranges::stable_sort(overloads, {}, [](const auto& each) { return each->span.source; });
  return overloads;
}

std::shared_ptr<const typed::Distribution> library_distribution(const std::string& name) {
  return locked([&](Loader& one) -> std::shared_ptr<const typed::Distribution> {
    const auto file = one.distribution_files.find(name);
    if (file == one.distribution_files.end()) return nullptr;
    one.load(file->second);
    return one.distributions.at(name);
  });
}

std::shared_ptr<const typed::Transform> library_transform(const std::string& name) {
  return locked([&](Loader& one) -> std::shared_ptr<const typed::Transform> {
    const auto file = one.transform_files.find(name);
    if (file == one.transform_files.end()) return nullptr;
    one.load(file->second);
    return one.transforms.at(name);
  });
}

const std::vector<std::string>& library_function_names() { return loader().function_names; }
const std::vector<std::string>& library_distribution_names() { return loader().distribution_names; }

void complete(const typed::Function& function) {
  if (function.span.source == 0) return;
  locked([&](Loader& one) { one.complete(function); });
}

void complete(const typed::Distribution& distribution) {
  const auto members = [](const auto&... all) { (void)((all ? complete(*all) : void()), ...); };
  members(distribution.log_density, distribution.sample, distribution.log_tail, distribution.period,
          distribution.support.lower, distribution.support.upper);
  for (const auto& size : distribution.outcome_sizes) members(size);
  for (const typed::Requirement& requirement : distribution.requirements) members(requirement.condition);
  if (distribution.outcome_transform) complete(*distribution.outcome_transform);
}

void complete(const typed::Transform& transform) {
  const auto members = [](const auto&... all) { (void)((all ? complete(*all) : void()), ...); };
  members(transform.unconstrained_size, transform.constrain, transform.unconstrain, transform.log_jacobian,
          transform.check, transform.sample, transform.unconstrain_drawn, transform.log_flat_mass,
          transform.log_condition_mass);
  for (const typed::Requirement& requirement : transform.requirements) members(requirement.condition);
  for (const auto& [distribution, condition] : transform.condition) members(condition);
}

std::shared_ptr<const typed::Library> standard_library() {
  static const auto library = locked([](Loader& one) {
    auto all = std::make_shared<typed::Library>();
    for (std::size_t file = 0; file < one.texts.size(); ++file) one.load(file);
    for (const auto& [name, overloads] : one.functions)
      for (const auto& function : overloads) {
        complete(*function);
        all->functions.push_back(function);
      }
    for (const auto& [name, distribution] : one.distributions) {
      complete(*distribution);
      all->distributions.push_back(distribution);
    }
    for (const auto& [name, transform] : one.transforms) {
      complete(*transform);
      all->transforms.push_back(transform);
    }
    return std::shared_ptr<const typed::Library>(std::move(all));
  });
  return library;
}

} // namespace sibyl
