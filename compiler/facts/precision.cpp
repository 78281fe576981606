#include "compiler/facts/precision.hpp"

#include "compiler/facts/carried.hpp"
#include "compiler/generative/accesses.hpp"
#include "compiler/generative/late_bounds.hpp"
#include "lang/words.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace sibyl {

using namespace generative; // statements, expressions and walks over them

namespace {

constexpr double unknown = std::numeric_limits<double>::infinity();

// Samplers of counts accept by comparing numbers of the size of mean * log(mean), to a thousandth at least.
constexpr double largest_mean = 1000;
constexpr double longest_sum = 1000;
// Rounding a location moves it by less than a thousandth of its scale.
constexpr double largest_location = 16000;
// A scale that varies is rarely less than a hundredth of its probable bound.
constexpr double range_of_scales = 100;
constexpr double largest_value = 1e6;

// How large a value probably is, and what makes that unknown.
struct Range {
  double most = 0;
  bool is_constant = false;
  Reason why;

  bool is_known() const { return most < unknown; }
};

Range constant(double value) { return {std::abs(value), true, {}}; }
Range bounded(double most) { return {most, false, {}}; }
Range without_bound(Span span, const std::string& text) { return {unknown, false, {span, text}}; }

// A value made of others: `most` where they are known.
Range made_of(double most, const std::vector<Range>& parts) {
  for (const Range& part : parts)
    if (!part.is_known()) return part;
  return bounded(most);
}

class Estimator {
 public:
  Estimator(const typed::Program& program, const generative::Reading& reading) : program_(program), reading_(reading) {}

  std::optional<Reason> run() {
    for (const VariableId id : reading_.point_masses)
      if (!program_.variables[id].type.is_integer_valued())
        need(program_.variables[id].span,
             "the density compares " + quoted(program_.variables[id].name) + " with what is computed, to more digits");
    for (const typed::Variable& variable : program_.variables)
      if (variable.transform && variable.transform->is_type())
        need(variable.span, quoted(variable.name) + " is checked to more digits than floats have");
    const auto order =
        generative::simulation_order(generative::simulated_statements(program_, reading_), program_, reading_);
    if (!order) return std::nullopt;
    std::set<const typed::Function*> known;
    for (const StatementPtr& statement : *order) {
      find_solvers(statement, std::nullopt, known);
      see(statement);
    }
    return need_;
  }

 private:

  void need(Span span, const std::string& text) {
    if (!need_) need_ = Reason{span, text};
  }
  // Of a value that must be known and at most this large.
  void limit(const Range& range, double most, Span span, const std::string& text) {
    if (!range.is_known() && !range.why.text.empty()) need(range.why.span, range.why.text);
    else if (range.most > most) need(span, text);
  }

  // ---- variables

  std::optional<double> declared_bound(const typed::Variable& variable) {
    if (!variable.lower || !variable.upper) return std::nullopt;
    const Range lower = range(variable.lower), upper = range(variable.upper);
    if (!lower.is_known() || !upper.is_known()) return std::nullopt;
    return std::max(lower.most, upper.most);
  }

  Range of(VariableId id) {
    const typed::Variable& variable = program_.variables[id];
    if (const auto found = ranges_.find(id); found != ranges_.end()) return found->second;
    if (const auto bound = declared_bound(variable)) return bounded(*bound);
    const bool is_input = !variable.is_local && variable.block == typed::Block::data;
    if (is_input)
      return without_bound(variable.span, quoted(variable.name) + " comes from a data file, in units that the text "
                                                                  "does not bound");
    return without_bound(variable.span, "the text does not tell how large " + quoted(variable.name) + " is");
  }

  void learn(VariableId id, Range value) {
    const typed::Variable& variable = program_.variables[id];
    if (const auto bound = declared_bound(variable); bound && *bound < value.most) value = bounded(*bound);
    const auto [found, is_new] = ranges_.try_emplace(id, value);
    if (!is_new && value.most > found->second.most) found->second = value;
  }

  // ---- expressions

