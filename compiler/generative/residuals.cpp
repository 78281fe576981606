#include "compiler/generative/residuals.hpp"

#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/log_terms.hpp"
#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sibyl::generative {

namespace {

ExpressionPtr arithmetic(Builtin what, const ExpressionPtr& a, const ExpressionPtr& b) {
  const bool is_integer = a->type.base == Base::integer && b->type.base == Base::integer;
  return is_integer ? builtin(what, {a, b}, integer, a->span)
                    : builtin(what, {as_real(a), as_real(b)}, real, a->span);
}

// The operand of a call of one of these functions, and the one that undoes it.
struct Undone {
  ExpressionPtr operand;
  std::string by;
};
std::optional<Undone> undone(const ExpressionPtr& expression) {
  static const std::map<std::string, std::string> inverses = {{"log", "exp"},          {"exp", "log"},
                                                              {"sqrt", "square"},      {"logit", "inv_logit"},
                                                              {"inv_logit", "logit"},  {"log1p", "expm1"},
                                                              {"inv_Phi", "Phi"},      {"Phi", "inv_Phi"}};
  std::string name;
  const std::vector<ExpressionPtr>* arguments = nullptr;
  if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node); call && call->builtin == Builtin::math) {
    name = call->math;
    arguments = &call->arguments;
  } else if (const auto* function = std::get_if<typed::FunctionCall>(&expression->node)) {
    if (as_library_call(expression, function->function->name.c_str())) name = function->function->name;
    arguments = &function->arguments;
  }
  const auto found = inverses.find(name);
  if (found == inverses.end() || arguments->size() != 1) return std::nullopt;
  return Undone{arguments->front(), found->second};
}

ExpressionPtr applied(const std::string& function, const ExpressionPtr& argument) {
  if (function != "exp" && function != "log" && function != "expm1")
    return library_call(function.c_str(), {argument}, argument->span);
  return make_expression(typed::BuiltinCall{Builtin::math, {argument}, function}, real, argument->span);
}

// A number that the text states; nothing for any other.
std::optional<double> stated(const ExpressionPtr& expression) {
  const ExpressionPtr bare = without_promotion(expression);
  if (const auto number = literal_number(bare)) return number;
  const auto* call = std::get_if<typed::BuiltinCall>(&bare->node);
  if (!call || call->arguments.empty()) return std::nullopt;
  const auto a = stated(call->arguments[0]);
  if (call->builtin == Builtin::negate && a) return -*a;
  const auto b = call->arguments.size() == 2 ? stated(call->arguments[1]) : std::nullopt;
  if (!a || !b) return std::nullopt;
  switch (call->builtin) {
  case Builtin::add: return *a + *b;
  case Builtin::subtract: return *a - *b;
  case Builtin::multiply: return *a * *b;
  case Builtin::divide: return *a / *b;
  default: return std::nullopt;
  }
}

// The number that a bound of a support is, for all parameters.
std::optional<double> stated(const std::shared_ptr<const typed::Function>& bound) {
  if (!bound || !bound->body) return std::nullopt;
  std::optional<double> number;
  for_each_statement(bound->body, [&](const StatementPtr& one) {
    if (const auto* result = std::get_if<typed::Return>(&one->node)) number = stated(result->value);
  });
  return number;
}

class ResidualRewriter {
 public:
  explicit ResidualRewriter(typed::Program& program) : program_(program) {}

  void run() {
    for (const StatementPtr& one : program_.simulation.model)
      for (const VariableId id : accesses_of(one, program_).drawn) drawn_.insert(id);
    for (const Statements* block : {&program_.simulation.transformed_parameters, &program_.simulation.model})
      for (const StatementPtr& one : *block) find_draws(one, true);
    for (Statements* block : {&program_.simulation.transformed_parameters, &program_.simulation.model}) {
      Statements result;
      for (const StatementPtr& one : *block) append(result, one);
      *block = std::move(result);
    }
  }

 private:
  using Draw = typed::Tilde;

