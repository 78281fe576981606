#include "compiler/facts/symmetry.hpp"

#include "compiler/facts/carried.hpp"
#include "compiler/generative/accesses.hpp"

#include <algorithm>
#include <map>

namespace sibyl {

using generative::for_each_expression;
using generative::for_each_operand;
using generative::for_each_statement;
using typed::Builtin;
using typed::ExpressionPtr;
using typed::IndexItem;
using typed::StatementPtr;
using typed::VariableId;

namespace {

// What happens to the positions of one dimension of a value. Flattened matrices have a dimension of their own kind,
// which agrees only with one that was flattened from the same.
using Dimension = std::string;
const Dimension same = "same", staying = "staying", moving = "moving";
using Dimensions = std::vector<Dimension>;

struct Asymmetry {
  std::string text;
};

struct Value {
  Dimensions dimensions;
  bool is_position = false; // the variable of a loop over the moving positions
};

// Functions of the standard library whose value does not depend on the order of their arguments' elements, and those
// that work element by element given such a value.
constexpr std::string_view symmetric[] = {"sum",      "prod",        "mean",     "variance",        "sd",
                                          "min",      "max",         "norm1",    "norm2",           "dot_self",
                                          "quantile", "log_sum_exp", "sort_asc", "sort_desc",       "dot_product",
                                          "distance", "log_mix",     "squared_distance"};
constexpr std::string_view equivariant[] = {"softmax", "log_softmax"};

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

class Prover {
 public:
  Prover(const typed::Program& program, const generative::Reading& reading,
         const std::set<std::pair<VariableId, int>>& keys)
      : program_(program), reading_(reading), keys_(keys) {
    const auto& [variable, dimension] = *keys.begin();
    size_ = size_spelling(program.variables[variable].sizes[static_cast<std::size_t>(dimension)]);
  }

  void run() {
    const auto transformed_data = generative::without_computed(program_.transformed_data, program_, reading_.computed);
    // What a variable's dimensions do is known once nothing new is learned of them.
    for (bool changed = true; changed;) {
      const auto before = known_;
      for (const auto* block : {&transformed_data, &program_.transformed_parameters, &program_.model})
        for (const StatementPtr& statement : *block) see(statement);
      changed = known_ != before;
    }
    for (const typed::Variable& variable : program_.variables)
      if (variable.block == typed::Block::parameters && !variable.is_local) see_declared(variable);
  }

 private:
  std::string name(VariableId id) const { return "`" + program_.variables[id].name + "`"; }

  // Sizes and bounds of a parameter are part of its distribution.
  void see_declared(const typed::Variable& variable) {
    for (const ExpressionPtr& size : variable.sizes) number(size);
    for (const ExpressionPtr& bound : {variable.lower, variable.upper, variable.offset, variable.multiplier})
      if (bound) require_still(bound, "each position bounds an element of its own of `" + variable.name + "`");
  }

  bool is_given(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    return reading_.roles[id] == Role::observed ||
           (!variable.is_local && (variable.block == typed::Block::data || variable.block == typed::Block::parameters));
  }

  Dimension join(const Dimension& a, const Dimension& b, const std::string& what) const {
    if (a == b || b == same) return a;
    if (a == same) return b;
    throw Asymmetry{what};
  }
  void join(Dimensions& into, const Dimensions& other, const std::string& what) const {
    if (into.empty()) into = other;
    for (std::size_t d = 0; d < into.size() && d < other.size(); ++d) into[d] = join(into[d], other[d], what);
  }

  Dimensions dimensions_of(VariableId id) const {
    const auto rank = static_cast<std::size_t>(program_.variables[id].type.rank());
    if (!is_given(id)) {
      const auto found = known_.find(id);
      return found != known_.end() ? found->second : Dimensions(rank, same);
    }
    Dimensions found(rank, staying);
    for (std::size_t d = 0; d < rank; ++d)
      if (keys_.contains({id, static_cast<int>(d)})) found[d] = moving;
    return found;
  }

