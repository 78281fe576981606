// The forward algorithm, which sums out a chain of hidden states: the states are drawn, one after the other.
//
//   for (k in 1:K) g[1, k] = log(p[k]) + normal_lpdf(y[1] | mu[k], 1);       z ~ categorical(p);
//   for (t in 2:T)                                                            y[1] ~ normal(mu[z], 1);
//     for (k in 1:K) {                                                        for (t in 2:T) {
//       for (j in 1:K) acc[j] = g[t - 1, j] + log(A[j, k]);                     z ~ categorical(A[z]);
//       g[t, k] = log_sum_exp(acc) + normal_lpdf(y[t] | mu[k], 1);              y[t] ~ normal(mu[z], 1);
//     }                                                                       }
//   target += log_sum_exp(g[T]);
//
// Likewise where one vector holds the sums, `lp = next;` at the end of each step, and where a vector is summed without
// a loop over j: `log_sum_exp(g[t - 1] + log(A[, k]))`. Such a vector may begin with chances alone, `lp = log(p);`
// before a first step that draws from the state behind them.
#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/marginal_rewriter.hpp"

namespace sibyl::generative {

namespace {

const Type vector{Base::vector, 0};

struct NoChain {};

// Statements without declarations that give no value, and without the braces around some.
void flatten(const StatementPtr& tree, Statements& result) {
  if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
    for (const StatementPtr& one : sequence->statements) flatten(one, result);
    return;
  }
  const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
  if (!declaration || declaration->initializer) result.push_back(tree);
}
Statements flat(const StatementPtr& tree) {
  Statements result;
  flatten(tree, result);
  return result;
}

// g of `g[t, k]` and `g[t][k]`, with the items of both.
std::optional<VariableId> indexed(const ExpressionPtr& expression, std::vector<IndexItem>& items) {
  const auto* index = std::get_if<typed::Index>(&expression->node);
  if (!index) return std::nullopt;
  items = index->items;
  ExpressionPtr base = index->base;
  if (const auto* outer = std::get_if<typed::Index>(&base->node)) {
    items.insert(items.begin(), outer->items.begin(), outer->items.end());
    base = outer->base;
  }
  const auto* reference = std::get_if<typed::VariableReference>(&base->node);
  return reference ? std::optional(reference->variable) : std::nullopt;
}

// What is read from the text: the sums' holder, and terms as functions of loop variables.
} // namespace

struct HiddenChain {
  VariableId holder = 0; // g, of time and state, or lp, of state alone
  bool has_time = false;
  ExpressionPtr states, first, last; // how many states; times of the steps
  VariableId state = 0, first_state = 0, time = 0;
  LogTerms at_first; // of first_state
  LogTerms at_step;  // of time and state: what the state draws, and weights that do not depend on the last state
  std::vector<ExpressionPtr> transitions; // weights of time and state, and of `last_state` or an element at it
  std::optional<VariableId> last_state;
  std::vector<ExpressionPtr> rows; // vectors of such weights, by the last state
};

namespace {

class ChainReader {
 public:
  // `spare`: a loop variable that nothing else uses.
  ChainReader(const typed::Program& program, const TermReader& reader, VariableId spare)
      : program_(program), reader_(reader), spare_(spare) {}

  // `sum`: the argument of the last log_sum_exp; `built`: the statements that give the holder its values.
  HiddenChain read(const ExpressionPtr& sum, const Statements& built) {
    std::vector<IndexItem> items;
    if (const auto* whole = std::get_if<typed::VariableReference>(&sum->node)) chain_.holder = whole->variable;
    else if (const auto id = indexed(sum, items)) {
      if (items.size() != 1 || items[0].kind != IndexItem::Kind::single) throw NoChain{};
      chain_.holder = *id;
      chain_.has_time = true;
    } else throw NoChain{};
    if (program_.variables[chain_.holder].type.rank() != (chain_.has_time ? 2 : 1)) throw NoChain{};
    if (built.size() != 2) throw NoChain{};
    if (std::holds_alternative<typed::For>(built[0]->node)) read_first(built[0]);
    else read_chances(built[0]);
    read_steps(built[1]);
    if (chain_.has_time && !are_same(chain_.last, items[0].first)) throw NoChain{};
    return chain_;
  }

