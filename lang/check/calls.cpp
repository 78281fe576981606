#include "lang/check/checker.hpp"
#include "lang/check/primitives.hpp"
#include "lang/check/solvers.hpp"
#include "lang/check/stan_functions.hpp"
#include "lang/edit_distance.hpp"
#include "lang/typed_walk.hpp"

#include <algorithm>

namespace sibyl::checking {

using typed::Builtin;
using typed::BuiltinCall;
using typed::DistributionFunction;
using typed::ExpressionPtr;

namespace {

std::string signature(const typed::Function& function) {
  std::string text = function.name + "(";
  std::size_t next = 0; // a tuple is several arguments
  for (std::size_t i = 0; i < function.signature.size(); ++i) {
    const std::string& name = function.variables[function.arguments[next]].name;
    text += (i ? ", " : "") + to_string(function.signature[i]) + " " + name.substr(0, name.find(':'));
    next += leaf_types(function.signature[i]).size();
  }
  return text + ")";
}

// The type of a scalar function applied to each element; nothing where the shapes cannot be combined.
std::optional<Type> elementwise_type(const std::vector<ExpressionPtr>& arguments, Type scalar_result) {
  std::optional<Type> shape;
  for (const auto& argument : arguments) {
    const Type type = argument->type;
    if (type.is_scalar()) continue;
    const Type as_shape{type.base_rank() > 0 ? type.base : scalar_result.base, type.array_rank};
    if (shape && *shape != as_shape) return std::nullopt;
    shape = as_shape;
  }
  return shape ? *shape : scalar_result;
}

// How each argument converts to the parameter's type: -1 not at all, 0 as it is, 1 promoted.
int conversion_cost(Type from, Type to) { return from == to ? 0 : converts(from, to) ? 1 : -1; }

} // namespace

std::string listed_types(const std::vector<ExpressionPtr>& arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) text += (i ? ", " : "") + to_string(arguments[i]->type);
  return text;
}

bool any_error(const std::vector<ExpressionPtr>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const auto& one) { return one->type.is_error(); });
}

// `reduce_sum(f, x, grainsize, ...)` is f(x, 1, size(x), ...): lanes are where the parallel work is.
ExpressionPtr Checker::reduce_sum(const ast::Call& tree, Span span) {
  const auto* function =
      tree.arguments.empty() ? nullptr : std::get_if<ast::VariableReference>(&tree.arguments[0]->node);
  if (!function || tree.arguments.size() < 3) {
    error(span, "argument-types", "`" + tree.function.name + "` takes the name of a function, a list and a grain size")
        .notes.push_back("it is " + tree.function.name +
                         "(f, x, grainsize, ...): the sum of f(x[start:end], start, end, ...)");
    return poison(span);
  }
  integer(tree.arguments[2], "the grain size");
  std::string name = function->name;
  for (const std::string kind : {"df", "mf"})
    if (name.ends_with("_lup" + kind)) name = name.substr(0, name.size() - 6) + "_lp" + kind;
  const auto node = [&](auto one) {
    return std::make_shared<const ast::Expression>(ast::Expression{std::move(one), span, 2});
  };
  const ast::ExpressionPtr& list = tree.arguments[1];
  ast::Call call{{name, tree.arguments[0]->span},
                 {list, node(ast::IntegerLiteral{1}), node(ast::Call{{"size", span}, {list}})}};
  call.arguments.insert(call.arguments.end(), tree.arguments.begin() + 3, tree.arguments.end());
  call.has_bar = name.ends_with("_lpdf") || name.ends_with("_lpmf");
  return this->call(call, span);
}

// Functions of older texts that are operators today.
ExpressionPtr Checker::old_call(const ast::Call& tree, const Arguments& arguments, Span span) {
  const std::string& name = tree.function.name;
  if (names_.has_function(name)) return nullptr;
  if (name == "if_else" && arguments.size() == 3) {
    note_old("old-function", tree.function.span, "`if_else(a, b, c)` is written `a ? b : c` today");
    return conditional({tree.arguments[0], tree.arguments[1], tree.arguments[2]}, span);
  }
  if (name == "get_lp" && arguments.empty()) {
    note_old("old-function", tree.function.span, "`get_lp()` is written `target()` today");
    return call({{"target", tree.function.span}, {}}, span);
  }
  return nullptr;
}