  void learn(VariableId id, const Dimensions& dimensions) {
    if (is_given(id)) return;
    const auto [found, is_new] = known_.try_emplace(id, dimensions);
    if (!is_new)
      join(found->second, dimensions, "an element of " + name(id) + " belongs to each position in one place only");
  }

  // ---- expressions

  Value value(const ExpressionPtr& expression) {
    if (!expression) return {};
    return std::visit([&](const auto& node) { return value(node, expression); }, expression->node);
  }
  // A value that is used as a number: positions are none.
  Dimensions number(const ExpressionPtr& expression) {
    const Value found = value(expression);
    if (found.is_position) throw Asymmetry{"the position itself is used as a number"};
    return found.dimensions;
  }
  void require_still(const ExpressionPtr& expression, const std::string& what) {
    for (const Dimension& one : number(expression))
      if (one != same && one != staying) throw Asymmetry{what};
  }

  template <typename Literal>
  Value value(const Literal&, const ExpressionPtr&)
    requires std::is_same_v<Literal, typed::IntegerLiteral> || std::is_same_v<Literal, typed::RealLiteral> ||
             std::is_same_v<Literal, typed::StringLiteral>
  {
    return {};
  }
  Value value(const typed::VariableReference& reference, const ExpressionPtr&) {
    return {dimensions_of(reference.variable), positions_.contains(reference.variable)};
  }
  Value value(const typed::Promote& promote, const ExpressionPtr&) { return {number(promote.operand)}; }
  Value value(const typed::Conditional& choice, const ExpressionPtr&) {
    number(choice.condition);
    Dimensions result = number(choice.if_true);
    join(result, number(choice.if_false), "`? :` chooses between values of positions and others");
    return {result};
  }
  template <typename Literal>
  Value value(const Literal& literal, const ExpressionPtr&)
    requires requires { literal.elements; }
  {
    Dimensions result;
    for (const ExpressionPtr& element : literal.elements)
      join(result, number(element), "a literal joins values of positions with others");
    result.insert(result.begin(), staying);
    return {result};
  }
  Value value(const typed::Index& index, const ExpressionPtr&) {
    return {indexed(number(index.base), index.items, base_name(index.base))};
  }
  Value value(const typed::DistributionCall& call, const ExpressionPtr& expression) {
    const bool draws = call.function == typed::DistributionFunction::draw;
    Dimensions rows = vectorized(call.arguments, *call.distribution, !draws);
    return {draws && !expression->type.is_scalar() ? rows : Dimensions{}};
  }
  Value value(const typed::FunctionCall& call, const ExpressionPtr& expression) {
    if (call.elementwise) return {elementwise(call.arguments)};
    bool moves = false;
    Dimensions all;
    for (const ExpressionPtr& argument : call.arguments) {
      const Dimensions found = number(argument);
      moves = moves || std::any_of(found.begin(), found.end(),
                                   [](const Dimension& one) { return one != same && one != staying; });
    }
    const auto rank = static_cast<std::size_t>(expression->type.rank());
    if (!moves) return {Dimensions(rank, staying)};
    const bool is_library = call.function->span.source != 0;
    if (!is_library || !(contains(symmetric, call.function->name) || contains(equivariant, call.function->name)))
      throw Asymmetry{"`" + call.function->name + "` may treat positions differently"};
    all = elementwise(call.arguments);
    return {contains(equivariant, call.function->name) ? all : Dimensions(rank, staying)};
  }

  Value value(const typed::CallPart& part, const ExpressionPtr& expression) {
    const auto& call = std::get<typed::FunctionCall>(part.call->node);
    for (const ExpressionPtr& argument : call.arguments)
      require_still(argument, "`" + call.function->name + "` may treat positions differently");
    return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
  }
  Value value(const typed::SolverCall& call, const ExpressionPtr& expression) {
    for (const ExpressionPtr& argument : call.arguments)
      for (const Dimension& one : number(argument))
        if (one != same && one != staying)
          throw Asymmetry{"a solver of `" + call.given->name + "` may treat positions differently"};
    return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
  }