 private:
  const typed::For& loop(const StatementPtr& tree) const {
    const auto* found = std::get_if<typed::For>(&tree->node);
    if (!found) throw NoChain{};
    return *found;
  }
  const typed::For& loop_over_states(const StatementPtr& tree) {
    const typed::For& found = loop(tree);
    if (literal_number(found.first) != 1) throw NoChain{};
    if (!chain_.states) chain_.states = found.last;
    if (!are_same(chain_.states, found.last)) throw NoChain{};
    return found;
  }
  const typed::Assignment& assignment(const StatementPtr& tree) const {
    const auto* found = std::get_if<typed::Assignment>(&tree->node);
    if (!found) throw NoChain{};
    return *found;
  }
  StatementPtr only(const StatementPtr& body) const {
    const Statements all = flat(body);
    if (all.size() != 1) throw NoChain{};
    return all.front();
  }
  static void require(bool condition) {
    if (!condition) throw NoChain{};
  }
  static void require_place(const typed::Assignment& one, VariableId id, std::size_t count) {
    require(one.variable == id && one.indices.size() == count);
    for (const IndexItem& item : one.indices) require(item.kind == IndexItem::Kind::single);
  }

  void read_first(const StatementPtr& tree) {
    const typed::For& states = loop_over_states(tree);
    const typed::Assignment& one = assignment(only(states.body));
    require_place(one, chain_.holder, chain_.has_time ? 2 : 1);
    if (chain_.has_time) require(literal_number(one.indices[0].first) == 1);
    require(typed::variable_of(one.indices.back().first) == states.variable);
    chain_.first_state = states.variable;
    chain_.at_first = terms(one.value);
  }

  // `lp = log(p);`, or the same where it is declared.
  void read_chances(const StatementPtr& tree) {
    const auto* declaration = std::get_if<typed::Declaration>(&tree->node);
    const ExpressionPtr value = declaration ? declaration->initializer : assignment(tree).value;
    require(!chain_.has_time && value && value->type.rank() == 1);
    require(declaration || (assignment(tree).variable == chain_.holder && assignment(tree).indices.empty()));
    chain_.first_state = spare_;
    chain_.at_first = terms(element_of(value, reference(spare_, integer, tree->span)));
    require(!chain_.at_first.draws_anything());
  }

  LogTerms terms(const ExpressionPtr& value) const {
    LogTerms found = reader_.read(value);
    require(found.mixtures.empty());
    return found;
  }

  void read_steps(const StatementPtr& tree) {
    const typed::For& steps = loop(tree);
    // A first state that has drawn nothing yet may draw at any time.
    require(literal_number(steps.first) == 2 || !chain_.at_first.draws_anything());
    chain_.time = steps.variable;
    chain_.first = steps.first;
    chain_.last = steps.last;
    const Statements body = flat(steps.body);
    require(body.size() == (chain_.has_time ? 1u : 2u));
    const typed::For& states = loop_over_states(body[0]);
    chain_.state = states.variable;
    VariableId target = chain_.holder;
    if (!chain_.has_time) { // lp = next;
      const typed::Assignment& moved = assignment(body[1]);
      const auto* next = std::get_if<typed::VariableReference>(&moved.value->node);
      require(moved.variable == chain_.holder && moved.indices.empty() && next);
      target = next->variable;
    }
    Statements inner = flat(states.body);
    // `next[k] += normal_lpdf(y[t] | mu[k], 1);`
    while (inner.size() > 1) {
      const auto* more = std::get_if<typed::Assignment>(&inner.back()->node);
      const auto* grown = more ? std::get_if<typed::BuiltinCall>(&more->value->node) : nullptr;
      std::vector<IndexItem> items;
      if (!grown || grown->builtin != Builtin::add || indexed(grown->arguments[0], items) != more->variable) break;
      require_place(*more, target, chain_.has_time ? 2 : 1);
      require(items.size() == more->indices.size());
      for (std::size_t i = 0; i < items.size(); ++i) require(are_same(items[i].first, more->indices[i].first));
      append(terms(grown->arguments[1]));
      inner.pop_back();
    }
    require(inner.size() == 1 || inner.size() == 2);
    const typed::Assignment& sum = assignment(inner.back());
    require_place(sum, target, chain_.has_time ? 2 : 1);
    if (chain_.has_time) require(typed::variable_of(sum.indices[0].first) == chain_.time);
    require(typed::variable_of(sum.indices.back().first) == chain_.state);
    read_sum(sum.value, inner.size() == 2 ? inner.front() : nullptr);
    require(chain_.at_step.draws_anything());
  }