// In the library: `constrain_simplex(u, K)`, `unconstrain_simplex(x, K)` and `log_jacobian_simplex(u, K)` are the
// members of the transform; null where it is no such call.
ExpressionPtr Checker::transform_call(const std::string& name, Arguments arguments, Span span) {
  static constexpr std::string_view members[] = {"constrain_", "unconstrain_", "log_jacobian_"};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!name.starts_with(members[i])) continue;
    const auto transform = library_transform(name.substr(members[i].size()));
    if (!transform) continue;
    const auto function = i == 0 ? transform->constrain : i == 1 ? transform->unconstrain : transform->log_jacobian;
    if (any_error(arguments)) return poison(span);
    if (function->signature.size() != arguments.size()) break;
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      if (!converts(arguments[k]->type, function->signature[k])) return nullptr;
      arguments[k] = promote(arguments[k], function->signature[k]);
    }
    complete(*function);
    return make(typed::FunctionCall{function, std::move(arguments), false}, function->result, span);
  }
  return nullptr;
}

bool Checker::has_own(const std::string& name, const Arguments& arguments, bool exactly) const {
  const auto found = names_.own.find(name);
  if (found == names_.own.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const auto& one) {
    if (one->span.source != 0 || one->signature.size() != arguments.size()) return false;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      if (exactly ? arguments[i]->type != one->signature[i] : !converts(arguments[i]->type, one->signature[i]))
        return false;
    return true;
  });
}

ExpressionPtr Checker::call(const ast::Call& tree, Span span) {
  if (tree.function.name == "reduce_sum" || tree.function.name == "reduce_sum_static") return reduce_sum(tree, span);
  const std::string& name = tree.function.name;
  if (find_solver(name) && !names_.own.contains(name)) return solver_call(tree, span);
  if (refuse_solver(tree.function)) return poison(span);
  // A variable hides the text's function of its name.
  if (names_.own.contains(name) && find_variable(name)) return unknown_function(tree.function, span);
  Arguments arguments;
  for (const auto& argument : tree.arguments) arguments.push_back(expression(argument));
  // The user's own density without its constants is the density: which they are is not known.
  for (const std::string kind : {"df", "mf"})
    if (name.ends_with("_lup" + kind))
      if (const std::string whole = name.substr(0, name.size() - 5) + "_lp" + kind; names_.has_function(whole))
        return function_call({{whole, tree.function.span}, {}}, std::move(arguments), span);

  if (is_library_)
    if (ExpressionPtr member = transform_call(name, arguments, span)) return member;
  if (ExpressionPtr old = old_call(tree, arguments, span)) return old;
  static constexpr const char* suffixes[] = {"_lpdf", "_lpmf", "_lupdf",   "_lupmf",    "_lcdf", "_lccdf",
                                             "_cdf",  "_rng",  "_cdf_log", "_ccdf_log", "_log"};
  for (const std::string suffix : suffixes) {
    if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
    const std::string stem = name.substr(0, name.size() - suffix.size());
    // The text may add overloads to a distribution of the library.
    if (names_.has_function(name) && (!library_distribution(stem) || has_own(name, arguments, false))) continue;
    if (library_distribution(stem) && !library_functions(name).empty()) continue;
    if (library_distribution(stem)) return distribution_call(tree, stem, suffix, std::move(arguments), span);
    if (suffix.ends_with("_log")) continue;
    if (any_error(arguments)) return poison(span);
    Diagnostic& diagnostic =
        error(tree.function.span, "unknown-distribution", "there is no distribution `" + stem + "`");
    if (const auto nearest = nearest_name(stem, library_distribution_names()))
      diagnostic.fix = Fix{tree.function.span, *nearest + suffix, "did you mean `" + *nearest + suffix + "`?"};
    return poison(span);
  }
  const bool is_conditional = name.ends_with("_lpdf") || name.ends_with("_lpmf") || name.ends_with("_lcdf") ||
                              name.ends_with("_lccdf") || name.ends_with("_cdf");
  if (tree.has_bar && !(is_conditional && names_.has_function(name))) {
    error(tree.function.span, "bar-without-density", "`|` stands only in densities and distribution functions",
          "`" + name + "` is none");
    return poison(span);
  }
  if (is_conditional && names_.own.contains(name)) require_bar(tree, arguments);
  bool handled = false;
  // Each part of an array of tuples has its size.
  if (name == "size" && arguments.size() == 1 && arguments[0]->type.parts && arguments[0]->type.array_rank > 0)
    return builtin_call(name, {leaves(arguments[0]).front()}, span, handled);
  // No primitive takes a tuple.
  const bool has_tuple =
      std::any_of(arguments.begin(), arguments.end(), [](const auto& one) { return one->type.parts; });
  if (has_tuple && !names_.own.contains(name)) return function_call(tree, std::move(arguments), span);
  if (!has_tuple && !has_own(name, arguments, true)) {
    ExpressionPtr result = builtin_call(name, arguments, span, handled);
    if (handled) return result;
  }
  // The library's methods call what solvers are given.
  const bool is_hidden = !is_library_ && name.starts_with("method_") && !names_.own.contains(name);
  if (names_.has_function(name) && !is_hidden) return function_call(tree, std::move(arguments), span);
  if (ExpressionPtr named = operator_call(name, arguments, span)) return named;
  return unknown_function(tree.function, span);
}

