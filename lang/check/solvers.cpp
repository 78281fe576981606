#include "lang/check/solvers.hpp"

#include "lang/check/checker.hpp"
#include "lang/typed_walk.hpp"

#include <algorithm>

namespace sibyl::checking {

using typed::ExpressionPtr;
using Kind = typed::SolverCall::Kind;

namespace {

constexpr Type number{Base::real, 0}, vector{Base::vector, 0}, reals{Base::real, 1}, integers{Base::integer, 1};

// Tolerances and numbers of steps are Stan's.
constexpr Solver differential(std::string_view name, std::string_view method, bool is_old, bool has_tolerances,
                              double tolerance, double most_steps) {
  return {name,
          Kind::differential,
          method,
          is_old,
          has_tolerances,
          {tolerance, tolerance, most_steps},
          is_old ? "(rates, y0, t0, ts, theta, x_r, x_i), and optionally relative and absolute tolerance and the most "
                   "steps, with `array[] real rates(real t, array[] real y, array[] real theta, array[] real x_r, "
                   "array[] int x_i)`"
          : has_tolerances
              ? "(rates, y0, t0, ts, relative_tolerance, absolute_tolerance, most_steps, ...), with `vector "
                "rates(real t, vector y, ...)`"
              : "(rates, y0, t0, ts, ...), with `vector rates(real t, vector y, ...)`"};
}

constexpr Solver algebraic(std::string_view name, bool is_old, bool has_tolerances, double step) {
  return {
      name,
      Kind::algebraic,
      "method_newton",
      is_old,
      has_tolerances,
      {step, 1e-6, 200},
      is_old
          ? "(system, guess, theta, x_r, x_i), and optionally step tolerance, residual tolerance and the most steps, "
            "with `vector system(vector y, vector theta, array[] real x_r, array[] int x_i)`"
      : has_tolerances
          ? "(system, guess, step_tolerance, residual_tolerance, most_steps, ...), with `vector system(vector y, ...)`"
          : "(system, guess, ...), with `vector system(vector y, ...)`"};
}

constexpr Solver solvers[] = {
    differential("ode_rk45", "method_dormand_prince", false, false, 1e-6, 1e6),
    differential("ode_rk45_tol", "method_dormand_prince", false, true, 0, 0),
    differential("ode_ckrk", "method_cash_karp", false, false, 1e-6, 1e6),
    differential("ode_ckrk_tol", "method_cash_karp", false, true, 0, 0),
    differential("ode_bdf", "method_radau", false, false, 1e-10, 1e8),
    differential("ode_bdf_tol", "method_radau", false, true, 0, 0),
    {"ode_adjoint_tol_ctl",
     Kind::differential,
     "method_radau",
     false,
     true,
     {0, 0, 0},
     "(rates, y0, t0, ts, relative_tolerance_forward, absolute_tolerance_forward, relative_tolerance_backward, "
     "absolute_tolerance_backward, relative_tolerance_quadrature, absolute_tolerance_quadrature, most_steps, "
     "steps_between_checkpoints, interpolation_polynomial, solver_forward, solver_backward, ...), with `vector "
     "rates(real "
     "t, vector y, ...)`"},
    differential("ode_adams", "method_dormand_prince", false, false, 1e-10, 1e8),
    differential("ode_adams_tol", "method_dormand_prince", false, true, 0, 0),
    differential("integrate_ode", "method_dormand_prince", true, false, 1e-6, 1e6),
    differential("integrate_ode_rk45", "method_dormand_prince", true, false, 1e-6, 1e6),
    differential("integrate_ode_bdf", "method_radau", true, false, 1e-10, 1e8),
    differential("integrate_ode_adams", "method_dormand_prince", true, false, 1e-10, 1e8),
    algebraic("solve_newton", false, false, 1e-3),
    algebraic("solve_newton_tol", false, true, 0),
    algebraic("solve_powell", false, false, 1e-10),
    algebraic("solve_powell_tol", false, true, 0),
    algebraic("algebra_solver", true, false, 1e-10),
    algebraic("algebra_solver_newton", true, false, 1e-3),
    {"integrate_1d",
     Kind::integral,
     "method_double_exponential",
     true,
     false,
     {1.4901161193847656e-8, 0, 0},
     "(integrand, a, b, theta, x_r, x_i), and optionally the relative tolerance, with `real integrand(real x, real xc, "
     "array[] real theta, array[] real x_r, array[] int x_i)`"},
    {"map_rect",
     Kind::mapped,
     "",
     false,
     false,
     {0, 0, 0},
     "(job, phi, theta, x_r, x_i), with `vector job(vector phi, vector theta, array[] real x_r, array[] int x_i)`"},
};

// Types of what the method is given, apart from tolerances.
std::vector<Type> own_types(const Solver& solver) {
  switch (solver.kind) {
  case Kind::differential: return {solver.is_old ? reals : vector, number, reals};
  case Kind::algebraic: return {vector};
  case Kind::integral: return {number, number};
  default: return {};
  }
}

std::size_t tolerance_count(Kind kind) { return kind == Kind::integral ? 1 : kind == Kind::mapped ? 0 : 3; }

std::string type_list(const std::vector<Type>& types) {
  std::string text;
  for (const Type& one : types) text += (text.empty() ? "" : ", ") + to_string(one);
  return text;
}

} // namespace

const Solver* find_solver(std::string_view name) {
  const auto found =
      std::find_if(std::begin(solvers), std::end(solvers), [&](const Solver& one) { return one.name == name; });
  return found == std::end(solvers) ? nullptr : found;
}

std::vector<std::string> solver_names() {
  std::vector<std::string> names;
  for (const Solver& one : solvers) names.emplace_back(one.name);
  return names;
}

std::shared_ptr<const typed::Function> Checker::given_function(const ast::Call& tree, const std::vector<Type>& leading,
                                                               Arguments& passed, Type result) {
  const auto* written = std::get_if<ast::VariableReference>(&tree.arguments[0]->node);
  const Span place = tree.arguments[0]->span;
  if (!written) {
    error(place, "not-a-function", "`" + tree.function.name + "` takes the name of a function here");
    return nullptr;
  }
  const auto overloads = names_.functions(written->name);
  if (overloads.empty()) {
    unknown_function({written->name, place}, place);
    return nullptr;
  }
  std::vector<Type> types = leading;
  for (const ExpressionPtr& one : passed) types.push_back(one->type);
  for (const auto& candidate : overloads) {
    bool fits = candidate->arguments.size() == types.size() && candidate->result == result;
    for (std::size_t i = 0; fits && i < types.size(); ++i) {
      const Type wanted = candidate->variables[candidate->arguments[i]].type;
      fits = i < leading.size() ? types[i] == wanted : converts(types[i], wanted);
    }
    if (!fits) continue;
    // The state of a differential equation and what an equation is solved for depend on parameters, whatever is passed.
    const Kind kind = find_solver(tree.function.name)->kind;
    for (std::size_t i = 0; i < leading.size() && (kind == Kind::differential || kind == Kind::algebraic); ++i) {
      if (leading[i].is_scalar() || !candidate->data_only[i]) continue;
      const typed::Variable& declared = candidate->variables[candidate->arguments[i]];
      error(place, "parameter-as-data",
            "`" + declared.name + "` of `" + candidate->name + "` is what `" + tree.function.name +
                "` varies, so it cannot be declared `data`")
          .secondary.push_back({declared.span, "declared `data`"});
      return nullptr;
    }
    for (std::size_t i = 0; i < passed.size(); ++i) {
      const std::size_t argument = leading.size() + i;
      const typed::Variable& declared = candidate->variables[candidate->arguments[argument]];
      if (candidate->data_only[argument] && depends_on_parameters(passed[i])) {
        error(passed[i]->span, "parameter-as-data",
              "`" + declared.name + "` of `" + candidate->name + "` must be data, but this depends on parameters")
            .secondary.push_back({declared.span, "declared `data`"});
        return nullptr;
      }
      passed[i] = promote(passed[i], declared.type);
    }
    if (candidate->span.source == 0 && candidate->name.ends_with("_lp")) {
      error(place, "misplaced-increment", "a function that adds to the density cannot be given to a solver");
      return nullptr;
    }
    if (candidate->draws) {
      error(place, "misplaced-draw", "a function that draws random numbers cannot be given to a solver");
      return nullptr;
    }
    complete(*candidate);
    return held(candidate);
  }
  Diagnostic& diagnostic = error(place, "argument-types",
                                 "`" + tree.function.name + "` calls `" + to_string(result) + " " + written->name +
                                     "(" + type_list(types) + ")`, which there is not");
  for (const auto& candidate : overloads) {
    std::vector<Type> declared;
    for (const typed::VariableId id : candidate->arguments) declared.push_back(candidate->variables[id].type);
    diagnostic.notes.push_back("there is " + to_string(candidate->result) + " " + candidate->name + "(" +
                               type_list(declared) + ")");
    if (diagnostic.notes.size() == 4) break;
  }
  return nullptr;
}

// Solvers that are refused, without a word on what they are given: what one of them is, and what does instead.
static const char* why_not(std::string_view name) {
  if (name == "dae" || name == "dae_tol")
    return "equations that are not solved for their rates; write the rates, and solve them with `ode_bdf`";
  if (name.starts_with("laplace_marginal") || name.starts_with("laplace_latent"))
    return "an approximation that integrates a latent field out; declare the field as a parameter with its prior, of "
           "which "
           "the posterior is exact";
  return nullptr;
}

bool Checker::refuse_solver(const ast::Identifier& name) {
  const char* reason = names_.own.contains(name.name) ? nullptr : why_not(name.name);
  if (!reason) return false;
  error(name.span, "unknown-function", "Stan's function `" + name.name + "` is not in this version of Sibyl")
      .notes.push_back(std::string("it is for ") + reason);
  return true;
}

// The tolerances and the most steps of the forward solution are the solver's: derivatives are solved along with the
// state, and held to its tolerances.
bool Checker::adjoint_controls(const ast::Call& tree, Arguments& given) {
  constexpr std::size_t first = 3;
  const Type integer{Base::integer, 0};
  const Type wanted[] = {number, vector, number, vector, number, number, integer, integer, integer, integer, integer};
  constexpr std::size_t count = std::size(wanted);
  const auto usage = [&](Diagnostic& diagnostic) {
    diagnostic.notes.push_back("it is " + tree.function.name + std::string(find_solver(tree.function.name)->usage));
  };
  if (given.size() < first + count || tree.arguments.size() < 1 + first + count) {
    usage(error(tree.function.span, "argument-count",
                "`" + tree.function.name + "` is given " + std::to_string(tree.arguments.size()) +
                    " arguments, which does not fit"));
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const ExpressionPtr& one = given[first + i];
    if (converts(one->type, wanted[i])) continue;
    usage(
        error(one->span, "argument-types", "this must be `" + to_string(wanted[i]) + "`, but it is " + describe(one)));
    return false;
  }
  ast::Call least{{"min", tree.arguments[1 + first + 1]->span}, {tree.arguments[1 + first + 1]}};
  given[first + 1] = call(least, given[first + 1]->span);
  given[first + 2] = given[first + 6];
  given.erase(given.begin() + first + 3, given.begin() + first + count);
  return true;
}

ExpressionPtr Checker::solver_call(const ast::Call& tree, Span span) {
  const Solver& solver = *find_solver(tree.function.name);
  const std::string name(solver.name);
  Arguments given;
  // A tuple that is handed on is its parts.
  for (std::size_t i = 1; i < tree.arguments.size(); ++i)
    for (ExpressionPtr& leaf : leaves(expression(tree.arguments[i]))) given.push_back(std::move(leaf));
  if (std::any_of(given.begin(), given.end(), [](const auto& one) { return one->type.is_error(); }))
    return poison(span);
  if (solver.name == "ode_adjoint_tol_ctl" && !adjoint_controls(tree, given)) return poison(span);
  const auto usage = [&](Diagnostic& diagnostic) {
    diagnostic.notes.push_back("it is " + name + std::string(solver.usage));
  };

  std::vector<Type> own = own_types(solver);
  const std::size_t tolerances = tolerance_count(solver.kind);
  // `theta, x_r, x_i` of older texts stand before the tolerances.
  const std::size_t fixed = solver.is_old ? 3 : 0;
  const std::size_t least = own.size() + (solver.is_old ? fixed : solver.has_tolerances ? tolerances : 0);
  const bool count_fits = solver.kind == Kind::mapped ? given.size() == 4
                          : solver.is_old             ? given.size() == least || given.size() == least + tolerances
                                                      : given.size() >= least;
  if (tree.arguments.empty() || !count_fits) {
    usage(error(span, "argument-count",
                "`" + name + "` is given " + std::to_string(tree.arguments.size()) + " arguments, which does not fit"));
    return poison(span);
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (converts(given[i]->type, own[i])) {
      given[i] = promote(given[i], own[i]);
      continue;
    }
    usage(error(given[i]->span, "argument-types",
                "this must be `" + to_string(own[i]) + "`, but it is " + describe(given[i])));
    return poison(span);
  }
  Arguments arguments(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(own.size()));
  const std::size_t first_tolerance = own.size() + fixed;
  const bool has_tolerances = solver.has_tolerances || (solver.is_old && given.size() > least);
  for (std::size_t i = 0; i < tolerances; ++i) {
    if (!has_tolerances) {
      arguments.push_back(make(typed::RealLiteral{solver.tolerances[i]}, number, span));
      continue;
    }
    const ExpressionPtr& one = given[first_tolerance + i];
    if (!one->type.is_scalar() || depends_on_parameters(one)) {
      usage(error(one->span, one->type.is_scalar() ? "parameter-as-data" : "argument-types",
                  one->type.is_scalar() ? "a tolerance must be data, but this depends on parameters"
                                        : "this must be a number, but it is " + describe(one)));
      return poison(span);
    }
    arguments.push_back(promote(one, number));
  }
  Arguments passed;
  for (std::size_t i = own.size(); i < given.size(); ++i) {
    const bool is_tolerance = has_tolerances && i >= first_tolerance && i < first_tolerance + tolerances;
    if (!is_tolerance) passed.push_back(given[i]);
  }

  std::vector<Type> leading;
  Type given_result = vector, result = vector;
  switch (solver.kind) {
  case Kind::differential:
    leading = {number, own[0]};
    given_result = own[0];
    result = solver.is_old ? Type{Base::real, 2} : Type{Base::vector, 1};
    break;
  case Kind::algebraic: leading = {vector}; break;
  case Kind::integral:
    leading = {number, number};
    given_result = result = number;
    break;
  case Kind::mapped: {
    const std::vector<Type> wanted = {vector, {Base::vector, 1}, {Base::real, 2}, {Base::integer, 2}};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (converts(passed[i]->type, wanted[i])) continue;
      usage(error(passed[i]->span, "argument-types",
                  "this must be `" + to_string(wanted[i]) + "`, but it is " + describe(passed[i])));
      return poison(span);
    }
    Arguments none;
    const auto job = given_function(tree, {vector, vector, reals, integers}, none, vector);
    if (!job) return poison(span);
    for (std::size_t i = 0; i < wanted.size(); ++i) passed[i] = promote(passed[i], wanted[i]);
    return make(typed::SolverCall{Kind::mapped, job, nullptr, std::move(passed), 0}, vector, span);
  }
  }
  const auto function = given_function(tree, leading, passed, given_result);
  if (!function) return poison(span);
  const auto method = library_functions(std::string(solver.method)).front();
  complete(*method);
  const std::size_t own_count = arguments.size();
  arguments.insert(arguments.end(), passed.begin(), passed.end());
  return make(typed::SolverCall{solver.kind, function, method, std::move(arguments), own_count}, result, span);
}

} // namespace sibyl::checking
