// Sums over a number of infinitely many values, to a limit that the text gives: how many there are of which some are
// counted.
#include "compiler/generative/marginal_rewriter.hpp"

#include <algorithm>
#include <map>

namespace sibyl::generative {

namespace {

struct NoPopulation {}; // thrown where the statements are something else
void require(bool condition) {
  if (!condition) throw NoPopulation{};
}

// A sum of whole numbers: terms with how often each is added, and a constant.
struct LinearSum {
  std::vector<std::pair<ExpressionPtr, std::int64_t>> terms;
  std::int64_t constant = 0;

  void add(const ExpressionPtr& expression, std::int64_t sign) {
    const ExpressionPtr bare = without_promotion(expression);
    if (const auto* literal = std::get_if<typed::IntegerLiteral>(&bare->node)) {
      constant += sign * literal->value;
      return;
    }
    if (const auto* call = std::get_if<typed::BuiltinCall>(&bare->node)) {
      if (call->builtin == Builtin::negate) return add(call->arguments[0], -sign);
      if (call->builtin == Builtin::add || call->builtin == Builtin::subtract) {
        add(call->arguments[0], sign);
        return add(call->arguments[1], call->builtin == Builtin::add ? sign : -sign);
      }
    }
    for (auto& [term, count] : terms)
      if (are_same(term, bare)) {
        count += sign;
        return;
      }
    terms.emplace_back(bare, sign);
  }
  bool is_zero() const {
    return constant == 0 && std::all_of(terms.begin(), terms.end(), [](const auto& one) { return one.second == 0; });
  }
};

// Whether a + b is c, whatever the variables are.
bool is_sum_of(const ExpressionPtr& a, const ExpressionPtr& b, const ExpressionPtr& c) {
  LinearSum sum;
  sum.add(a, 1);
  sum.add(b, 1);
  sum.add(c, -1);
  return sum.is_zero();
}

ExpressionPtr difference(const ExpressionPtr& a, const ExpressionPtr& b) {
  return builtin(Builtin::subtract, {a, b}, integer, a->span);
}

} // namespace

std::optional<Statements> MarginalRewriter::population_size(const StatementPtr& tree, const Statements& before) {
  const auto& adds = std::get<typed::TargetIncrement>(tree->node);
  const auto* total = as_library_call(adds.value, "log_sum_exp");
  if (adds.is_jacobian || !total || total->arguments.size() != 1) return std::nullopt;
  const ExpressionPtr summed = without_promotion(total->arguments[0]);
  const auto* slice = std::get_if<typed::Index>(&summed->node);
  const auto* held = std::get_if<typed::VariableReference>(&(slice ? slice->base : summed)->node);
  if (!held || !program_.variables[held->variable].is_local) return std::nullopt;
  const VariableId id = held->variable;
  const auto building = building_of(id, before);
  if (!building) return std::nullopt;
  const auto outer = definitions_;
  try {
    const typed::For* loop = nullptr;
    for (const StatementPtr& one : building->statements) {
      const auto* declaration = std::get_if<typed::Declaration>(&one->node);
      if (declaration) require(!declaration->initializer);
      else {
        require(!loop);
        loop = std::get_if<typed::For>(&one->node);
        require(loop);
      }
    }
    require(loop);
    const VariableId counter = loop->variable;
    // What the number is, by the counter of the loop: the outcome of the first distribution of a count.
    ExpressionPtr size;
    std::optional<typed::DistributionCall> distribution;
    std::map<const typed::Statement*, LogTerms> terms_of_each;
    ExpressionPtr place;
    for_each_statement(loop->body, [&](const StatementPtr& one) {
      require(!std::holds_alternative<typed::While>(one->node) && !std::holds_alternative<typed::If>(one->node));
      const auto* assignment = std::get_if<typed::Assignment>(&one->node);
      if (!assignment || assignment->variable != id) return;
      require(assignment->indices.size() == 1 && assignment->indices[0].kind == IndexItem::Kind::single);
      ExpressionPtr value = assignment->value;
      if (!size) {
        place = assignment->indices[0].first;
      } else {
        require(are_same(place, assignment->indices[0].first));
        const auto* sum = std::get_if<typed::BuiltinCall>(&value->node);
        require(sum && sum->builtin == Builtin::add && count_looks(sum->arguments[0], id) == 1);
        value = sum->arguments[1];
      }
      require(count_looks(value, id) == 0);
      LogTerms terms = reader_.read(value);
      require(terms.mixtures.empty() && terms.checks.empty());
      if (!size) {
        require(terms.weights.size() == 1);
        const auto* call = std::get_if<typed::DistributionCall>(&terms.weights.front()->node);
        require(call && call->function == typed::DistributionFunction::log_density &&
                call->distribution->support.is_discrete && call->distribution->sample &&
                !call->distribution->draws_container());
        size = without_promotion(call->arguments.front());
        require(size->type == integer && count_looks(size, counter) == 1);
        for (std::size_t i = 1; i < call->arguments.size(); ++i)
          require(call->arguments[i]->type.is_scalar() && count_looks(call->arguments[i], counter) == 0);
        distribution = *call;
      } else require(terms.weights.empty());
      terms_of_each[one.get()] = std::move(terms);
    });
    require(size != nullptr);
    const Span span = tree->span;
    const ExpressionPtr zero = whole_number(0, span);
    const ExpressionPtr offset = typed::rewritten(size, replacing(counter, zero)); // of the number from the counter
    const ExpressionPtr first_place = typed::rewritten(place, replacing(counter, loop->first));
    const ExpressionPtr last_place = typed::rewritten(place, replacing(counter, loop->last));
    require(is_sum_of(offset, reference(counter, span), size));
    require(is_sum_of(typed::rewritten(place, replacing(counter, zero)), reference(counter, span), place));
    // All that the loop fills is summed.
    ExpressionPtr first = whole_number(1, span), last;
    if (slice) {
      require(slice->items.size() == 1 && slice->items[0].kind == IndexItem::Kind::between);
      first = slice->items[0].first;
      last = slice->items[0].second;
    } else {
      require(!program_.variables[id].sizes.empty());
      last = program_.variables[id].sizes.front();
    }
    require(is_sum_of(first, zero, first_place) && is_sum_of(last, zero, last_place));

    const VariableId size_id = new_scalar("size", Base::integer, span);
    const ExpressionPtr drawn = reference(size_id, span);
    const std::vector<ExpressionPtr> parameters(distribution->arguments.begin() + 1, distribution->arguments.end());
    Statements result{make_statement(
        typed::Declaration{size_id,
                           make_expression(typed::DistributionCall{distribution->distribution,
                                                                   typed::DistributionFunction::draw, parameters},
                                           integer, span)},
        span)};
    const auto draws = [&](const StatementPtr& one) -> StatementPtr {
      const auto found = terms_of_each.find(one.get());
      return found == terms_of_each.end() ? nullptr
                                          : make_statement(typed::Sequence{draws_of(found->second, before)}, one->span);
    };
    const auto by_size = [&](const ExpressionPtr& one) { return are_same(one, size) ? drawn : nullptr; };
    const StatementPtr body = typed::with_operands(typed::rewritten(loop->body, draws), by_size);
    std::set<VariableId> all_drawn = accesses_of(body, program_).drawn;
    require(!all_drawn.empty() && count_looks_in(body, counter) == 0 && count_looks_in(body, id) == 0);
    for_each_statement(body, [&](const StatementPtr& one) {
      if (const auto* tilde = std::get_if<typed::Tilde>(&one->node)) require(count_looks(tilde->left, size_id) == 0);
    });
    result.push_back(body);

    // The density has the sum from `first` to `last` alone.
    const auto computed = [&](const ExpressionPtr& bound) {
      return typed::rewritten(bound, [&](const ExpressionPtr& one) { return computed_value(one, program_); });
    };
    const ExpressionPtr step = difference(drawn, computed(offset));
    const ExpressionPtr below = builtin(Builtin::less, {step, computed(loop->first)}, integer, span);
    const ExpressionPtr above = builtin(Builtin::greater, {step, computed(loop->last)}, integer, span);
    result.push_back(reject_if(builtin(Builtin::logical_or, {below, above}, integer, span),
                               {words("the number that is summed over here was drawn as ", span), drawn,
                                words(", which the sum has no term for", span)},
                               span));
    int own_looks = 1;
    for (const StatementPtr& one : building->statements) own_looks += count_looks_in(one, id);
    const auto looks = looks_.find(id);
    require(looks != looks_.end() && looks->second == own_looks);
    for (const VariableId one : all_drawn) mark(tree, one);
    definitions_ = outer;
    dropped_.insert(building->originals.begin(), building->originals.end());
    return Statements{make_statement(typed::Sequence{std::move(result)}, span)};
  } catch (const NoPopulation&) {
  } catch (const Unreadable&) {
  }
  definitions_ = outer;
  return std::nullopt;
}

} // namespace sibyl::generative
