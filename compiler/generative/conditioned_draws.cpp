#include "compiler/generative/conditioned_draws.hpp"

#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <set>

namespace sibyl::generative {

namespace {

using Kind = IndexItem::Kind;

// Fewer than one in a hundred are in order where so many are not.
constexpr std::int64_t most_attempts = 1000;

class ConditionedDraws {
 public:
  explicit ConditionedDraws(typed::Program& program) : program_(program) {}

  void run() {
    find_random();
    const auto count = static_cast<VariableId>(program_.variables.size());
    for (VariableId id = 0; id < count; ++id) {
      const typed::Variable& variable = program_.variables[id];
      if (variable.is_local || variable.block != typed::Block::parameters || variable.type != Type{Base::vector, 0})
        continue;
      if (variable.transform->name == "ordered" || variable.transform->name == "positive_ordered") draw_in_order(id);
    }
  }

 private:
  // What the model draws, and what the transformed data compute from it.
  void find_random() {
    for (const StatementPtr& one : program_.simulation.model) {
      const Accesses accesses = accesses_of(one, program_);
      random_.insert(accesses.drawn.begin(), accesses.drawn.end());
    }
    for (std::size_t before = 0; before != random_.size();) {
      before = random_.size();
      for (const StatementPtr& one : program_.transformed_data) {
        const Accesses accesses = accesses_of(one, program_);
        if (meets(accesses.reads, random_)) random_.insert(accesses.assigned.begin(), accesses.assigned.end());
      }
    }
  }

  bool draws(const StatementPtr& one, VariableId id) const {
    const auto draw = as_draw(one);
    return draw && drawn_variable(draw->left) == id;
  }