  Range range(const ExpressionPtr& expression) {
    return std::visit([&](const auto& node) { return range(node, expression); }, expression->node);
  }
  std::vector<Range> ranges(const std::vector<ExpressionPtr>& list) {
    std::vector<Range> all;
    for (const ExpressionPtr& one : list) all.push_back(range(one));
    return all;
  }
  Range largest(const std::vector<ExpressionPtr>& list) {
    double most = 0;
    const std::vector<Range> all = ranges(list);
    for (const Range& one : all) most = std::max(most, one.most);
    return made_of(most, all);
  }

  Range range(const typed::IntegerLiteral& literal, const ExpressionPtr&) {
    return constant(static_cast<double>(literal.value));
  }
  Range range(const typed::RealLiteral& literal, const ExpressionPtr&) { return constant(literal.value); }
  Range range(const typed::StringLiteral&, const ExpressionPtr&) { return {}; }
  Range range(const typed::VariableReference& reference, const ExpressionPtr&) { return of(reference.variable); }
  Range range(const typed::Promote& promote, const ExpressionPtr&) { return range(promote.operand); }
  Range range(const typed::Index& index, const ExpressionPtr&) { return range(index.base); }
  Range range(const typed::Conditional& choice, const ExpressionPtr&) {
    return largest({choice.if_true, choice.if_false});
  }
  Range range(const typed::ArrayLiteral& literal, const ExpressionPtr&) { return largest(literal.elements); }
  Range range(const typed::RowVectorLiteral& literal, const ExpressionPtr&) { return largest(literal.elements); }
  Range range(const typed::DistributionCall& call, const ExpressionPtr& expression) {
    if (call.function == typed::DistributionFunction::draw && !call.distribution->draws_container())
      return draw(*call.distribution, call.arguments, expression->span);
    return without_bound(expression->span, "the text does not tell how large this density is");
  }

  // How many terms a sum over the container has; unknown where the text does not bound it.
  Range terms(const ExpressionPtr& container) {
    std::vector<ExpressionPtr> sizes;
    for_each_expression(container, [&](const ExpressionPtr& one) {
      const auto* reference = std::get_if<typed::VariableReference>(&one->node);
      if (!reference) return;
      const auto& own = program_.variables[reference->variable].sizes;
      if (sizes.empty()) sizes = own;
    });
    double count = 1;
    for (const ExpressionPtr& size : sizes) {
      const Range one = range(size);
      if (one.is_known()) count *= one.most;
      else count = unknown;
    }
    if (sizes.empty()) count = unknown;
    if (count > longest_sum)
      return without_bound(container->span, "this sums over many values, or over as many as the text does not bound");
    return bounded(count);
  }