  static std::optional<Draw> draw_in(const StatementPtr& statement) {
    if (const auto* tilde = std::get_if<typed::Tilde>(&statement->node)) return *tilde;
    const auto* increment = std::get_if<typed::TargetIncrement>(&statement->node);
    if (!increment || increment->is_jacobian) return std::nullopt;
    if (const auto found = as_tilde(*increment)) return found;
    const auto* call = std::get_if<typed::DistributionCall>(&increment->value->node);
    if (!call || call->function != typed::DistributionFunction::log_density) return std::nullopt;
    return Draw{call->arguments.front(), call->distribution, {call->arguments.begin() + 1, call->arguments.end()}, {}};
  }

  // ---- residuals with a name: which, and how they are drawn

  // A local of the model or a transformed parameter, which some statement assigns.
  bool is_computed(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    if (variable.is_loop_variable || variable.type.base == Base::integer) return false;
    return variable.block == typed::Block::transformed_parameters ||
           (variable.is_local && variable.block == typed::Block::model);
  }

  void find_draws(const StatementPtr& tree, bool is_outermost) {
    if (!tree) return;
    if (const auto draw = draw_in(tree)) {
      const auto* whole = std::get_if<typed::VariableReference>(&draw->left->node);
      if (!whole || !is_computed(whole->variable)) return;
      // A container's draws must be those of all of its elements.
      const bool is_scalar = draw->left->type.is_scalar();
      if (!is_scalar && !is_outermost) return;
      if (draw->truncation || draw->distribution->draws_container() || !draw->distribution->sample) return;
      if (draw->left->type.rank() > 1 || draws_.contains(whole->variable)) {
        refused_.insert(whole->variable);
        return;
      }
      if (are_all_residuals(whole->variable)) draws_.emplace(whole->variable, *draw);
      return;
    }
    std::visit(
        [&](const auto& node) {
          if constexpr (requires { node.statements; })
            for (const StatementPtr& one : node.statements) find_draws(one, is_outermost);
          else if constexpr (requires { node.body; }) find_draws(node.body, false);
          else if constexpr (requires { node.then_body; }) {
            find_draws(node.then_body, false);
            find_draws(node.else_body, false);
          }
        },
        tree->node);
  }

  // Whether every statement that assigns it, or a part of it, computes a residual.
  bool are_all_residuals(VariableId id) {
    int count = 0;
    bool are_all = true;
    for (const Statements* block : {&program_.simulation.transformed_parameters, &program_.simulation.model})
      for (const StatementPtr& top : *block)
        for_each_statement(top, [&](const StatementPtr& one) {
          const auto assigned = assignment_in(one);
          if (!assigned || assigned->variable != id) return;
          ++count;
          const auto given = assigned->indices.size() < 2 ? given_by(*assigned) : std::nullopt;
          are_all =
              are_all && given &&
              datums_.try_emplace(id, *drawn_variable(given->datum)).first->second == *drawn_variable(given->datum);
          if (are_all) places_[id].push_back(place_in(*assigned));
        });
    return count > 0 && are_all;
  }