  // `log_sum_exp(...)` and what is added to it.
  void read_sum(const ExpressionPtr& value, const StatementPtr& accumulation) {
    std::vector<ExpressionPtr> added;
    ExpressionPtr sum;
    const std::function<void(const ExpressionPtr&)> split = [&](const ExpressionPtr& one) {
      const auto* call = std::get_if<typed::BuiltinCall>(&one->node);
      if (call && call->builtin == Builtin::add) {
        split(call->arguments[0]);
        return split(call->arguments[1]);
      }
      if (const auto* found = as_library_call(one, "log_sum_exp"); found && !sum) sum = found->arguments[0];
      else added.push_back(one);
    };
    split(value);
    require(sum && sum->type.rank() == 1);
    for (const ExpressionPtr& one : added) append(terms(one));
    if (accumulation) {
      const typed::For& last_states = loop_over_states(accumulation);
      const typed::Assignment& one = assignment(only(last_states.body));
      const auto* accumulator = std::get_if<typed::VariableReference>(&without_promotion(sum)->node);
      require(accumulator);
      require_place(one, accumulator->variable, 1);
      require(typed::variable_of(one.indices[0].first) == last_states.variable);
      chain_.last_state = last_states.variable;
      read_accumulated(one.value);
    } else {
      read_vector(sum);
    }
  }

  void append(const LogTerms& more) {
    require(more.mixtures.empty() && more.checks.empty());
    chain_.at_step.weights.insert(chain_.at_step.weights.end(), more.weights.begin(), more.weights.end());
    chain_.at_step.draws.insert(chain_.at_step.draws.end(), more.draws.begin(), more.draws.end());
  }

  // `g[t - 1, j] + log(A[j, k]) + ...`
  void read_accumulated(const ExpressionPtr& value) {
    LogTerms found = terms(value);
    int before = 0;
    for (const ExpressionPtr& weight : found.weights) {
      if (is_before(weight)) {
        ++before;
        continue;
      }
      chain_.transitions.push_back(weight);
    }
    require(before == 1);
    for (const typed::Tilde& draw : found.draws)
      for (const ExpressionPtr& one : draw.arguments) require(count_looks(one, *chain_.last_state) == 0);
    found.weights.clear();
    append(found);
  }
  bool is_before(const ExpressionPtr& weight) const {
    std::vector<IndexItem> items;
    const auto id = indexed(weight, items);
    if (!id || *id != chain_.holder || items.size() != (chain_.has_time ? 2u : 1u)) return false;
    for (const IndexItem& item : items)
      if (item.kind != IndexItem::Kind::single) return false;
    return (!chain_.has_time || is_last_time(items[0].first)) &&
           typed::variable_of(items.back().first) == *chain_.last_state;
  }
  bool is_last_time(const ExpressionPtr& index) const {
    const auto* call = std::get_if<typed::BuiltinCall>(&index->node);
    return call && call->builtin == Builtin::subtract && typed::variable_of(call->arguments[0]) == chain_.time &&
           literal_number(call->arguments[1]) == 1;
  }

  // `g[t - 1] + log(A[, k])`
  void read_vector(const ExpressionPtr& value) {
    int before = 0;
    const std::function<void(const ExpressionPtr&)> split = [&](const ExpressionPtr& one) {
      const auto* call = std::get_if<typed::BuiltinCall>(&one->node);
      if (call && call->builtin == Builtin::add) {
        split(call->arguments[0]);
        return split(call->arguments[1]);
      }
      if (call && (call->builtin == Builtin::to_vector || call->builtin == Builtin::to_row_vector ||
                   call->builtin == Builtin::transpose))
        return split(call->arguments[0]);
      std::vector<IndexItem> items;
      const auto id = indexed(one, items);
      const bool is_last = chain_.has_time
                               ? id && *id == chain_.holder && items.size() == 1 &&
                                     items[0].kind == IndexItem::Kind::single && is_last_time(items[0].first)
                               : typed::variable_of(one) == chain_.holder;
      if (is_last) ++before;
      else if (one->type.is_scalar()) append(terms(one));
      else chain_.rows.push_back(one);
    };
    split(value);
    require(before == 1);
  }

  const typed::Program& program_;
  const TermReader& reader_;
  VariableId spare_;
  HiddenChain chain_;
};

} // namespace

