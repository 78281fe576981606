#include "compiler/generative/residuals.hpp"

#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sibyl::generative {

namespace {

ExpressionPtr arithmetic(Builtin what, const ExpressionPtr& a, const ExpressionPtr& b) {
  return builtin(what, {a, b}, real, a->span);
}

class ResidualRewriter {
 public:
  explicit ResidualRewriter(typed::Program& program) : program_(program) {}

  void run() {
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

  // A real datum, or elements of one.
  bool is_datum(const ExpressionPtr& expression) const {
    const auto id = drawn_variable(expression);
    if (!id || drawn_place(expression) != expression) return false;
    const typed::Variable& variable = program_.variables[*id];
    return variable.block == typed::Block::data && !variable.is_local && variable.type.base != Base::integer;
  }
  // The operand that `left` is solved for: the first that holds a datum as a term.
  bool holds_datum(const ExpressionPtr& expression) const {
    if (is_datum(expression)) return true;
    const auto* sum = std::get_if<typed::BuiltinCall>(&expression->node);
    return sum &&
           (sum->builtin == Builtin::add || sum->builtin == Builtin::subtract || sum->builtin == Builtin::negate) &&
           std::any_of(sum->arguments.begin(), sum->arguments.end(),
                       [&](const ExpressionPtr& one) { return holds_datum(one); });
  }

  struct Given {
    ExpressionPtr datum, value;
  };
  // The datum in `left` and what it is where left = `value`; all scalars. Nothing where other terms hold the datum,
  // too.
  std::optional<Given> solved(const ExpressionPtr& left, const ExpressionPtr& value) const {
    if (is_datum(left)) return keeps_apart(left, value) ? std::optional(Given{left, value}) : std::nullopt;
    const auto* sum = std::get_if<typed::BuiltinCall>(&left->node);
    if (!sum || !holds_datum(left)) return std::nullopt;
    if (sum->builtin == Builtin::negate)
      return solved(sum->arguments[0], builtin(Builtin::negate, {value}, real, left->span));
    const ExpressionPtr &a = sum->arguments[0], &b = sum->arguments[1];
    const bool subtracts = sum->builtin == Builtin::subtract;
    if (holds_datum(a)) return solved(a, arithmetic(subtracts ? Builtin::add : Builtin::subtract, value, b));
    return solved(b, subtracts ? arithmetic(Builtin::subtract, a, value) : arithmetic(Builtin::subtract, value, a));
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
    for (const ExpressionPtr& argument : draw.arguments) {
      call.arguments.push_back(row ? element_of(argument, row) : argument);
      if (!call.arguments.back()->type.is_scalar()) return nullptr;
    }
    return make_expression(std::move(call), real, draw.left->span);
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
    for (const ExpressionPtr& one : std::get<typed::BuiltinCall>(expression->node).arguments)
      if (holds_datum(one)) return datum_in(one);
    return nullptr;
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
      // A residual without a name.
      if (!drawn_variable(draw->left) && !draw->truncation && !draw->distribution->draws_container() &&
          draw->distribution->sample && holds_datum(draw->left)) {
        const auto made =
            draw->left->type.is_scalar() ? given(draw->left, *draw, nullptr) : given_each(draw->left, *draw);
        if (made) {
          mark(statement, *drawn_variable(datum_in(draw->left)));
          program_.simulation.residuals.emplace(statement.get(),
                                                typed::Simulation::Residual{*draw, datum_in(draw->left)});
          return result.push_back(*made);
        }
      }
    } else if (const auto assigned = assignment_in(statement); assigned && is_drawn(assigned->variable)) {
      const Draw& draw = draws_.at(assigned->variable);
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
  std::map<VariableId, Draw> draws_;
  std::map<VariableId, VariableId> datums_;
  std::map<VariableId, std::vector<ExpressionPtr>> places_;
  std::set<VariableId> refused_;
};

} // namespace

void read_residuals(typed::Program& program) { ResidualRewriter(program).run(); }

} // namespace sibyl::generative