  // Solvers in the statement, also in functions that it calls (at `caller`).
  void find_solvers(const StatementPtr& statement, std::optional<Span> caller,
                    std::set<const typed::Function*>& known) {
    for_each_statement(statement, [&](const StatementPtr& one) {
      for_each_operand(one, [&](const ExpressionPtr& operand) {
        for_each_expression(operand, [&](const ExpressionPtr& part) {
          const Span place = caller.value_or(part->span);
          if (const auto* solver = std::get_if<typed::SolverCall>(&part->node))
            need(place, "a solver of " + quoted(solver->given->name) + " holds tolerances that floats do not");
          const auto* call = std::get_if<typed::FunctionCall>(&part->node);
          if (call && call->function->span.source == 0 && known.insert(call->function.get()).second)
            find_solvers(call->function->body, place, known);
        });
      });
    });
  }
  Range range(const typed::Tuple& tuple, const ExpressionPtr&) { return largest(tuple.elements); }
  Range range(const typed::CallPart& part, const ExpressionPtr&) { return range(part.call); }
  Range range(const typed::SolverCall& call, const ExpressionPtr& expression) {
    return without_bound(expression->span,
                         "the text does not tell how large a value of " + quoted(call.given->name) + " is");
  }
  Range range(const typed::FunctionCall& call, const ExpressionPtr& expression) {
    static const std::set<std::string, std::less<>> to_one = {"inv_logit", "Phi", "Phi_approx", "softmax",
                                                              "inv_cloglog"};
    static const std::set<std::string, std::less<>> sums = {
        "sum", "dot_product", "dot_self", "norm1", "norm2", "sd", "variance", "mean", "distance", "squared_distance"};
    static const std::set<std::string, std::less<>> picks = {
        "min", "max", "sort_asc", "sort_desc", "reverse", "quantile", "linspaced_vector", "fmin", "fmax", "fdim"};
    const bool is_library = call.function->span.source != 0;
    const std::vector<Range> parts = ranges(call.arguments);
    double most = 0;
    for (const Range& one : parts) most = std::max(most, one.most);
    const std::string& name = call.function->name;
    if (!is_library)
      return without_bound(expression->span, "the text does not tell how large a value of " + quoted(name) + " is");
    if (to_one.contains(name)) return bounded(1);
    if (is_named_constant(expression)) return bounded(4);
    if (picks.contains(name)) return made_of(most, parts);
    if (name == "square") return made_of(most * most, parts);
    if (name == "log1p_exp") return made_of(most + 1, parts);
    if (sums.contains(name)) {
      const Range count = terms(call.arguments[0]);
      if (!count.is_known()) return count;
      const bool is_square =
          name == "dot_product" || name == "dot_self" || name == "variance" || name == "squared_distance";
      const bool is_mean = name == "mean" || name == "sd" || name == "variance";
      return made_of((is_square ? most * most : most) * (is_mean ? 2 : count.most), parts);
    }
    return without_bound(expression->span, "the text does not tell how large a value of " + quoted(name) + " is");
  }

  // Between a half and four.
  static bool is_named_constant(const ExpressionPtr& expression) {
    static const std::set<std::string, std::less<>> names = {"pi", "e", "sqrt2", "log2", "log10"};
    const auto* call = std::get_if<typed::FunctionCall>(&expression->node);
    return call && call->arguments.empty() && call->function->span.source != 0 && names.contains(call->function->name);
  }

  Range range(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
    const auto& arguments = call.arguments;
    const std::vector<Range> parts = ranges(arguments);
    const auto most = [&](std::size_t i) { return parts[i].most; };
    switch (call.builtin) {
    case Builtin::negate: return {most(0), parts[0].is_constant, parts[0].why};
    case Builtin::transpose:
    case Builtin::to_vector:
    case Builtin::to_row_vector:
    case Builtin::to_array_1d:
    case Builtin::to_array_2d:
    case Builtin::to_matrix:
    case Builtin::absolute:
    case Builtin::head:
    case Builtin::tail:
    case Builtin::segment:
    case Builtin::block:
    case Builtin::row:
    case Builtin::col:
    case Builtin::diagonal:
    case Builtin::rep_vector:
    case Builtin::rep_row_vector:
    case Builtin::rep_matrix:
    case Builtin::rep_array: return parts[0];
    case Builtin::append_row:
    case Builtin::append_col:
    case Builtin::append_array:
    case Builtin::minimum:
    case Builtin::maximum: return largest(arguments);
    case Builtin::add:
    case Builtin::subtract: return made_of(most(0) + most(1), parts);
    case Builtin::multiply:
    case Builtin::elementwise_multiply: {
      const bool is_product =
          call.builtin == Builtin::multiply && !arguments[0]->type.is_scalar() && !arguments[1]->type.is_scalar();
      const Range count = is_product ? terms(arguments[1]) : constant(1);
      if (!count.is_known()) return count;
      return made_of(most(0) * most(1) * count.most, parts);
    }
    case Builtin::divide:
    case Builtin::elementwise_divide:
      if (is_named_constant(arguments[1])) return made_of(2 * most(0), parts);
      if (parts[1].is_constant && most(1) > 0) return made_of(most(0) / most(1), parts);
      return without_bound(expression->span, "the text does not tell how large this quotient is");
    case Builtin::integer_divide:
    case Builtin::modulo: return parts[0];
    case Builtin::power:
    case Builtin::elementwise_power:
      if (parts[1].is_constant && most(0) >= 1) return made_of(std::pow(most(0), most(1)), parts);
      return without_bound(expression->span, "the text does not tell how large this power is");
    case Builtin::equal:
    case Builtin::not_equal:
    case Builtin::less:
    case Builtin::less_equal:
    case Builtin::greater:
    case Builtin::greater_equal:
    case Builtin::logical_and:
    case Builtin::logical_or:
    case Builtin::logical_not:
    case Builtin::is_nan:
    case Builtin::is_inf: return bounded(1);
    case Builtin::size:
    case Builtin::rows:
    case Builtin::cols:
    case Builtin::num_elements:
    case Builtin::dims: return terms(arguments[0]);
    case Builtin::math: return math(call.math, parts, expression);
    default: return without_bound(expression->span, "the text does not tell how large this is");
    }
  }