ExpressionPtr Checker::builtin_call(const std::string& name, Arguments arguments, Span span, bool& handled) {
  handled = true;
  const Primitive* primitive = find_primitive(name);
  if (!primitive || (primitive->library_only && !is_library_)) {
    handled = false;
    return nullptr;
  }
  if (any_error(arguments)) return poison(span);
  if (primitive->builtin == Builtin::target && !adds_to_density()) {
    error(span, "target-outside-model",
          "`target()` can be read only in the model block and in functions whose names end in `_lp`");
    return poison(span);
  }
  if (primitive->builtin == Builtin::math) {
    if (arguments.size() != static_cast<std::size_t>(primitive->math_arguments)) {
      // Another function of the library may bear the same name (`log2()` is a constant), and the text's own.
      if ((arguments.empty() && names_.has_function(name)) || has_own(name, arguments, false)) {
        handled = false;
        return nullptr;
      }
      error(span, "argument-count",
            "`" + name + "` takes " + std::to_string(primitive->math_arguments) +
                (primitive->math_arguments == 1 ? " argument" : " arguments") + ", but here are " +
                std::to_string(arguments.size()));
      return poison(span);
    }
    const auto type = elementwise_type(arguments, {Base::real, 0});
    if (!type) {
      error(span, "argument-types",
            "`" + name + "` takes numbers or containers of one shape, but here are (" + listed_types(arguments) + ")");
      return poison(span);
    }
    for (ExpressionPtr& argument : arguments) argument = promote(argument, {Base::real, argument->type.array_rank});
    return make(BuiltinCall{Builtin::math, std::move(arguments), name}, *type, span);
  }
  if (primitive->builtin == Builtin::real_to_integer && !is_library_)
    for (const ExpressionPtr& argument : arguments)
      if (reads_parameters(argument)) {
        error(argument->span, "parameter-as-data", "`" + name + "` takes data, but this depends on parameters");
        return poison(span);
      }
  std::vector<Type> types;
  for (const auto& argument : arguments) types.push_back(argument->type);
  const auto type = primitive->result(types);
  if (!type) {
    // Another function of the library may bear the same name (`min` of a vector).
    if (names_.has_function(name)) {
      handled = false;
      return nullptr;
    }
    error(span, "argument-types", "`" + name + "` cannot be called with (" + listed_types(arguments) + ")")
        .notes.push_back("it is " + std::string(primitive->usage));
    return poison(span);
  }
  if (type->base != Base::integer)
    for (std::size_t i = 0; i < static_cast<std::size_t>(primitive->promoted) && i < arguments.size(); ++i)
      arguments[i] = promote(arguments[i], {Base::real, arguments[i]->type.array_rank});
  return make(BuiltinCall{primitive->builtin, std::move(arguments), ""}, *type, span);
}

