// Declarations: types, sizes, bounds and transforms of variables, and where they may stand.
#include "lang/check/checker.hpp"
#include "lang/errors.hpp"
#include "lang/typed_rewrite.hpp"

#include <algorithm>
#include <utility>

namespace sibyl::checking {

using ast::BlockKind;
using typed::ExpressionPtr;
using typed::make_statement;
using typed::StatementPtr;

namespace {

// Declarations at the top of these blocks outlive the block.
bool is_global_block(BlockKind kind) { return kind != BlockKind::model && kind != BlockKind::design; }

// What bounds act element by element.
std::string bounds_transform(const ast::Constraint& constraint) {
  if (constraint.lower && constraint.upper) return "lower_upper_bound";
  if (constraint.lower) return "lower_bound";
  if (constraint.upper) return "upper_bound";
  return constraint.offset || constraint.multiplier ? "offset_multiplier" : "identity";
}

} // namespace

typed::Block block_of(BlockKind kind) {
  switch (kind) {
  case BlockKind::data: return typed::Block::data;
  case BlockKind::transformed_data: return typed::Block::transformed_data;
  case BlockKind::parameters: return typed::Block::parameters;
  case BlockKind::transformed_parameters: return typed::Block::transformed_parameters;
  case BlockKind::generated_quantities: return typed::Block::generated_quantities;
  case BlockKind::functions: return typed::Block::function;
  default: return typed::Block::model;
  }
}

Type type_of(const ast::SizedType& type) {
  static constexpr Base bases[] = {Base::integer, Base::real, Base::vector, Base::row_vector, Base::matrix};
  return {bases[static_cast<int>(type.base)], static_cast<int>(type.array_sizes.size())};
}

// Type, sizes and transform.
void Checker::declared_type(const ast::SizedType& written, typed::Variable& variable) {
  variable.type = type_of(written);
  const bool is_constrained = !written.constrained.empty();
  variable.transform = library_transform(is_constrained ? written.constrained : bounds_transform(written.constraint));
  if (variable.transform) complete(*variable.transform);
  else if (is_constrained) throw InternalError("the standard library uses a constrained type: " + written.constrained);
  std::size_t wanted = static_cast<std::size_t>(variable.type.base_rank());
  std::string name = to_string({variable.type.base, 0});
  if (is_constrained) {
    variable.type.base = variable.transform->constrained.base;
    wanted = variable.transform->parameter_names.size();
    name = written.constrained;
    if (variable.is_local)
      error(written.span, "constrained-local", "a local variable cannot be constrained")
          .notes.push_back("declare it as `" + to_string({variable.type.base, 0}) +
                           "`; constrained types are for the top of data, transformed data, parameters, transformed "
                           "parameters and generated quantities");
    if (written.constraint.lower || written.constraint.upper || written.constraint.offset ||
        written.constraint.multiplier)
      error(written.constraint.span, "bounds-of-constrained-type", "`" + name + "` takes no bounds of its own");
  }
  const auto size = [&](const ast::ExpressionPtr& tree) {
    ExpressionPtr value = integer(tree, "a size");
    if (const auto constant = constant_integer(value); constant && *constant < 0)
      error(value->span, "negative-size", "a size cannot be negative");
    return value;
  };
  for (const auto& one : written.array_sizes) variable.sizes.push_back(size(one));
  std::vector<ExpressionPtr> sizes;
  for (const auto& one : written.sizes) sizes.push_back(size(one));
  // `cholesky_factor_cov[K]` is square.
  const bool is_square = is_constrained && wanted == 2 && sizes.size() == 1;
  if (is_square) sizes.push_back(sizes.front());
  if (sizes.size() != wanted) {
    error(written.span, "size-count",
          "`" + name + "` has " + std::to_string(wanted) + (wanted == 1 ? " size" : " sizes") +
              (written.sizes.size() == 1 ? ", but here is " : ", but here are ") +
              std::to_string(written.sizes.size()));
    variable.type = {Base::error, 0};
    return;
  }
  if (variable.type.rank() > most_dimensions) {
    error(written.span, "too-many-dimensions",
          "a variable has at most " + std::to_string(most_dimensions) + " dimensions, but here are " +
              std::to_string(variable.type.rank()));
    variable.type = {Base::error, 0};
  }
  if (!is_constrained) {
    variable.sizes.insert(variable.sizes.end(), sizes.begin(), sizes.end());
    return;
  }
  for (const std::size_t parameter : variable.transform->sizes) variable.sizes.push_back(sizes[parameter]);
  variable.transform_sizes = std::move(sizes);
}

void Checker::declared_bounds(const ast::SizedType& written, typed::Variable& variable) {
  const auto bound = [&](const ast::ExpressionPtr& tree_bound, const char* what) -> ExpressionPtr {
    if (!tree_bound) return nullptr;
    ExpressionPtr value = expression(tree_bound);
    // A container may have a bound for each of its elements.
    const bool by_element = variable.type.rank() > 0 && converts(value->type, variable.type);
    if (!value->type.is_error() && !value->type.is_scalar() && !by_element) {
      error(value->span, "bound-type",
            "the bound `" + std::string(what) + "` must be a number" +
                (variable.type.rank() > 0 ? " or `" + to_string(variable.type) + "`" : "") + ", but this is " +
                describe(value));
      return poison(value->span);
    }
    if (variable.type.base == Base::integer && value->type.base == Base::real) {
      error(value->span, "real-bound-of-int", "the bound of an int must be an int");
      return poison(value->span);
    }
    return value;
  };
  if (variable.is_local && (written.constraint.lower || written.constraint.upper || written.constraint.offset ||
                            written.constraint.multiplier))
    error(written.constraint.span, "constrained-local", "a local variable cannot be constrained")
        .notes.push_back("bounds are for the top of data, transformed data, parameters, transformed parameters and "
                         "generated quantities");
  variable.lower = bound(written.constraint.lower, "lower");
  variable.upper = bound(written.constraint.upper, "upper");
  variable.offset = bound(written.constraint.offset, "offset");
  variable.multiplier = bound(written.constraint.multiplier, "multiplier");
  if (variable.type.base == Base::integer && (variable.offset || variable.multiplier))
    error(written.constraint.span, "offset-of-int", "an int has no offset and no multiplier");
  if ((variable.offset || variable.multiplier) && (variable.lower || variable.upper)) {
    error(written.constraint.span, "bounds-and-offset", "a variable has either bounds, or an offset and a multiplier");
  }
  const auto constant = [](const ExpressionPtr& value) -> std::optional<double> {
    if (!value) return std::nullopt;
    if (const auto* literal = std::get_if<typed::RealLiteral>(&value->node)) return literal->value;
    if (const auto whole = constant_integer(value)) return static_cast<double>(*whole);
    return std::nullopt;
  };
  if (const auto lower = constant(variable.lower), upper = constant(variable.upper); lower && upper && *lower > *upper)
    error(written.constraint.span, "crossed-bounds", "the lower bound is above the upper bound");
}

// `type_text`: as the user wrote the type. A part of a tuple has no name of its own.
typed::VariableId Checker::declare_one(const ast::SizedType& written, const std::string& name, Span place,
                                       const std::string& type_text, bool is_part) {
  typed::Variable variable;
  variable.name = name;
  variable.span = place;
  variable.block = in_function_ ? typed::Block::function : block_of(block_);
  variable.is_local = in_function_ || nesting_ > 0 || !is_global_block(block_);
  variable.type_text = type_text;

  // Sizes and bounds are no statements: nothing is evaluated before them.
  Statements* const before = std::exchange(before_, nullptr);
  declared_type(written, variable);
  if (written.constrained.empty()) declared_bounds(written, variable);
  before_ = before;

  if (!variable.is_local && (block_ == BlockKind::parameters || block_ == BlockKind::transformed_parameters ||
                             block_ == BlockKind::generated_quantities))
    for (const ExpressionPtr& size : variable.sizes)
      if (!size->type.is_error() && reads_parameters(size))
        error(size->span, "size-from-parameters",
              "the size of `" + variable.name + "` depends on parameters, which draws change");
  if (block_ == BlockKind::transformed_parameters && !variable.is_local && variable.type.base == Base::integer)
    error(written.span, "discrete-parameter",
          "a transformed parameter must be continuous, but `" + variable.name + "` is `" + variable.type_text + "`")
        .notes.push_back("compute it in generated quantities, or as a local variable");
  if (block_ == BlockKind::parameters && !in_function_ && variable.type.base == Base::integer) {
    error(written.span, "discrete-parameter",
          "a parameter must be continuous, but `" + variable.name + "` is `" + variable.type_text + "`")
        .notes.push_back(
            "draw it in the model as a local variable (simulation integrates it out), or sum it out with log_sum_exp");
  }
  if (!is_part) return declare(std::move(variable));
  variables_->push_back(std::move(variable));
  return static_cast<typed::VariableId>(variables_->size() - 1);
}

// A value that a declaration gives.
void Checker::check_initializer(const ExpressionPtr& initializer, const std::string& name, Type type,
                                const std::string& type_text) {
  if (block_ == BlockKind::data || block_ == BlockKind::parameters)
    error(initializer->span, "initialized-input",
          std::string("a variable of the ") + (block_ == BlockKind::data ? "data" : "parameters") +
              " block gets no value here");
  if (converts(initializer->type, type)) return;
  Diagnostic& diagnostic = error(initializer->span, "assignment-types",
                                 "`" + name + "` is `" + type_text + "`, but this is " + describe(initializer));
  if (type.base == Base::integer && initializer->type == Type{Base::real, 0})
    diagnostic.notes.push_back("an int holds no fraction; declare `real " + name + "`");
}

StatementPtr Checker::declaration(const ast::Declaration& tree, Span span) {
  const ast::SizedType& written = tree.type;
  if (!written.parts.empty()) return tuple_declaration(tree, span);
  std::string type_text(source_.slice(written.span));
  if (written.old_array.end > 0) type_text = "array" + std::string(source_.slice(written.old_array)) + " " + type_text;
  ExpressionPtr initializer = tree.initializer ? expression(tree.initializer) : nullptr;
  const typed::VariableId id = declare_one(written, tree.name.name, tree.name.span, type_text, false);
  if (initializer) {
    const Type type = (*variables_)[id].type;
    check_initializer(initializer, tree.name.name, type, type_text);
    initializer = promote(initializer, type);
  }
  return make_statement(typed::Declaration{id, initializer}, span);
}

} // namespace sibyl::checking