std::optional<Statements> MarginalRewriter::hidden_chain(const StatementPtr& tree, const Statements& before) {
  const auto& adds = std::get<typed::TargetIncrement>(tree->node);
  const auto* sum = adds.is_jacobian ? nullptr : as_library_call(adds.value, "log_sum_exp");
  if (!sum || sum->arguments.size() != 1) return std::nullopt;
  try {
    const ExpressionPtr held = without_promotion(sum->arguments[0]);
    std::vector<IndexItem> items;
    const auto* whole = std::get_if<typed::VariableReference>(&held->node);
    const auto id = whole ? std::optional(whole->variable) : indexed(held, items);
    const auto building = id ? building_of(*id, before) : std::nullopt;
    if (!building) return std::nullopt;
    Statements built;
    for (const StatementPtr& one : building->statements) flatten(one, built);
    const VariableId spare = new_scalar("k", Base::integer, tree->span);
    program_.variables[spare].is_loop_variable = true;
    return draws_of_chain(tree, ChainReader(program_, reader_, spare).read(held, built), *building);
  } catch (const NoChain&) {
    return std::nullopt;
  } catch (const Unreadable&) {
    return std::nullopt; // told where the terms are read as a mixture
  }
}

Statements MarginalRewriter::draws_of_chain(const StatementPtr& tree, const HiddenChain& chain,
                                            const Building& building) {
  const Span span = tree->span;
  const typed::Variable held = program_.variables[chain.holder];
  typed::Variable variable;
  variable.name = "weights";
  variable.type = vector;
  variable.sizes = {chain.states};
  variable.transform = held.transform;
  variable.span = span;
  const VariableId weights_id = new_variable(std::move(variable)), state_id = new_scalar("state", Base::integer, span);
  const ExpressionPtr weights = reference(weights_id, span), state = reference(state_id, span);

  // Fills the weights of all states, `one` being the variable of a loop over them, and draws the state and what it
  // draws.
  const auto choose = [&](VariableId one, const std::vector<ExpressionPtr>& terms,
                          const std::vector<typed::Tilde>& draws) {
    std::vector<ExpressionPtr> places;
    for (const typed::Tilde& draw : draws) places.push_back(drawn_place(draw.left));
    require_apart(terms, places, span);
    const ExpressionPtr at = reference(one, span);
    typed::Assignment filled{weights_id, {{IndexItem::Kind::single, at, nullptr, span}}, sum_of(terms, span)};
    Statements made = {make_statement(
        typed::For{one, whole_number(1, span), chain.states, make_statement(std::move(filled), span)}, span)};
    if (varies(terms)) {
      const Statements check = require_sum_of_one(weights, span);
      made.insert(made.end(), check.begin(), check.end());
    } else { // of the design they may add up to anything
      for (const ExpressionPtr& term : terms)
        made.push_back(make_statement(typed::TargetIncrement{as_real(term)}, span));
    }
    const ExpressionPtr chances = library_call("softmax", {weights}, span);
    made.push_back(make_statement(typed::Assignment{state_id, {}, drawn_from("categorical", {chances}, span)}, span));
    for (const typed::Tilde& draw : draws)
      made.push_back(typed::with_operands(make_statement(draw, span), replacing(one, state)));
    return made;
  };

  Statements result = {make_statement(typed::Declaration{weights_id, nullptr}, span),
                       make_statement(typed::Declaration{state_id, nullptr}, span)};
  const Statements first = choose(chain.first_state, chain.at_first.weights, chain.at_first.draws);
  result.insert(result.end(), first.begin(), first.end());
  std::vector<ExpressionPtr> terms = chain.at_step.weights;
  for (const ExpressionPtr& one : chain.transitions)
    terms.push_back(chain.last_state ? typed::rewritten(one, replacing(*chain.last_state, state)) : one);
  for (const ExpressionPtr& row : chain.rows) terms.push_back(element_of(row, state));
  StatementPtr step = in_sequence(choose(chain.state, terms, chain.at_step.draws), span);
  result.push_back(make_statement(typed::For{chain.time, chain.first, chain.last, std::move(step)}, span));
  for (const auto* draws : {&chain.at_first.draws, &chain.at_step.draws})
    for (const typed::Tilde& draw : *draws) mark(tree, *drawn_variable(draw.left));

  int own_looks = 1;
  for (const StatementPtr& one : building.statements) own_looks += count_looks_in(one, chain.holder);
  const auto looks = looks_.find(chain.holder);
  if (held.is_local && looks != looks_.end() && looks->second == own_looks)
    dropped_.insert(building.originals.begin(), building.originals.end());
  return result;
}

} // namespace sibyl::generative