  static std::optional<typed::Assignment> assignment_in(const StatementPtr& statement) {
    if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node)) return *assignment;
    const auto* declaration = std::get_if<typed::Declaration>(&statement->node);
    if (!declaration || !declaration->initializer) return std::nullopt;
    return typed::Assignment{declaration->variable, {}, declaration->initializer};
  }

  // ---- what gives the datum

  // A datum, or elements of one; where the left side has none, a parameter that nothing else draws.
  bool is_datum(const ExpressionPtr& expression) const {
    const auto id = drawn_variable(expression);
    if (!id || drawn_place(expression) != expression) return false;
    const typed::Variable& variable = program_.variables[*id];
    if (variable.is_local) return false;
    if (is_of_parameters_)
      return variable.block == typed::Block::parameters && !variable.transform->is_type() && !drawn_.contains(*id);
    return variable.block == typed::Block::data && (variable.type.base == Base::integer) == is_of_counts_;
  }
  // Finds out what the left side of a draw is to be solved for; false where there is nothing.
  bool look_for_datum(const ExpressionPtr& left, const typed::Distribution& distribution) {
    is_of_counts_ = distribution.support.is_discrete;
    is_of_parameters_ = false;
    if (holds_datum(left)) return true;
    is_of_parameters_ = !is_of_counts_;
    return is_of_parameters_ && holds_datum(left);
  }
  // The first operand that holds a datum.
  ExpressionPtr holder_in(const ExpressionPtr& expression) const {
    if (const auto function = undone(expression))
      return !is_of_parameters_ && holds_datum(function->operand) ? function->operand : nullptr;
    const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
    if (!call) return nullptr;
    switch (call->builtin) {
    case Builtin::add:
    case Builtin::subtract:
    case Builtin::negate:
    case Builtin::transpose: break;
    case Builtin::multiply:
    case Builtin::divide: {
      // By a number that is not random: others would have a density of their own.
      if (is_of_counts_) return nullptr;
      const ExpressionPtr &a = call->arguments[0], &b = call->arguments[1];
      if (holds_datum(a)) return is_fixed(b) ? a : nullptr;
      return call->builtin == Builtin::multiply && is_fixed(a) && holds_datum(b) ? b : nullptr;
    }
    default: return nullptr;
    }
    for (const ExpressionPtr& one : call->arguments)
      if (holds_datum(one)) return one;
    return nullptr;
  }
  bool holds_datum(const ExpressionPtr& expression) const {
    return is_datum(expression) || holder_in(expression) != nullptr;
  }
  // A scalar that the design decides, or the text.
  bool is_fixed(const ExpressionPtr& factor) const {
    std::set<VariableId> reads;
    add_reads(factor, reads);
    return factor->type.is_scalar() && std::all_of(reads.begin(), reads.end(), [&](VariableId id) {
             const typed::Variable& variable = program_.variables[id];
             return variable.block == typed::Block::data && !variable.is_local && !drawn_.contains(id);
           });
  }

  struct Given {
    ExpressionPtr datum, value;
  };
  // The datum in `left` and what it is where left = `value`; all scalars. Nothing where other terms hold the datum,
  // too.
  std::optional<Given> solved(const ExpressionPtr& left, const ExpressionPtr& value) const {
    if (is_datum(left)) return keeps_apart(left, value) ? std::optional(Given{left, value}) : std::nullopt;
    const ExpressionPtr holder = holder_in(left);
    if (!holder) return std::nullopt;
    if (const auto function = undone(left)) return solved(holder, applied(function->by, as_real(value)));
    const auto& call = std::get<typed::BuiltinCall>(left->node);
    if (call.builtin == Builtin::negate)
      return solved(holder, builtin(Builtin::negate, {value}, value->type, left->span));
    if (call.arguments.size() != 2) return std::nullopt;
    const ExpressionPtr &a = call.arguments[0], &b = call.arguments[1];
    const bool is_first = holder == a;
    switch (call.builtin) {
    case Builtin::add: return solved(holder, arithmetic(Builtin::subtract, value, is_first ? b : a));
    case Builtin::subtract:
      return solved(holder, is_first ? arithmetic(Builtin::add, value, b) : arithmetic(Builtin::subtract, a, value));
    case Builtin::multiply: return solved(holder, arithmetic(Builtin::divide, as_real(value), is_first ? b : a));
    case Builtin::divide: return solved(holder, arithmetic(Builtin::multiply, as_real(value), b));
    default: return std::nullopt;
    }
  }

  // Whether all that the distribution draws lies within the bounds of the parameter that is solved for.
  bool keeps_bounds(const ExpressionPtr& left, const typed::Distribution& distribution) const {
    if (!is_of_parameters_) return true;
    const ExpressionPtr place = datum_in(left);
    const typed::Variable& variable = program_.variables[*drawn_variable(place)];
    if (!variable.lower && !variable.upper) return true;
    const auto at = [&](const ExpressionPtr& bound) -> std::optional<double> {
      return !bound ? std::nullopt : stated(typed::rewritten(left, [&](const ExpressionPtr& one) -> ExpressionPtr {
        return are_same(one, place) ? bound : nullptr;
      }));
    };
    const auto from = stated(distribution.support.lower), to = stated(distribution.support.upper);
    // Which way it goes, of a form that is linear.
    const auto zero = at(real_number(0, left->span)), one = at(real_number(1, left->span));
    if (!zero || !one || *zero == *one) return false;
    const bool rises = *one > *zero;
    const ExpressionPtr& below = rises ? variable.lower : variable.upper;
    const ExpressionPtr& above = rises ? variable.upper : variable.lower;
    return (!below || (from && at(below) && *at(below) <= *from)) && (!above || (to && at(above) && *at(above) >= *to));
  }

  // Whether the value is surely made of other elements than the datum: those at a constant distance before it.
  bool keeps_apart(const ExpressionPtr& datum, const ExpressionPtr& value) const {
    const VariableId id = *drawn_variable(datum);
    const auto* place = std::get_if<typed::Index>(&datum->node);
    bool is_apart = true;
    const typed::RewriteExpression visit = [&](const ExpressionPtr& one) -> ExpressionPtr {
      if (const auto* found = std::get_if<typed::VariableReference>(&one->node); found && found->variable == id)
        is_apart = false;
      const auto* index = std::get_if<typed::Index>(&one->node);
      const auto* base = index ? std::get_if<typed::VariableReference>(&index->base->node) : nullptr;
      if (!base || base->variable != id) return nullptr;
      is_apart = is_apart && place && index->items.front().kind == IndexItem::Kind::single &&
                 place->items.front().kind == IndexItem::Kind::single &&
                 is_before(index->items.front().first, place->items.front().first);
      return one;
    };
    typed::rewritten(value, visit);
    return is_apart;
  }
  static bool is_before(const ExpressionPtr& index, const ExpressionPtr& place) {
    const auto split = [](const ExpressionPtr& one) -> std::pair<ExpressionPtr, std::int64_t> {
      if (const auto* number = std::get_if<typed::IntegerLiteral>(&one->node)) return {nullptr, number->value};
      const auto* sum = std::get_if<typed::BuiltinCall>(&one->node);
      const bool adds = sum && sum->builtin == Builtin::add, subtracts = sum && sum->builtin == Builtin::subtract;
      const auto* by = adds || subtracts ? std::get_if<typed::IntegerLiteral>(&sum->arguments[1]->node) : nullptr;
      return by ? std::pair(sum->arguments[0], adds ? by->value : -by->value) : std::pair(one, std::int64_t{0});
    };
    const auto [a, a_shift] = split(index);
    const auto [b, b_shift] = split(place);
    return are_same(a, b) && a_shift < b_shift;
  }

  static ExpressionPtr draw_of(const Draw& draw, const ExpressionPtr& row) {
    typed::DistributionCall call{draw.distribution, typed::DistributionFunction::draw, {}, false};
    for (std::size_t i = 0; i < draw.arguments.size(); ++i) {
      const int rank = draw.distribution->parameters[i].rank();
      const ExpressionPtr& argument = draw.arguments[i];
      call.arguments.push_back(row && argument->type.rank() > rank ? element_of(argument, row) : argument);
      if (call.arguments.back()->type.rank() != rank) return nullptr;
    }
    return make_expression(std::move(call), draw.distribution->support.is_discrete ? integer : real, draw.left->span);
  }

  // What gives the datum of a residual, where `value` is drawn; `row`: its place in a container of them, null of a
  // scalar.
  std::optional<StatementPtr> given(const ExpressionPtr& residual, const Draw& draw, const ExpressionPtr& row) const {
    const ExpressionPtr value = draw_of(draw, row);
    const auto found = value && residual->type.is_scalar() ? solved(residual, value) : std::nullopt;
    if (!found) return std::nullopt;
    return given_draw(found->datum, found->value, residual->span);
  }

  // The same for each element of a container, in a loop; `size`: how many.
  std::optional<StatementPtr> given_each(const ExpressionPtr& residuals, const Draw& draw) {
    const Span span = residuals->span;
    const ExpressionPtr row = reference(next_variable(), integer, span);
    auto one = given(element_of(residuals, row), draw, row);
    if (!one) return std::nullopt;
    typed::Variable variable;
    variable.name = "n";
    variable.type = integer;
    variable.is_local = variable.is_loop_variable = true;
    variable.span = span;
    program_.variables.push_back(std::move(variable));
    const ExpressionPtr last = builtin(Builtin::num_elements, {datum_in(residuals)}, integer, span);
    return make_statement(typed::For{next_variable() - 1, whole_number(1, span), last, std::move(*one)}, span);
  }
  VariableId next_variable() const { return static_cast<VariableId>(program_.variables.size()); }

  ExpressionPtr datum_in(const ExpressionPtr& expression) const {
    if (is_datum(expression)) return expression;
    const ExpressionPtr holder = holder_in(expression);
    return holder ? datum_in(holder) : nullptr;
  }

  // What stands in a list of numbers; null where it is no list.
  static const std::vector<ExpressionPtr>* list_in(const ExpressionPtr& left) {
    const auto* call = std::get_if<typed::BuiltinCall>(&left->node);
    if (call && call->builtin == Builtin::transpose) return list_in(call->arguments[0]);
    const auto* row = std::get_if<typed::RowVectorLiteral>(&left->node);
    return row && left->type.rank() == 1 ? &row->elements : nullptr;
  }
  // `[a[j], b[j]]' ~ multi_normal(mu, Sigma);`: a vector is drawn, and then shared out. All are data, or parameters
  // that are free and that nothing else draws.
  std::optional<StatementPtr> given_together(const Draw& draw) {
    const std::vector<ExpressionPtr>* list = list_in(draw.left);
    if (!list || draw.truncation || !draw.distribution->sample || draw.distribution->outcome != draw.left->type ||
        !draw.distribution->outcome_transform || draw.distribution->outcome_transform->name != "identity")
      return std::nullopt;
    is_of_counts_ = false;
    is_of_parameters_ = !std::all_of(list->begin(), list->end(), [&](const ExpressionPtr& one) {
      is_of_parameters_ = false;
      return is_datum(one);
    });
    std::set<VariableId> places;
    for (const ExpressionPtr& one : *list)
      if (!is_datum(one) || !places.insert(*drawn_variable(one)).second ||
          (is_of_parameters_ && program_.variables[*drawn_variable(one)].transform->name != "identity"))
        return std::nullopt;
    for (const ExpressionPtr& argument : draw.arguments)
      for (const VariableId id : places)
        if (count_looks(argument, id) > 0) return std::nullopt;
    const Span span = draw.left->span;
    typed::Variable together = unconstrained_local(program_.variables[*places.begin()]);
    together.name = "together";
    together.type = draw.left->type;
    together.sizes = {whole_number(static_cast<std::int64_t>(list->size()), span)};
    program_.variables.push_back(std::move(together));
    const VariableId id = next_variable() - 1;
    const ExpressionPtr drawn = reference(id, draw.left->type, span);
    Statements made = {make_statement(typed::Declaration{id, nullptr}, span),
                       make_statement(typed::Tilde{drawn, draw.distribution, draw.arguments, {}}, span)};
    for (std::size_t i = 0; i < list->size(); ++i)
      made.push_back(given_draw(
          (*list)[i], element_of(drawn, whole_number(static_cast<std::int64_t>(i) + 1, span)), span));
    return in_sequence(std::move(made), span);
  }

  // Whether the assignment can be turned around, whatever draws it.
  std::optional<Given> given_by(const typed::Assignment& assignment) const {
    const ExpressionPtr placeholder = real_number(0, assignment.value->span);
    ExpressionPtr value = assignment.value;
    if (!value->type.is_scalar()) value = element_of(value, reference(next_variable(), integer, value->span));
    return value->type.is_scalar() ? solved(value, placeholder) : std::nullopt;
  }

  // ---- the statements with what is made of them

  bool is_drawn(VariableId residual) const { return draws_.contains(residual) && !refused_.contains(residual); }

  void append(Statements& result, const StatementPtr& statement) {
    if (const auto draw = draw_in(statement)) {
      const auto* whole = std::get_if<typed::VariableReference>(&draw->left->node);
      if (whole && is_drawn(whole->variable)) {
        if (const ExpressionPtr datum = place_of(whole->variable))
          program_.simulation.residuals.emplace(statement.get(), typed::Simulation::Residual{*draw, datum});
        return mark(statement, datum_of(whole->variable));
      }
      if (const auto made = given_together(*draw)) {
        mark(statement, *drawn_variable(list_in(draw->left)->front()));
        return result.push_back(*made);
      }
      // A residual without a name.
      if (!drawn_variable(draw->left) && !draw->truncation && !draw->distribution->draws_container() &&
          draw->distribution->sample && look_for_datum(draw->left, *draw->distribution) &&
          keeps_bounds(draw->left, *draw->distribution)) {
        const auto made =
            draw->left->type.is_scalar() ? given(draw->left, *draw, nullptr) : given_each(draw->left, *draw);
        if (made) {
          mark(statement, *drawn_variable(datum_in(draw->left)));
          if (!is_of_parameters_)
            program_.simulation.residuals.emplace(statement.get(),
                                                  typed::Simulation::Residual{*draw, datum_in(draw->left)});
          return result.push_back(*made);
        }
      }
    } else if (const auto assigned = assignment_in(statement); assigned && is_drawn(assigned->variable)) {
      const Draw& draw = draws_.at(assigned->variable);
      is_of_parameters_ = is_of_counts_ = false;
      if (!assigned->value->type.is_scalar()) {
        if (const auto made = given_each(assigned->value, draw)) result.push_back(*made);
      } else {
        const ExpressionPtr row = assigned->indices.empty() ? nullptr : assigned->indices.front().first;
        if (const auto made = given(assigned->value, draw, row)) result.push_back(*made);
      }
    }
    result.push_back(within(statement));
  }

  // The datum that belongs to an assigned residual, element by element. Null where elements belong to others of the
  // datum.
  ExpressionPtr place_in(const typed::Assignment& assigned) const {
    const ExpressionPtr datum = datum_in(assigned.value);
    if (!assigned.value->type.is_scalar() || program_.variables[assigned.variable].type.is_scalar()) return datum;
    const auto* at = std::get_if<typed::Index>(&datum->node);
    const bool is_same =
        at && at->items.size() == 1 && assigned.indices.size() == 1 && at->items[0].kind == IndexItem::Kind::single &&
        assigned.indices[0].kind == IndexItem::Kind::single && are_same(at->items[0].first, assigned.indices[0].first);
    return is_same ? at->base : nullptr;
  }
  // Null where not all of its assignments have the same.
  ExpressionPtr place_of(VariableId residual) const {
    const std::vector<ExpressionPtr>& places = places_.at(residual);
    const bool are_same = std::all_of(places.begin(), places.end(), [&](const ExpressionPtr& one) {
      return one && places.front() && typed::are_same(one, places.front());
    });
    return are_same ? places.front() : nullptr;
  }

  // A statement with what is nested in it; itself where nothing changes.
  StatementPtr within(const StatementPtr& statement) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&statement->node)) {
      Statements list;
      for (const StatementPtr& one : sequence->statements) append(list, one);
      return list == sequence->statements ? statement
                                          : make_statement(typed::Sequence{std::move(list)}, statement->span);
    }
    bool changes = false;
    const StatementPtr other = typed::rewritten(statement, [&](const StatementPtr& nested) -> StatementPtr {
      if (nested == statement) return nullptr;
      Statements list;
      append(list, nested);
      changes = changes || list.size() != 1 || list.front() != nested;
      return list.size() == 1 ? list.front() : make_statement(typed::Sequence{std::move(list)}, nested->span);
    });
    return changes ? other : statement;
  }

  // In the density it is the datum's.
  void mark(const StatementPtr& statement, VariableId datum) {
    program_.simulation.marginalized.emplace(statement.get(), datum);
  }
  VariableId datum_of(VariableId residual) const { return datums_.at(residual); }

  typed::Program& program_;
  std::set<VariableId> drawn_; // by statements that name what they draw
  bool is_of_parameters_ = false, is_of_counts_ = false; // what left sides are solved for
  std::map<VariableId, Draw> draws_;
  std::map<VariableId, VariableId> datums_;
  std::map<VariableId, std::vector<ExpressionPtr>> places_;
  std::set<VariableId> refused_;
};

} // namespace

void read_residuals(typed::Program& program) { ResidualRewriter(program).run(); }

} // namespace sibyl::generative