  Range math(const std::string& name, const std::vector<Range>& parts, const ExpressionPtr& expression) {
    const double most = parts[0].most;
    if (name == "tanh" || name == "sin" || name == "cos" || name == "erf" || name == "erfc") return bounded(2);
    if (name == "atan" || name == "atan2" || name == "asin" || name == "acos") return bounded(4);
    if (name == "exp" || name == "expm1") return made_of(std::exp(most), parts);
    if (name == "exp2") return made_of(std::exp2(most), parts);
    if (name == "sqrt" || name == "cbrt") return made_of(std::max(1.0, std::sqrt(most)), parts);
    if (name == "fabs" || name == "floor" || name == "ceil" || name == "round" || name == "trunc")
      return made_of(most, parts);
    if (name == "fmin" || name == "fmax") return made_of(std::max(most, parts[1].most), parts);
    // Of numbers that a float holds.
    if (name == "log" || name == "log1p" || name == "log2" || name == "log10") return made_of(150, parts);
    return without_bound(expression->span, "the text does not tell how large a value of " + quoted(name) + " is");
  }

  // ---- draws

  // A shape below this gives values that floats hold as zero.
  void require_shape(const ExpressionPtr& shape, double least, const std::string& distribution) {
    const auto number = [&](ExpressionPtr one) -> double {
      if (const auto* promote = std::get_if<typed::Promote>(&one->node)) one = promote->operand;
      if (const auto* literal = std::get_if<typed::IntegerLiteral>(&one->node)) return double(literal->value);
      if (const auto* literal = std::get_if<typed::RealLiteral>(&one->node)) return literal->value;
      return 0;
    };
    double known = number(shape);
    if (const auto* reference = std::get_if<typed::VariableReference>(&shape->node))
      if (const ExpressionPtr& lower = program_.variables[reference->variable].lower) known = number(lower);
    if (known < least)
      need(shape->span, "a shape of " + quoted(distribution) +
                            " may be so small that its values are zero, or one, in "
                            "float");
  }

  void require_location(const Range& location, const Range& scale, Span span, const std::string& distribution) {
    const double typical = scale.is_constant ? scale.most : scale.most / range_of_scales;
    limit(scale, largest_value, span, "the scale of " + quoted(distribution) + " may be large");
    limit(location, largest_location * typical, span,
          "the location of " + quoted(distribution) + " may be large beside its scale");
  }