  Value value(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
    const auto& arguments = call.arguments;
    const auto first = [&] { return number(arguments[0]); };
    switch (call.builtin) {
    case Builtin::size:
    case Builtin::rows:
    case Builtin::cols:
    case Builtin::num_elements:
    case Builtin::dims: first(); return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
    case Builtin::multiply:
      if (!arguments[0]->type.is_scalar() && !arguments[1]->type.is_scalar()) return {product(call)};
      return {elementwise(arguments)};
    case Builtin::transpose: {
      Dimensions result = first();
      std::reverse(result.begin(), result.end());
      return {result};
    }
    case Builtin::rep_vector:
    case Builtin::rep_row_vector:
    case Builtin::rep_matrix:
    case Builtin::rep_array: {
      Dimensions result = first();
      const std::size_t outer = static_cast<std::size_t>(expression->type.rank()) - result.size();
      const bool columns = call.builtin == Builtin::rep_matrix && arguments[0]->type.base == Base::vector;
      result.insert(columns ? result.end() : result.begin(), outer, same);
      for (std::size_t i = 1; i < arguments.size(); ++i) number(arguments[i]);
      return {result};
    }
    case Builtin::to_vector:
    case Builtin::to_row_vector:
    case Builtin::to_array_1d: {
      const Dimensions all = first();
      if (all.size() <= 1) return {all};
      if (std::all_of(all.begin(), all.end(), [&](const Dimension& one) { return one == all[0]; }) && all[0] != moving)
        return {{all[0]}};
      Dimension flattened = "flattened";
      for (const Dimension& one : all) flattened += " " + one;
      return {{flattened}};
    }
    case Builtin::to_array_2d: return {first()};
    case Builtin::to_matrix:
      if (arguments.size() == 1) {
        Dimensions result = first();
        if (result.size() == 1)
          result.insert(arguments[0]->type.base == Base::vector ? result.end() : result.begin(), same);
        return {result};
      }
      for (const ExpressionPtr& one : arguments) require_still(one, "`to_matrix` rearranges positions");
      return {Dimensions(2, staying)};
    case Builtin::append_row:
    case Builtin::append_col:
    case Builtin::append_array: return {joined(call, expression)};
    case Builtin::head:
    case Builtin::tail:
    case Builtin::segment:
    case Builtin::block:
    case Builtin::row:
    case Builtin::col:
    case Builtin::diagonal:
      for (const ExpressionPtr& one : arguments) require_still(one, "a part of the positions is taken out");
      return {Dimensions(static_cast<std::size_t>(expression->type.rank()), staying)};
    default: return {elementwise(arguments)};
    }
  }

  Dimensions elementwise(const std::vector<ExpressionPtr>& arguments) {
    Dimensions result;
    for (const ExpressionPtr& argument : arguments)
      join(result, number(argument), "each position meets an element of its own of " + base_name(argument));
    return result;
  }

  Dimensions product(const typed::BuiltinCall& call) {
    Dimensions left = number(call.arguments[0]), right = number(call.arguments[1]);
    const bool is_outer = call.arguments[0]->type.base == Base::vector;
    if (!is_outer) {
      join(left.back(), right.front(), "a product pairs positions with what does not move along");
      left.pop_back();
      right.erase(right.begin());
    }
    left.insert(left.end(), right.begin(), right.end());
    return left;
  }

  Dimensions joined(const typed::BuiltinCall& call, const ExpressionPtr& expression) {
    const auto rank = static_cast<std::size_t>(expression->type.rank());
    const std::size_t along = rank == 2 && call.builtin == Builtin::append_col ? 1 : 0;
    Dimensions result(rank, same);
    for (const ExpressionPtr& argument : call.arguments) {
      Dimensions one = number(argument);
      while (one.size() < rank) one.insert(one.begin() + static_cast<std::ptrdiff_t>(along), staying);
      if (one[along] != same && one[along] != staying) throw Asymmetry{"positions are appended to others"};
      join(result, one, "positions are set beside what does not move along");
    }
    result[along] = staying;
    return result;
  }