  // Whether the statement is nothing but draws of the parameter from distributions that depend on nothing random.
  bool is_draws_alone(const StatementPtr& tree, VariableId id, const std::set<VariableId>& positions) const {
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node))
      return std::all_of(sequence->statements.begin(), sequence->statements.end(),
                         [&](const StatementPtr& one) { return is_draws_alone(one, id, positions); });
    const auto is_known = [&](const ExpressionPtr& expression) {
      std::set<VariableId> reads;
      add_reads(expression, reads);
      return std::all_of(reads.begin(), reads.end(), [&](VariableId read) {
        const typed::Variable& variable = program_.variables[read];
        const bool is_given = variable.block == typed::Block::data || variable.block == typed::Block::transformed_data;
        return positions.contains(read) || (!variable.is_local && is_given && !random_.contains(read));
      });
    };
    if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
      std::set<VariableId> within = positions;
      within.insert(loop->variable);
      return is_known(loop->first) && is_known(loop->last) && is_draws_alone(loop->body, id, within);
    }
    if (!draws(tree, id)) return false;
    const typed::Tilde draw = *as_draw(tree);
    const auto* index = std::get_if<typed::Index>(&drawn_place(draw.left)->node);
    if (draw.truncation || draw.distribution->draws_container() || !draw.distribution->sample) return false;
    if (draw.distribution->support.is_discrete || (index && !is_known(index->items.front().first))) return false;
    return std::all_of(draw.arguments.begin(), draw.arguments.end(), is_known);
  }

  // How many elements have a draw; null where each has one, nothing where that is not known.
  std::optional<ExpressionPtr> drawn_count(const Statements& trees) const {
    if (trees.size() == 1) {
      const auto* loop = std::get_if<typed::For>(&trees.front()->node);
      const StatementPtr& inner = typed::without_braces(loop ? loop->body : trees.front());
      const auto draw = as_draw(inner);
      if (!draw) return std::nullopt;
      const std::vector<IndexItem> items = items_of(drawn_place(draw->left));
      if (!loop && items.empty()) return ExpressionPtr();
      if (loop && items.size() == 1 && items[0].kind == Kind::single &&
          typed::variable_of(items[0].first) == loop->variable && typed::literal_number(loop->first) == 1.0)
        return loop->last;
    }
    std::set<std::int64_t> elements;
    for (const StatementPtr& tree : trees) {
      const auto draw = as_draw(tree);
      const std::vector<IndexItem> items = draw ? items_of(drawn_place(draw->left)) : std::vector<IndexItem>{};
      const bool is_one = items.size() == 1 && items[0].kind == Kind::single;
      const auto* element = is_one ? std::get_if<typed::IntegerLiteral>(&items[0].first->node) : nullptr;
      if (!element || !elements.insert(element->value).second) return std::nullopt;
    }
    const auto count = static_cast<std::int64_t>(elements.size());
    if (*elements.begin() != 1 || *elements.rbegin() != count) return std::nullopt;
    return whole_number(count, trees.front()->span);
  }

  // Whether all elements are drawn by one statement from one distribution: the type knows what they become.
  bool is_of_one_distribution(const Statements& trees) const {
    const auto draw = as_draw(trees.front());
    return trees.size() == 1 && draw &&
           std::all_of(draw->arguments.begin(), draw->arguments.end(),
                       [](const ExpressionPtr& one) { return one->type.is_scalar(); });
  }

  void draw_in_order(VariableId id) {
    Statements trees, others;
    for (const StatementPtr& top : program_.simulation.model) {
      const bool is_drawn = accesses_of(top, program_).drawn.contains(id);
      if (is_drawn && !is_draws_alone(top, id, {})) return;
      const Statements inner = typed::statements_of(top);
      if (is_drawn) trees.insert(trees.end(), inner.begin(), inner.end());
      else others.push_back(top);
    }
    if (trees.empty() || is_of_one_distribution(trees)) return;
    const auto count = drawn_count(trees);
    if (!count) return;
    const Span span = trees.front()->span;
    const bool is_positive = program_.variables[id].transform->name == "positive_ordered";
    const VariableId held = add(unconstrained_local(program_.variables[id]));
    const ExpressionPtr all = reference(held, Type{Base::vector, 0}, span);
    const ExpressionPtr in_order = reference(add_number("in_order", span, false), integer, span);
    const VariableId attempt = add_number("attempt", span, true), position = add_number("k", span, true);
    const auto flag = std::get<typed::VariableReference>(in_order->node).variable;
    const auto set = [&](std::int64_t to) {
      return make_statement(typed::Assignment{flag, {}, whole_number(to, span)}, span);
    };
    const auto element = [&](const ExpressionPtr& at) {
      return make_expression(typed::Index{all, {IndexItem{Kind::single, at, nullptr, span}}}, real, span);
    };
    const auto unless = [&](const ExpressionPtr& larger, const ExpressionPtr& smaller) {
      const ExpressionPtr holds = builtin(Builtin::greater, {larger, smaller}, integer, span);
      return make_statement(typed::If{builtin(Builtin::logical_not, {holds}, integer, span), set(0), nullptr}, span);
    };
    const ExpressionPtr at = reference(position, integer, span);
    const ExpressionPtr before = builtin(Builtin::subtract, {at, whole_number(1, span)}, integer, span);
    const ExpressionPtr length = builtin(Builtin::size, {all}, integer, span);

    Statements body;
    for (const StatementPtr& tree : trees)
      body.push_back(typed::rewritten(tree, [](const StatementPtr&) { return nullptr; }, replacing(id, all)));
    body.push_back(set(1));
    if (is_positive) body.push_back(unless(element(whole_number(1, span)), real_number(0, span)));
    body.push_back(make_statement(
        typed::For{position, whole_number(2, span), length, unless(element(at), element(before))}, span));
    body.push_back(make_statement(typed::If{builtin(Builtin::equal, {in_order, whole_number(1, span)}, integer, span),
                                            make_statement(typed::Break{}, span), nullptr},
                                  span));

    Statements result = std::move(others);
    result.push_back(make_statement(typed::Declaration{held, nullptr}, span));
    result.push_back(make_statement(typed::Declaration{flag, whole_number(0, span)}, span));
    if (*count)
      result.push_back(
          reject_if(builtin(Builtin::not_equal, {length, *count}, integer, span),
                    {words("elements of `" + program_.variables[id].name + "` have no distribution", span)}, span));
    result.push_back(make_statement(typed::For{attempt, whole_number(1, span), whole_number(most_attempts, span),
                                               make_statement(typed::Sequence{std::move(body)}, span)},
                                    span));
    result.push_back(reject_if(builtin(Builtin::equal, {in_order, whole_number(0, span)}, integer, span),
                               {words("of " + std::to_string(most_attempts) + " draws of `" +
                                          program_.variables[id].name + "` none was in order",
                                      span)},
                               span));
    typed::Assignment given{id, {}, all};
    given.gives_draw = true;
    result.push_back(make_statement(std::move(given), span));
    program_.simulation.model = std::move(result);
    for (const StatementPtr& tree : trees)
      for_each_statement(tree, [&](const StatementPtr& one) {
        if (draws(one, id)) program_.simulation.marginalized.emplace(one.get(), id);
      });
  }

  VariableId add_number(const std::string& name, Span span, bool is_loop_variable) {
    typed::Variable variable;
    variable.name = name;
    variable.type = integer;
    variable.is_local = true;
    variable.is_loop_variable = is_loop_variable;
    variable.span = span;
    return add(std::move(variable));
  }
  VariableId add(typed::Variable variable) {
    program_.variables.push_back(std::move(variable));
    return static_cast<VariableId>(program_.variables.size() - 1);
  }

  typed::Program& program_;
  std::set<VariableId> random_;
};

} // namespace

void read_conditioned_draws(typed::Program& program) { ConditionedDraws(program).run(); }

} // namespace sibyl::generative