// Whether a parameter, or what is computed in the model, stands in it; in a function, what is not declared as data.
bool Checker::depends_on_parameters(const ExpressionPtr& value) const {
  bool found = false;
  typed::for_each_expression(value, [&](const ExpressionPtr& one) {
    const auto* reference = std::get_if<typed::VariableReference>(&one->node);
    if (!reference || one->type.is_integer_valued()) return;
    const typed::Variable& variable = (*variables_)[reference->variable];
    if (in_function_) {
      const auto argument = std::find(function_->arguments.begin(), function_->arguments.end(), reference->variable);
      const auto number = static_cast<std::size_t>(argument - function_->arguments.begin());
      found = found || (argument == function_->arguments.end() ? !variable.is_loop_variable
                                                               : !function_->data_only[number]);
      return;
    }
    const bool is_computed =
        variable.is_local && !variable.is_loop_variable &&
        (variable.block == typed::Block::model || variable.block == typed::Block::transformed_parameters);
    found = found || variable.block == typed::Block::parameters || is_computed ||
            (variable.block == typed::Block::transformed_parameters && !variable.is_loop_variable);
  });
  return found && (in_function_ || block_ == ast::BlockKind::model ||
                   block_ == ast::BlockKind::transformed_parameters || block_ == ast::BlockKind::parameters);
}

ExpressionPtr Checker::function_call(const ast::Call& tree, Arguments arguments, Span span) {
  if (any_error(arguments)) return poison(span);
  const auto overloads = names_.functions(tree.function.name);
  std::shared_ptr<const typed::Function> best, as_good;
  int least = 1 << 20;
  for (const auto& candidate : overloads) {
    if (candidate->signature.size() != arguments.size()) continue;
    int cost = 0;
    for (std::size_t i = 0; i < arguments.size() && cost >= 0; ++i) {
      const int one = conversion_cost(arguments[i]->type, candidate->signature[i]);
      cost = one < 0 ? -1 : cost + one;
    }
    if (cost < 0) continue;
    if (cost == least && candidate->signature != best->signature) as_good = candidate; // one defined twice is told of
    if (cost >= least) continue;
    least = cost;
    best = candidate;
    as_good = nullptr;
  }
  if (as_good && best->span.source == 0 && as_good->span.source == 0) {
    Diagnostic& diagnostic = error(tree.function.span, "ambiguous-call",
                                   "which `" + best->name + "` is called with (" + listed_types(arguments) +
                                       ") is not clear: two take it equally well");
    for (const auto& one : {best, as_good}) diagnostic.secondary.push_back({one->span, signature(*one)});
    return poison(span);
  }
  if (best) {
    Arguments parts;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      for (ExpressionPtr& leaf : leaves(promote(arguments[i], best->signature[i]))) parts.push_back(std::move(leaf));
    arguments = std::move(parts);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (best->data_only[i] && best->span.source == 0 && depends_on_parameters(arguments[i])) {
        const std::string& name = best->variables[best->arguments[i]].name;
        error(arguments[i]->span, "parameter-as-data",
              "`" + name + "` of `" + best->name + "` must be data, but this depends on parameters")
            .secondary.push_back({best->variables[best->arguments[i]].span, "declared `data`"});
        return poison(span);
      }
    }
    if (best->draws && !is_library_ && block_ != ast::BlockKind::generated_quantities &&
        block_ != ast::BlockKind::transformed_data && !(in_function_ && function_->name.ends_with("_rng"))) {
      error(tree.function.span, "misplaced-draw", "random numbers can be drawn here only by `~`");
      return poison(span);
    }
    const Type type = best->result;
    const bool is_lp = best->span.source == 0 && best->name.ends_with("_lp"),
               is_jacobian = best->name.ends_with("_jacobian");
    const bool in_parameters = !in_function_ && block_ == ast::BlockKind::transformed_parameters;
    if ((is_lp && !adds_to_density() && !in_parameters) ||
        (is_jacobian && !in_parameters && !(in_function_ && function_->name.ends_with("_jacobian")))) {
      error(tree.function.span, "misplaced-increment",
            "`" + best->name + "` adds to the density, which has no meaning here");
      return poison(span);
    }
    complete(*best);
    best = held(std::move(best));
    const ExpressionPtr call = make(typed::FunctionCall{best, std::move(arguments), false}, type, span);
    return type.parts ? evaluated_before(call) : call;
  }
  for (const auto& candidate : overloads) {
    if (!candidate->elementwise || candidate->arguments.size() != arguments.size()) continue;
    bool fits = true;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      fits = fits && !arguments[i]->type.parts;
      const Type wanted = candidate->variables[candidate->arguments[i]].type;
      const Type element{arguments[i]->type.base_rank() > 0 ? Base::real : arguments[i]->type.base, 0};
      fits = fits && converts(element, wanted);
    }
    const auto type = elementwise_type(arguments, candidate->result);
    if (!fits || !type) continue;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      if (candidate->variables[candidate->arguments[i]].type.base == Base::real)
        arguments[i] = promote(arguments[i], {Base::real, arguments[i]->type.array_rank});
    complete(*candidate);
    return make(typed::FunctionCall{held(candidate), std::move(arguments), true}, *type, span);
  }
  Diagnostic& diagnostic = error(
      span, "argument-types", "`" + tree.function.name + "` cannot be called with (" + listed_types(arguments) + ")");
  for (const auto& candidate : overloads) {
    diagnostic.notes.push_back("there is " + signature(*candidate));
    if (diagnostic.notes.size() == 4) break;
  }
  return poison(span);
}