  Dimensions indexed(const Dimensions& base, const std::vector<IndexItem>& items, const std::string& what) {
    Dimensions result;
    for (std::size_t d = 0; d < base.size(); ++d) {
      const bool moves = base[d] != same && base[d] != staying;
      if (d >= items.size() || items[d].kind == IndexItem::Kind::all) {
        result.push_back(base[d]);
      } else if (items[d].kind == IndexItem::Kind::single) {
        const Value at = value(items[d].first);
        if (at.is_position && !moves && base[d] != same)
          throw Asymmetry{"each position has an element of its own of " + what};
        if (!at.is_position && moves) throw Asymmetry{what + " is used at other positions than the loop's own"};
      } else if (items[d].kind == IndexItem::Kind::multiple) {
        const Dimension list = number(items[d].first).front();
        if (moves) throw Asymmetry{what + " is used at chosen positions"};
        result.push_back(list);
      } else {
        if (moves) throw Asymmetry{"a part of " + what + " is treated apart"};
        number(items[d].first);
        number(items[d].second);
        result.push_back(staying);
      }
    }
    return result;
  }

  std::string base_name(const ExpressionPtr& expression) const {
    if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node))
      return name(reference->variable);
    if (const auto* index = std::get_if<typed::Index>(&expression->node)) return base_name(index->base);
    if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) return base_name(promote->operand);
    return "another value";
  }

  // What the rows of a vectorized density do.
  Dimensions vectorized(const std::vector<ExpressionPtr>& arguments, const typed::Distribution& distribution,
                        bool has_outcome) {
    Dimensions rows;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::size_t first = arguments.size() - distribution.parameters.size();
      const bool is_outcome = has_outcome && i == 0;
      const Type wanted = is_outcome ? distribution.outcome : i < first ? Type{} : distribution.parameters[i - first];
      if (distribution.draws_container()) {
        // Rows of containers may change places, what is within one may not.
        Dimensions found = number(arguments[i]);
        const auto outer = static_cast<std::ptrdiff_t>(found.size()) - wanted.rank();
        for (auto d = std::max<std::ptrdiff_t>(outer, 0); d < static_cast<std::ptrdiff_t>(found.size()); ++d)
          if (found[static_cast<std::size_t>(d)] != same && found[static_cast<std::size_t>(d)] != staying)
            throw Asymmetry{"`" + distribution.name + "` tells the positions apart"};
        if (outer > 0)
          join(rows, Dimensions(found.begin(), found.begin() + outer),
               "each position meets an element of its own of " + base_name(arguments[i]));
        continue;
      }
      const bool is_row = is_outcome || wanted.is_scalar();
      if (is_row)
        join(rows, number(arguments[i]), "each position meets an element of its own of " + base_name(arguments[i]));
      else require_still(arguments[i], "`" + distribution.name + "` tells the positions apart");
    }
    return rows;
  }

  // ---- statements

  void see(const StatementPtr& tree) {
    if (tree) std::visit([&](const auto& node) { see(node); }, tree->node);
  }
  void see(const typed::Sequence& sequence) {
    for (const StatementPtr& one : sequence.statements) see(one);
  }
  void see(const typed::Declaration& declaration) {
    loops_at_declaration_[declaration.variable] = loops_.size();
    for (const ExpressionPtr& size : program_.variables[declaration.variable].sizes) number(size);
    if (declaration.initializer) assign(declaration.variable, {}, declaration.initializer);
  }
  void see(const typed::Assignment& assignment) { assign(assignment.variable, assignment.indices, assignment.value); }
  void see(const typed::Tilde& tilde) {
    std::vector<ExpressionPtr> arguments = tilde.arguments;
    if (tilde.truncation)
      for (const ExpressionPtr& bound : {tilde.truncation->lower, tilde.truncation->upper}) number(bound);
    const auto drawn = generative::drawn_variable(tilde.left);
    if (drawn && !is_given(*drawn)) {
      // A latent: its rows do what its parameters do, or are alike.
      Dimensions rows = vectorized(arguments, *tilde.distribution, false);
      const typed::Variable& variable = program_.variables[*drawn];
      const auto* index = std::get_if<typed::Index>(&generative::drawn_place(tilde.left)->node);
      require_own(*drawn, index ? index->items : std::vector<IndexItem>{});
      if (!index) {
        Dimensions all;
        for (const ExpressionPtr& size : variable.sizes) all.push_back(size_spelling(size) == size_ ? moving : staying);
        if (rows.empty() || all.size() != 1) rows = all;
        learn(*drawn, rows);
      } else {
        learn(*drawn, target(*drawn, index->items, rows));
      }
      return;
    }
    arguments.insert(arguments.begin(), tilde.left);
    vectorized(arguments, *tilde.distribution, true);
  }
  void see(const typed::TargetIncrement& increment) {
    if (const auto tilde = generative::as_tilde(increment)) return see(*tilde);
    number(increment.value);
  }
  void see(const typed::If& branch) {
    number(branch.condition);
    see(branch.then_body);
    see(branch.else_body);
  }
  void see(const typed::While& loop) {
    number(loop.condition);
    see_body(loop.body, false);
  }
  void see(const typed::For& loop) {
    const bool is_whole = runs_over_positions(loop);
    if (!is_whole) {
      number(loop.first);
      number(loop.last);
      if (indexes_moving(loop.body, loop.variable)) throw Asymmetry{"a loop runs over a part of the positions"};
    }
    if (is_whole) positions_.insert(loop.variable);
    see_body(loop.body, is_whole);
    positions_.erase(loop.variable);
  }
  void see(const typed::ForEach& loop) {
    Dimensions each = number(loop.container);
    const bool moves = each.front() == moving;
    if (!moves && each.front() != same && each.front() != staying)
      throw Asymmetry{"a loop runs over flattened positions"};
    each.erase(each.begin());
    if (loop.container->type.array_rank == 0) each.clear();
    known_[loop.variable] = each;
    see_body(loop.body, moves);
  }
  void see(const typed::Break&) {
    if (!loops_.empty() && loops_.back().is_innermost) throw Asymmetry{"a loop over the positions may stop early"};
  }
  template <typename Other>
  void see(const Other&) {} // continue, print, reject, calls for their checks: nothing flows from them

  void see_body(const StatementPtr& body, bool over_positions) {
    const bool outer = !loops_.empty() && loops_.back().is_innermost;
    if (outer) loops_.back().is_innermost = false;
    if (over_positions) loops_.push_back({body, true});
    see(body);
    if (over_positions) loops_.pop_back();
    if (outer) loops_.back().is_innermost = true;
  }

  // 1:N with the very size of the moving dimensions, or the size of a variable that has them.
  bool runs_over_positions(const typed::For& loop) const {
    const auto* first = std::get_if<typed::IntegerLiteral>(&loop.first->node);
    if (!first || first->value != 1) return false;
    if (size_spelling(loop.last) == size_) return true;
    const auto* call = std::get_if<typed::BuiltinCall>(&loop.last->node);
    if (!call || call->arguments.empty()) return false;
    const auto* of = std::get_if<typed::VariableReference>(&call->arguments[0]->node);
    if (!of) return false;
    const Dimensions dimensions = dimensions_of(of->variable);
    if (call->builtin == Builtin::size || call->builtin == Builtin::num_elements)
      return dimensions.size() == 1 && dimensions[0] == moving;
    return call->builtin == Builtin::rows && dimensions.front() == moving;
  }

  bool indexes_moving(const StatementPtr& body, VariableId position) const {
    bool found = false;
    for_each_statement(body, [&](const StatementPtr& statement) {
      for_each_operand(statement, [&](const ExpressionPtr& operand) {
        for_each_expression(operand, [&](const ExpressionPtr& one) {
          const auto* index = std::get_if<typed::Index>(&one->node);
          const auto* base = index ? std::get_if<typed::VariableReference>(&index->base->node) : nullptr;
          if (!base) return;
          const Dimensions dimensions = dimensions_of(base->variable);
          for (std::size_t d = 0; d < index->items.size() && d < dimensions.size(); ++d) {
            std::set<VariableId> reads;
            generative::add_reads(index->items[d].first, reads);
            found = found || (dimensions[d] == moving && reads.contains(position));
          }
        });
      });
    });
    return found;
  }

  // What the dimensions of a variable do, given what is assigned to these elements of it.
  Dimensions target(VariableId id, const std::vector<IndexItem>& items, const Dimensions& assigned) {
    Dimensions result;
    std::size_t next = 0;
    const auto rank = static_cast<std::size_t>(program_.variables[id].type.rank());
    for (std::size_t d = 0; d < rank; ++d) {
      if (d < items.size() && items[d].kind == IndexItem::Kind::single) {
        result.push_back(value(items[d].first).is_position ? moving : staying);
        continue;
      }
      const Dimension one = next < assigned.size() ? assigned[next] : same;
      ++next;
      const bool whole = d >= items.size() || items[d].kind == IndexItem::Kind::all;
      if (!whole && one != same && one != staying) throw Asymmetry{"positions go to a part of " + name(id)};
      result.push_back(whole ? one : staying);
    }
    return result;
  }

  void assign(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned) {
    Dimensions found = number(assigned);
    require_own(id, items, assigned);
    if (!is_given(id)) return learn(id, target(id, items, found));
    // Data that are computed: their positions are what they are.
    join(found, indexed(dimensions_of(id), items, name(id)),
         "each position of " + name(id) + " meets an element of its own of another value");
  }

  // Whatever is declared outside of a loop over the positions and gets a value in it passes from one to the next, unless
  // each has its own element, a sum is accumulated that nothing else looks at, or each iteration begins by giving it a value that nothing outside
  // of the loop looks at.
  void require_own(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned = nullptr) {
    const bool own_element = std::any_of(items.begin(), items.end(), [&](const IndexItem& item) {
      return item.kind == IndexItem::Kind::single && value(item.first).is_position;
    });
    const auto declared = loops_at_declaration_.find(id);
    const std::size_t depth = declared != loops_at_declaration_.end() ? declared->second : 0;
    if (depth < loops_.size() && !own_element && !(assigned && is_sum(id, items, assigned)) && !begins_anew(loops_.back().body, id, program_))
      throw Asymmetry{"the loop carries " + name(id) + " along"};
  }

  // `s += ...` in the outermost loop that s is declared outside of, with no other look at s in there.
  bool is_sum(VariableId id, const std::vector<IndexItem>& items, const ExpressionPtr& assigned) const {
    const auto* sum = std::get_if<typed::BuiltinCall>(&assigned->node);
    if (!items.empty() || !sum || sum->builtin != Builtin::add) return false;
    const auto* old = std::get_if<typed::VariableReference>(&sum->arguments[0]->node);
    if (!old || old->variable != id) return false;
    const auto declared = loops_at_declaration_.find(id);
    const StatementPtr& body = loops_[declared != loops_at_declaration_.end() ? declared->second : 0].body;
    return looks_at(body, id) == 1;
  }

  struct Loop {
    StatementPtr body;
    bool is_innermost; // a `break` here leaves it
  };

  const typed::Program& program_;
  const generative::Reading& reading_;
  const std::set<std::pair<VariableId, int>>& keys_;
  std::string size_;
  std::map<VariableId, Dimensions> known_; // of computed variables
  std::set<VariableId> positions_;
  std::vector<Loop> loops_; // over the positions, outermost first
  std::map<VariableId, std::size_t> loops_at_declaration_;
};

} // namespace

std::optional<std::string> find_asymmetry(const typed::Program& program, const generative::Reading& reading,
                                          const std::set<std::pair<VariableId, int>>& keys) {
  try {
    Prover(program, reading, keys).run();
  } catch (const Asymmetry& found) {
    return found.text;
  }
  return std::nullopt;
}

std::string size_spelling(const ExpressionPtr& size) {
  std::string text;
  for_each_expression(size, [&](const ExpressionPtr& one) {
    if (const auto* literal = std::get_if<typed::IntegerLiteral>(&one->node)) text += std::to_string(literal->value);
    else if (const auto* reference = std::get_if<typed::VariableReference>(&one->node))
      text += "v" + std::to_string(reference->variable);
    else if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node))
      text += "b" + std::to_string(static_cast<int>(call->builtin));
    else text += "?" + std::to_string(one->span.begin);
    text += " ";
  });
  return text;
}

} // namespace sibyl
