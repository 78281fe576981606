// Distributions by name: which one is meant, and what it is given.
#include "lang/check/checker.hpp"
#include "lang/edit_distance.hpp"

#include <algorithm>

namespace sibyl::checking {

using typed::DistributionFunction;
using typed::ExpressionPtr;

namespace {

std::string signature(const typed::Distribution& distribution, bool draws) {
  std::string text = distribution.name + (draws ? "_rng(" : "(");
  for (std::size_t i = 0; draws && i < distribution.given_sizes(); ++i) text += "int size, ";
  for (std::size_t i = 0; i < distribution.parameters.size(); ++i)
    text += (i ? ", " : "") + to_string(distribution.parameters[i]) + " " + distribution.parameter_names[i];
  return text + ")";
}

} // namespace

std::shared_ptr<const typed::Distribution> Checker::find_distribution(const ast::Identifier& name) {
  if (auto found = library_distribution(name.name)) return found;
  Diagnostic& diagnostic = error(name.span, "unknown-distribution", "there is no distribution `" + name.name + "`");
  static const std::map<std::string, std::string> other_names = {{"gaussian", "normal"},
                                                                 {"gauss", "normal"},
                                                                 {"norm", "normal"},
                                                                 {"laplace", "double_exponential"},
                                                                 {"expon", "exponential"},
                                                                 {"t", "student_t"},
                                                                 {"inverse_gamma", "inv_gamma"},
                                                                 {"unif", "uniform"},
                                                                 {"negative_binomial", "neg_binomial_2"},
                                                                 {"log_normal", "lognormal"}};
  const auto other = other_names.find(name.name);
  const auto nearest =
      other != other_names.end() ? std::optional(other->second) : nearest_name(name.name, library_distribution_names());
  if (nearest) diagnostic.fix = Fix{name.span, *nearest, "did you mean `" + *nearest + "`?"};
  return nullptr;
}

bool Checker::resolve_distribution(std::shared_ptr<const typed::Distribution>& distribution, Arguments& arguments,
                                   bool has_y, Span name) {
  // A distribution of more parameters under the same name has a file of its own: stdlib/distributions/wiener_7.sib.
  const std::size_t given = arguments.size() - (has_y && !arguments.empty() ? 1 : 0);
  if (given != distribution->parameters.size())
    if (auto other = library_distribution(distribution->name + "_" + std::to_string(given))) distribution = other;
  if (distribution->meanings.empty()) {
    complete(*distribution);
    return distribution_arguments(*distribution, arguments, has_y, name);
  }
  if (any_error(arguments)) return false;
  const std::size_t first = has_y ? 1 : 0;
  if (arguments.size() == first + distribution->parameters.size()) {
    Expansion expansion{{}, name};
    for (std::size_t i = 0; i < distribution->parameters.size(); ++i)
      expansion.given[distribution->parameter_names[i]] = arguments[first + i];
    const std::size_t known = diagnostics_.size();
    for (const ast::Meaning& meaning : distribution->meanings) {
      const auto meant = library_distribution(meaning.distribution.name);
      expansion_ = &expansion;
      Arguments values(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(first));
      for (const ast::ExpressionPtr& value : meaning.arguments) values.push_back(expression(value));
      const bool fits = distribution_arguments(*meant, values, has_y, name);
      expansion_ = nullptr;
      if (fits) {
        complete(*meant);
        distribution = meant;
        arguments = std::move(values);
        return true;
      }
      diagnostics_.erase(diagnostics_.begin() + static_cast<std::ptrdiff_t>(known), diagnostics_.end());
    }
  }
  error(name, "argument-types", "`" + distribution->name + "` cannot be given (" + listed_types(arguments) + ")")
      .notes.push_back("it is " + signature(*distribution, false));
  return false;
}

bool Checker::distribution_arguments(const typed::Distribution& distribution, Arguments& arguments, bool has_y,
                                     Span name) {
  if (any_error(arguments)) return false;
  const std::size_t sizes = has_y ? 0 : distribution.given_sizes();
  const std::size_t given = arguments.size() - (has_y ? 1 : 0);
  if (given != sizes + distribution.parameters.size()) {
    const std::size_t wanted = sizes + distribution.parameters.size();
    // Those of more parameters have files of their own.
    std::string counts = std::to_string(wanted);
    std::vector<std::shared_ptr<const typed::Distribution>> others;
    for (std::size_t more = wanted + 1; more <= wanted + 4; ++more)
      if (auto other = library_distribution(distribution.name + "_" + std::to_string(more))) others.push_back(other);
    for (const auto& other : others)
      counts += (other == others.back() ? " or " : ", ") + std::to_string(other->parameters.size());
    Diagnostic& diagnostic = error(
        name, "argument-count",
        "`" + distribution.name + "` takes " + counts + (counts == "1" ? " parameter" : " parameters") + ", but here " +
            (given == 1 ? "is 1" : "are " + std::to_string(given)));
    diagnostic.notes.push_back("it is " + signature(distribution, !has_y && sizes > 0));
    for (const auto& other : others) {
      complete(*other);
      const std::string text = signature(*other, !has_y && sizes > 0);
      diagnostic.notes.push_back("or " + distribution.name + text.substr(text.find('(')));
    }
    return false;
  }
  const auto scalar_or_row = [&](ExpressionPtr& argument, bool wants_integer, const std::string& what) {
    const Type type = argument->type;
    const bool shape_fits = !type.parts && (type.is_scalar() || (type.array_rank == 0 && type.base_rank() == 1) ||
                            (type.array_rank == 1 && type.base_rank() == 0));
    if (!shape_fits) {
      error(argument->span, "argument-types",
            what + " must be a number or a list of numbers, but this is " + describe(argument));
      return false;
    }
    if (wants_integer && type.base != Base::integer) {
      Diagnostic& diagnostic =
          error(argument->span, "argument-types", what + " must be int, but this is " + describe(argument));
      label_declaration(diagnostic, argument);
      return false;
    }
    if (!wants_integer) argument = promote(argument, {Base::real, type.array_rank});
    return true;
  };
  // A container that is taken whole, or with `has_rows` a list of them. A row vector does where a vector is wanted.
  const auto whole = [&](ExpressionPtr& argument, Type wanted, bool has_rows, const std::string& what) {
    const Type type = argument->type;
    const bool same_base = type.base == wanted.base || (wanted.base == Base::vector && type.base == Base::row_vector);
    if (distribution.draws_container() && same_base &&
        (type.array_rank == wanted.array_rank || (has_rows && type.array_rank == wanted.array_rank + 1)))
      return true;
    if (!distribution.draws_container() && (converts(type, wanted) || type == Type{wanted.base, wanted.array_rank + 1}))
      return true;
    // Row by row, one for each outcome: in the meaning of another distribution only, which alone can write it.
    if (expansion_ && wanted == Type{Base::vector, 0} && type == Type{Base::matrix, 0}) return true;
    Diagnostic& diagnostic = error(argument->span, "argument-types",
                                   what + " must be `" + to_string(wanted) + "`, but this is " + describe(argument));
    if (wanted.base == Base::vector && type == Type{Base::row_vector, 0})
      diagnostic.fix =
          Fix{{argument->span.end, argument->span.end, argument->span.source}, "'", "transpose it with `'`"};
    return false;
  };
  const bool has_rows = distribution.outcome.base == Base::vector;
  std::size_t i = 0;
  if (has_y) {
    const std::string what = "the outcome of `" + distribution.name + "`";
    ExpressionPtr& y = arguments[i++];
    if (distribution.draws_container() ? !whole(y, distribution.outcome, has_rows, what)
                                       : !scalar_or_row(y, distribution.support.is_discrete, what))
      return false;
  }
  for (; i < sizes; ++i)
    if (arguments[i]->type != Type{Base::integer, 0}) {
      error(arguments[i]->span, "argument-types",
            "the size that `" + distribution.name + "_rng` draws must be int, but this is " + describe(arguments[i]));
      return false;
    }
  for (std::size_t p = 0; p < distribution.parameters.size(); ++p, ++i) {
    const Type wanted = distribution.parameters[p];
    const std::string what = "`" + distribution.parameter_names[p] + "` of `" + distribution.name + "`";
    if (wanted.is_scalar()) {
      if (!scalar_or_row(arguments[i], wanted.base == Base::integer, what)) return false;
      if (distribution.draws_container() && !arguments[i]->type.is_scalar()) {
        error(arguments[i]->span, "argument-types", what + " must be a number, but this is " + describe(arguments[i]));
        return false;
      }
    } else if (!whole(arguments[i], wanted, has_rows && wanted.base == Base::vector, what)) {
      return false;
    }
  }
  return true;
}

// Behind the outcome of a density stands `|`.
void Checker::require_bar(const ast::Call& tree, const Arguments& arguments) {
  if (tree.has_bar || tree.arguments.size() < 2 || any_error(arguments)) return;
  const Span first = tree.arguments[0]->span, second = tree.arguments[1]->span;
  const Span between{first.end, second.begin, first.source};
  error(between, "bar-missing", "behind the outcome of `" + tree.function.name + "` stands `|`").fix =
      Fix{between, " | ", "write `|`"};
}

ExpressionPtr Checker::distribution_call(const ast::Call& tree, const std::string& name, const std::string& suffix,
                                         Arguments arguments, Span span) {
  auto distribution = library_distribution(name);
  const Span place = tree.function.span;
  const bool discrete = distribution->support.is_discrete;
  const bool draw = suffix == "_rng";
  if (suffix.ends_with("_log")) {
    const std::string now = name + (suffix == "_cdf_log"    ? "_lcdf"
                                    : suffix == "_ccdf_log" ? "_lccdf"
                                    : discrete              ? "_lpmf"
                                                            : "_lpdf");
    note_old("old-density-name", place, "`" + tree.function.name + "` is `" + now + "` today",
             Fix{place, now, "write `" + now + "`"});
  }
  if ((suffix == "_lpdf" || suffix == "_lupdf") && discrete) {
    const std::string right = name + "_lpmf";
    error(place, "density-suffix", "`" + name + "` is discrete: its log mass is `" + right + "`").fix =
        Fix{place, right, "write `" + right + "`"};
    return poison(span);
  }
  if ((suffix == "_lpmf" || suffix == "_lupmf") && !discrete) {
    const std::string right = name + "_lpdf";
    error(place, "density-suffix", "`" + name + "` is continuous: its log density is `" + right + "`").fix =
        Fix{place, right, "write `" + right + "`"};
    return poison(span);
  }
  if (draw && !is_library_ && block_ != ast::BlockKind::generated_quantities &&
      block_ != ast::BlockKind::transformed_data && !(in_function_ && function_->name.ends_with("_rng"))) {
    error(place, "misplaced-draw",
          "`" + tree.function.name + "` can be called only in transformed data and generated quantities")
        .notes.push_back("in the model, draw a local variable with `~`: `real x;  x ~ " + name + "(...);`");
    return poison(span);
  }
  if (!draw && arguments.empty()) {
    error(place, "argument-count",
          "`" + tree.function.name + "` needs the outcome first: `" + tree.function.name + "(y | ...)`");
    return poison(span);
  }
  if (!resolve_distribution(distribution, arguments, !draw, place)) return poison(span);
  if (!draw && !suffix.ends_with("_log")) require_bar(tree, arguments);
  const bool may_be_unnormalized =
      in_function_ ? function_->name.ends_with("_lpdf") || function_->name.ends_with("_lpmf") || adds_to_density()
                   : block_ == ast::BlockKind::model;
  if (suffix.starts_with("_lu") && !may_be_unnormalized && !is_library_)
    error(place, "misplaced-unnormalized",
          "`" + tree.function.name + "` leaves out constants, which only the density may")
        .notes.push_back("write `" + name + (discrete ? "_lpmf" : "_lpdf") + "`");
  DistributionFunction function = DistributionFunction::log_density;
  if (suffix == "_lcdf" || suffix == "_cdf_log") function = DistributionFunction::log_cdf;
  else if (suffix == "_lccdf" || suffix == "_ccdf_log") function = DistributionFunction::log_ccdf;
  else if (suffix == "_cdf") function = DistributionFunction::cdf;
  else if (draw) function = DistributionFunction::draw;
  const bool needs_tail = function == DistributionFunction::log_cdf || function == DistributionFunction::cdf ||
                          function == DistributionFunction::log_ccdf;
  if (needs_tail && !distribution->log_tail) {
    error(place, "no-distribution-function", "`" + name + "` has no distribution function in this version of Sibyl");
    return poison(span);
  }
  Type type{Base::real, 0};
  if (draw) {
    type = distribution->outcome;
    for (std::size_t p = 0; p < distribution->parameters.size(); ++p)
      if (arguments[distribution->given_sizes() + p]->type.rank() > distribution->parameters[p].rank())
        type.array_rank = 1;
  }
  return make(typed::DistributionCall{distribution, function, std::move(arguments), suffix.starts_with("_lu")}, type,
              span);
}

} // namespace sibyl::checking