// What a call refers to. Within the text's functions, which the program keeps, without keeping it too: they may go
// round.
std::shared_ptr<const typed::Function> Checker::held(std::shared_ptr<const typed::Function> callee) {
  if (!function_ || callee->span.source != 0) return callee;
  calls_[function_].push_back(callee.get());
  return {std::shared_ptr<const typed::Function>(), callee.get()};
}

ExpressionPtr Checker::unknown_function(const ast::Identifier& name, Span span) {
  Diagnostic& diagnostic = error(name.span, "unknown-function", "there is no function `" + name.name + "`");
  if (is_function_of_stan(name.name)) {
    diagnostic.message = "Stan's function `" + name.name + "` is not in this version of Sibyl";
    return poison(span);
  }
  if (find_variable(name.name)) {
    diagnostic.message = "`" + name.name + "` is a variable, not a function";
    diagnostic.code = "variable-as-function";
    diagnostic.secondary.push_back({(*variables_)[*find_variable(name.name)].span, "declared here"});
    diagnostic.notes.push_back("an index is written in brackets: `" + name.name + "[i]`");
    return poison(span);
  }
  if (library_distribution(name.name)) {
    diagnostic.message = "`" + name.name + "` is a distribution, not a function";
    diagnostic.code = "distribution-as-function";
    diagnostic.notes.push_back("write `x ~ " + name.name + "(...)`, or call `" + name.name + "_lpdf(x | ...)`");
    return poison(span);
  }
  std::vector<std::string> known = primitive_names();
  for (const auto& [candidate, overloads] : names_.own) known.push_back(candidate);
  for (const std::string& one : solver_names()) known.push_back(one);
  known.insert(known.end(), library_function_names().begin(), library_function_names().end());
  if (const auto nearest = nearest_name(name.name, known))
    diagnostic.fix = Fix{name.span, *nearest, "did you mean `" + *nearest + "`?"};
  return poison(span);
}

} // namespace sibyl::checking