  // How large what is drawn is; complains where floats do not draw it well.
  Range draw(const typed::Distribution& distribution, const std::vector<ExpressionPtr>& arguments, Span span) {
    const std::string& name = distribution.name;
    const std::vector<Range> given = ranges(arguments);
    const auto most = [&](std::size_t i) { return given[i].most; };
    const auto location_scale = [&](std::size_t location, double widths) {
      require_location(given[location], given[location + 1], span, name);
      return made_of(most(location) + widths * most(location + 1), given);
    };
    const auto mean = [&](const Range& size, double largest) {
      limit(size, largest, span, "counts of " + quoted(name) + " may be large");
    };
    const auto over = [&](double numerator, std::size_t rate, const std::vector<Range>& parts) {
      if (!given[rate].is_constant || most(rate) == 0)
        return without_bound(arguments[rate]->span, "the text does not tell how small this rate is");
      return made_of(numerator / most(rate), parts);
    };
    if (name == "std_normal") return bounded(8);
    if (name == "normal") return location_scale(0, 8);
    if (name == "logistic" || name == "double_exponential") return location_scale(0, 30);
    if (name == "cauchy") return location_scale(0, 1e4);
    if (name == "student_t") {
      require_shape(arguments[0], 1, name);
      return location_scale(1, 1e4);
    }
    if (name == "lognormal") {
      require_location(given[0], given[1], span, name);
      return made_of(std::exp(most(0) + 8 * most(1)), given);
    }
    if (name == "uniform") {
      limit(largest(arguments), largest_value, span, "the bounds of " + quoted(name) + " are large");
      return largest(arguments);
    }
    if (name == "exponential") return over(30, 0, given);
    if (name == "gamma") {
      require_shape(arguments[0], 0.3, name);
      return over(most(0) + 8 * std::sqrt(most(0)) + 40, 1, given);
    }
    if (name == "chi_square") {
      require_shape(arguments[0], 1, name);
      return made_of(most(0) + 8 * std::sqrt(most(0)) + 40, given);
    }
    if (name == "weibull") {
      require_shape(arguments[0], 1, name);
      return made_of(30 * most(1), given);
    }
    if (name == "beta") {
      require_shape(arguments[0], 1, name);
      require_shape(arguments[1], 1, name);
      return bounded(1);
    }
    if (name == "bernoulli") return bounded(1);
    if (name == "bernoulli_logit") {
      limit(given[0], largest_location, span, "the argument of " + quoted(name) + " may be large");
      return bounded(1);
    }
    if (name == "categorical" || name == "categorical_logit") {
      const Range count = terms(arguments[0]);
      limit(count, longest_sum, span, quoted(name) + " may have many categories");
      return count;
    }
    if (name == "poisson") mean(given[0], largest_mean);
    else if (name == "poisson_log") mean(given[0], std::log(largest_mean));
    else if (name == "neg_binomial_2") {
      require_shape(arguments[1], 0.3, name);
      mean(given[0], largest_mean / 10);
    } else if (name == "binomial" || name == "binomial_logit" || name == "beta_binomial") {
      mean(given[0], largest_mean);
      if (name == "binomial_logit")
        limit(given[1], largest_location, span, "the argument of " + quoted(name) + " may be large");
      if (name == "beta_binomial") require_shape(arguments[1], 1, name), require_shape(arguments[2], 1, name);
      return given[0];
    } else if (name == "discrete_range") {
      mean(largest(arguments), 1e4);
      return largest(arguments);
    } else {
      return without_bound(span, "the text does not tell how large a value of " + quoted(name) + " is");
    }
    return bounded(100 * largest_mean);
  }

  // ---- statements

  void see(const StatementPtr& tree) {
    if (tree) std::visit([&](const auto& node) { see(node, tree->span); }, tree->node);
  }
  void see(const typed::Sequence& sequence, Span) {
    const auto ordered = generative::simulation_order(sequence.statements, program_, reading_);
    for (const StatementPtr& one : ordered ? *ordered : sequence.statements) see(one);
  }
  void see(const typed::Declaration& declaration, Span) {
    if (declaration.initializer) learn(declaration.variable, range(declaration.initializer));
    if (generative::has_late_bound(program_, declaration.variable)) {
      const typed::Variable& bounded = program_.variables[declaration.variable];
      need(bounded.span, "what is left between " + quoted(bounded.name) + " and the data is small beside both");
    }
    const auto& flat = reading_.flat;
    if (std::find(flat.begin(), flat.end(), declaration.variable) == flat.end()) return;
    const typed::Variable& variable = program_.variables[declaration.variable];
    if (variable.transform->is_type()) return;
    const Range bounds = largest({variable.lower, variable.upper});
    limit(bounds, largest_value, variable.span, "the bounds of " + quoted(variable.name) + " are large");
    learn(declaration.variable, bounds);
  }
  void see(const typed::Assignment& assignment, Span span) {
    const Range value = range(assignment.value);
    const typed::Variable& variable = program_.variables[assignment.variable];
    const bool is_data = !variable.is_local && variable.block == typed::Block::data;
    if (assignment.gives_draw && !variable.type.is_integer_valued())
      need(span, "the density compares " + quoted(variable.name) + " with this value, to more digits");
    if (is_data && !variable.type.is_integer_valued())
      limit(value, largest_value, span, quoted(variable.name) + " may be large");
    learn(assignment.variable, value);
  }
  void see(const typed::Tilde& tilde, Span span) {
    if (tilde.distribution->draws_container())
      return need(span, "matrices are decomposed to draw from " + quoted(tilde.distribution->name));
    const Range drawn = draw(*tilde.distribution, tilde.arguments, span);
    if (const auto id = drawn_variable(tilde.left)) learn(*id, drawn);
  }
  void see(const typed::TargetIncrement& increment, Span span) {
    if (const auto tilde = as_tilde(increment)) see(*tilde, span);
  }
  void see(const typed::If& branch, Span) {
    see(branch.then_body);
    see(branch.else_body);
  }
  void see(const typed::For& loop, Span) {
    learn(loop.variable, range(loop.last));
    find_carried(loop.body, loop.variable);
    see(loop.body);
  }
  void see(const typed::ForEach& loop, Span) {
    learn(loop.variable, range(loop.container));
    find_carried(loop.body, loop.variable);
    see(loop.body);
  }
  void see(const typed::While&, Span span) { need(span, "a `while` loop may take any number of steps"); }
  template <typename Other>
  void see(const Other&, Span) {}

  // What is declared outside of a loop, gets values in it and is looked at in it, elsewhere than at the loop's own
  // position, is a state: rounding adds up from step to step.
  void find_carried(const StatementPtr& body, VariableId position) {
    std::set<VariableId> inside;
    std::map<VariableId, Span> given;
    for_each_statement(body, [&](const StatementPtr& one) {
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) inside.insert(declaration->variable);
      if (const auto* assignment = std::get_if<typed::Assignment>(&one->node))
        given.try_emplace(assignment->variable, one->span);
      if (const auto* tilde = std::get_if<typed::Tilde>(&one->node))
        if (const auto id = drawn_variable(tilde->left)) given.try_emplace(*id, one->span);
    });
    const auto is_position = [&](const typed::IndexItem& item) {
      const auto* reference = item.first ? std::get_if<typed::VariableReference>(&item.first->node) : nullptr;
      return item.kind == typed::IndexItem::Kind::single && reference && reference->variable == position;
    };
    for_each_statement(body, [&](const StatementPtr& one) {
      const auto* tilde = std::get_if<typed::Tilde>(&one->node);
      for_each_operand(one, [&](const ExpressionPtr& operand) {
        if (tilde && operand == tilde->left) return;
        std::set<const typed::Expression*> own; // bases of elements at the loop's own position
        for_each_expression(operand, [&](const ExpressionPtr& part) {
          if (const auto* index = std::get_if<typed::Index>(&part->node))
            if (std::any_of(index->items.begin(), index->items.end(), is_position)) own.insert(index->base.get());
          const auto* reference = std::get_if<typed::VariableReference>(&part->node);
          if (!reference || own.contains(part.get()) || inside.contains(reference->variable)) return;
          const typed::Variable& variable = program_.variables[reference->variable];
          const auto found = given.find(reference->variable);
          if (found != given.end() && !variable.type.is_integer_valued() && !begins_anew(body, found->first, program_))
            need(found->second, "a loop carries " + quoted(variable.name) + " along");
        });
      });
    });
  }

  const typed::Program& program_;
  const generative::Reading& reading_;
  std::map<VariableId, Range> ranges_;
  std::optional<Reason> need_;
};

} // namespace

std::optional<Reason> find_need_of_double(const typed::Program& program, const generative::Reading& reading) {
  return Estimator(program, reading).run();
}

} // namespace sibyl
