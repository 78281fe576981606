#include "compiler/facts/plates.hpp"

#include "compiler/facts/carried.hpp"
#include "compiler/facts/symmetry.hpp"
#include "compiler/generative/accesses.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

namespace sibyl {

using namespace generative; // statements, expressions and walks over them

namespace {

using Key = std::pair<VariableId, int>;

// Evidence about one dimension; the strongest claim against exchangeability wins: fixed over sequential over
// exchangeable.
struct Evidence {
  bool exchangeable = false, sequential = false, fixed = false;
  std::string exchangeable_reason, sequential_reason, fixed_reason;
};

class Analysis {
 public:
  Analysis(const typed::Program& program, const generative::Reading& reading) : program_(program), reading_(reading) {}

  DimensionUses run() {
    const auto transformed_data = generative::without_computed(program_.transformed_data, program_, reading_.computed);
    for (const auto* block : {&transformed_data, &program_.transformed_parameters, &program_.model})
      for (const StatementPtr& statement : *block) see(statement);
    return conclude();
  }

 private:
  bool is_data(VariableId id) const {
    return reading_.roles[id] == Role::observed ||
           (program_.variables[id].block == typed::Block::data && !program_.variables[id].is_local);
  }
  bool is_parameter(VariableId id) const {
    return !program_.variables[id].is_local && (program_.variables[id].block == typed::Block::parameters ||
                                                program_.variables[id].block == typed::Block::transformed_parameters);
  }
  std::string name(VariableId id) const { return "`" + program_.variables[id].name + "`"; }

  void exchangeable(Key key, const std::string& reason) {
    evidence_[key].exchangeable = true;
    if (evidence_[key].exchangeable_reason.empty()) evidence_[key].exchangeable_reason = reason;
  }
  void sequential(Key key, const std::string& reason) {
    evidence_[key].sequential = true;
    evidence_[key].sequential_reason = reason;
  }
  void fixed(Key key, const std::string& reason) {
    evidence_[key].fixed = true;
    if (evidence_[key].fixed_reason.empty()) evidence_[key].fixed_reason = reason;
  }

  // Which index expression stands at each dimension of an indexed variable; null: the whole dimension.
  std::vector<ExpressionPtr> indexes(const ExpressionPtr& expression, VariableId& base) const {
    std::vector<ExpressionPtr> found;
    ExpressionPtr at = expression;
    while (const auto* index = std::get_if<typed::Index>(&at->node)) {
      std::vector<ExpressionPtr> here;
      for (const auto& item : index->items)
        here.push_back(item.kind == typed::IndexItem::Kind::single ? item.first : nullptr);
      found.insert(found.begin(), here.begin(), here.end());
      at = index->base;
    }
    const auto variable = typed::variable_of(at);
    base = variable.value_or(static_cast<VariableId>(-1));
    return found;
  }

  void see(const StatementPtr& tree) {
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
      for (const auto& one : sequence->statements) see(one);
    } else if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
      see_loop(*loop);
      see(loop->body);
    } else if (const auto* branch = std::get_if<typed::If>(&tree->node)) {
      see(branch->then_body);
      if (branch->else_body) see(branch->else_body);
    } else if (const auto* repeat = std::get_if<typed::While>(&tree->node)) {
      see(repeat->body);
    } else if (const auto* each = std::get_if<typed::ForEach>(&tree->node)) {
      see(each->body);
    } else if (const auto draw = as_draw(tree)) {
      see_vectorized(draw->left, draw->arguments, *draw->distribution, datum_of_residuals(tree));
    }
    constant_indexes(tree);
  }

  // `x[1] = ...`: a position that is named has its own meaning.
  void constant_indexes(const StatementPtr& tree) {
    const auto look = [&](VariableId base, const std::vector<ExpressionPtr>& found) {
      for (std::size_t d = 0; d < found.size(); ++d)
        if (found[d] && std::holds_alternative<typed::IntegerLiteral>(found[d]->node))
          fixed({base, static_cast<int>(d)}, "position " +
                                                 std::to_string(std::get<typed::IntegerLiteral>(found[d]->node).value) +
                                                 " of " + name(base) + " is named");
    };
    if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node)) {
      std::vector<ExpressionPtr> found;
      for (const auto& item : assignment->indices)
        found.push_back(item.kind == typed::IndexItem::Kind::single ? item.first : nullptr);
      look(assignment->variable, found);
    }
    for_each_operand(tree, [&](const ExpressionPtr& operand) {
      for_each_expression(operand, [&](const ExpressionPtr& one) {
        if (!std::holds_alternative<typed::Index>(one->node)) return;
        VariableId base;
        const auto found = indexes(one, base);
        if (base != static_cast<VariableId>(-1) && is_data(base)) look(base, found);
      });
    });
  }

  // One loop: what is indexed by its variable, and does anything pass from one iteration to the next?
  void see_loop(const typed::For& loop) {
    const VariableId i = loop.variable;
    std::set<Key> indexed;       // (variable, dimension) indexed by exactly the loop variable
    std::set<Key> shifted;       // by an expression of it, such as t - 1
    bool used_as_number = false; // other than in indexes
    std::set<VariableId> indexed_parameters;
    std::set<VariableId> declared_inside;
    std::set<VariableId> assigned_outside;

    const auto depends_on_i = [&](const ExpressionPtr& expression) {
      std::set<VariableId> reads;
      generative::add_reads(expression, reads);
      return reads.contains(i);
    };
    std::function<void(const ExpressionPtr&)> walk = [&](const ExpressionPtr& expression) {
      if (!expression) return;
      if (std::holds_alternative<typed::Index>(expression->node)) {
        VariableId base;
        const auto found = indexes(expression, base);
        for (std::size_t d = 0; d < found.size(); ++d) {
          if (!found[d] || !depends_on_i(found[d])) continue;
          const auto direct = typed::variable_of(found[d]);
          if (base == static_cast<VariableId>(-1)) continue;
          if (direct == i) indexed.insert({base, static_cast<int>(d)});
          else if (std::holds_alternative<typed::Index>(found[d]->node)) walk(found[d]); // a[g[i]]: g is the column
          else shifted.insert({base, static_cast<int>(d)});
          if (direct == i && is_parameter(base)) indexed_parameters.insert(base);
        }
        // Indexes that do not mention the loop variable may hold further expressions.
        ExpressionPtr at = expression;
        while (const auto* index = std::get_if<typed::Index>(&at->node)) {
          for (const auto& item : index->items)
            for (const auto& part : {item.first, item.second})
              if (part && !depends_on_i(part)) walk(part);
          at = index->base;
        }
        if (!typed::variable_of(at)) walk(at);
        return;
      }
      if (typed::variable_of(expression) == i) {
        used_as_number = true;
        return;
      }
      std::visit(
          [&](const auto& node) {
            using Node = std::decay_t<decltype(node)>;
            if constexpr (requires { node.arguments; })
              for (const auto& one : node.arguments) walk(one);
            else if constexpr (requires { node.elements; })
              for (const auto& one : node.elements) walk(one);
            else if constexpr (std::is_same_v<Node, typed::Promote>) walk(node.operand);
            else if constexpr (std::is_same_v<Node, typed::CallPart>) walk(node.call);
            else if constexpr (std::is_same_v<Node, typed::Conditional>) {
              walk(node.condition);
              walk(node.if_true);
              walk(node.if_false);
            }
          },
          expression->node);
    };
    std::set<VariableId> read_scalars;
    for_each_statement(loop.body, [&](const StatementPtr& one) {
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node))
        declared_inside.insert(declaration->variable);
      if (const auto* nested = std::get_if<typed::For>(&one->node)) declared_inside.insert(nested->variable);
    });
    for_each_statement(loop.body, [&](const StatementPtr& one) {
      if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) {
        bool by_i = false;
        for (std::size_t d = 0; d < assignment->indices.size(); ++d) {
          const auto& item = assignment->indices[d];
          const auto direct = item.first ? typed::variable_of(item.first) : std::nullopt;
          if (direct == i && item.kind == typed::IndexItem::Kind::single) {
            indexed.insert({assignment->variable, static_cast<int>(d)});
            by_i = true;
          } else {
            walk(item.first);
            walk(item.second);
          }
        }
        if (!by_i && !declared_inside.contains(assignment->variable)) assigned_outside.insert(assignment->variable);
        walk(assignment->value);
        return;
      }
      for_each_operand(one, walk);
    });
    std::set<VariableId> reads;
    for_each_statement(loop.body, [&](const StatementPtr& one) {
      for_each_operand(one, [&](const ExpressionPtr& operand) { generative::add_reads(operand, reads); });
    });

    const std::string loop_name = "the loop over `" + program_.variables[i].name + "`";
    std::string carried;
    for (const VariableId id : assigned_outside)
      if (reads.contains(id) && !begins_anew(loop.body, id, program_))
        carried = loop_name + " carries " + name(id) + " along";
    for (const Key& key : shifted)
      if (indexed.contains(key)) carried = name(key.first) + " at one position depends on another in " + loop_name;
    for (const Key& key : indexed) {
      if (is_data(key.first)) {
        if (!carried.empty()) sequential(key, carried);
        else if (used_as_number) fixed(key, loop_name + " uses the position as a number");
        else if (!indexed_parameters.empty() &&
                 std::any_of(indexed_parameters.begin(), indexed_parameters.end(),
                             [&](VariableId id) { return program_.variables[id].block == typed::Block::parameters; }))
          fixed(key, "each position has a parameter of its own, " + name(*indexed_parameters.begin()));
        else exchangeable(key, "the iterations of " + loop_name + " are independent");
      }
      if (!program_.variables[key.first].is_local || !carried.empty())
        if (!carried.empty()) carried_containers_[key.first] = carried;
    }
    for (const Key& key : shifted)
      if (is_data(key.first))
        sequential(key, carried.empty() ? name(key.first) + " is used at shifted positions in " + loop_name : carried);
    for (const Key& key : indexed)
      for (const Key& other : indexed)
        if (is_data(key.first) && is_data(other.first)) together_.insert({key, other});
  }

  // What `y - mu ~ normal(0, sigma)` draws.
  std::optional<VariableId> datum_of_residuals(const StatementPtr& statement) const {
    const auto found = program_.simulation.marginalized.find(statement.get());
    return found == program_.simulation.marginalized.end() ? std::nullopt : std::optional(found->second);
  }

  // `y ~ normal(alpha + beta * x, sigma)`: element by element.
  void see_vectorized(const ExpressionPtr& left, const std::vector<ExpressionPtr>& arguments,
                      const typed::Distribution& distribution, std::optional<VariableId> datum) {
    if (left->type.rank() <= distribution.outcome.rank()) return;
    const auto id = datum ? datum : drawn_variable(left);
    if (!id) return;
    const auto* index = std::get_if<typed::Index>(&left->node);
    // `y[i] ~ ...` of an array of arrays is vectorized over the last dimension.
    const int dimension = index ? static_cast<int>(index->items.size()) : 0;
    std::set<Key> columns;
    std::string parameter_column, carried;
    std::function<void(const ExpressionPtr&)> walk = [&](const ExpressionPtr& expression) {
      if (expression->type.is_scalar() && !std::holds_alternative<typed::BuiltinCall>(expression->node)) return;
      if (const auto variable = typed::variable_of(expression)) {
        const typed::Variable& column = program_.variables[*variable];
        if (column.type.rank() == 0) return;
        if (is_data(*variable)) columns.insert({*variable, 0});
        else if (column.block == typed::Block::parameters && !column.is_local) parameter_column = name(*variable);
        if (const auto found = carried_containers_.find(*variable); found != carried_containers_.end())
          carried = found->second;
        for (const Key& key : elementwise_columns(*variable)) columns.insert(key);
        if (const std::string own = own_parameters(*variable); !own.empty()) parameter_column = own;
        return;
      }
      if (const auto* at = std::get_if<typed::Index>(&expression->node)) {
        // alpha[g]: the groups are the column.
        for (const auto& item : at->items)
          if (item.kind == typed::IndexItem::Kind::multiple) walk(item.first);
        return;
      }
      if (const auto* call = std::get_if<typed::BuiltinCall>(&expression->node)) {
        const bool is_product = call->builtin == Builtin::multiply && !call->arguments[0]->type.is_scalar() &&
                                !call->arguments[1]->type.is_scalar();
        if (is_product) return walk(call->arguments[0]); // X * beta: the rows of X
        for (const auto& one : call->arguments)
          if (!one->type.is_scalar()) walk(one);
        return;
      }
      std::visit(
          [&](const auto& node) {
            using Node = std::decay_t<decltype(node)>;
            if constexpr (std::is_same_v<Node, typed::Promote>) walk(node.operand);
            else if constexpr (std::is_same_v<Node, typed::CallPart>) walk(node.call);
            else if constexpr (std::is_same_v<Node, typed::FunctionCall>) {
              for (const auto& one : node.arguments)
                if (!one->type.is_scalar()) walk(one);
            } else if constexpr (std::is_same_v<Node, typed::SolverCall>) {
              for (const auto& one : node.arguments)
                if (!one->type.is_scalar()) walk(one);
              carried = "a solver of `" + node.given->name + "` mixes the positions";
            }
          },
          expression->node);
    };
    for (std::size_t i = 0; i < arguments.size(); ++i)
      if (arguments[i]->type.rank() > distribution.parameters[i].rank()) walk(arguments[i]);
    if (datum) walk(left);
    if (!is_data(*id)) return;
    // `y[2:N] ~ normal(beta * y[1:(N - 1)], sigma)`
    if (index && index->items.front().kind != typed::IndexItem::Kind::single) {
      std::set<VariableId> reads;
      for (const ExpressionPtr& argument : arguments) generative::add_reads(argument, reads);
      if (!reads.contains(*id)) return;
      carried = "a slice of " + name(*id) + " depends on another";
      return sequential({*id, 0}, carried);
    }
    const Key key{*id, dimension};
    if (!carried.empty()) sequential(key, carried);
    else if (!parameter_column.empty()) fixed(key, "each position has a parameter of its own, " + parameter_column);
    else exchangeable(key, "the elements of `~` are independent");
    for (const Key& column : columns) {
      if (carried.empty() && parameter_column.empty()) exchangeable(column, "indexed together with " + name(*id));
      together_.insert({key, column});
    }
  }

  // The data columns that a computed container is made of element by element.
  std::set<Key> elementwise_columns(VariableId id) {
    std::set<Key> found;
    each_definition(id, [&](const ExpressionPtr& value) {
      for_each_expression(value, [&](const ExpressionPtr& one) {
        if (const auto variable = typed::variable_of(one);
            variable && *variable != id && is_data(*variable) && program_.variables[*variable].type.rank() > 0)
          found.insert({*variable, 0});
      });
    });
    return found;
  }

  // A parameter with an element for each position, in what a computed container is made of.
  std::string own_parameters(VariableId id) {
    std::string found;
    each_definition(id, [&](const ExpressionPtr& value) {
      std::set<VariableId> as_index_base;
      for_each_expression(value, [&](const ExpressionPtr& one) {
        if (const auto* index = std::get_if<typed::Index>(&one->node))
          if (const auto base = typed::variable_of(index->base);
              base && !index->items.empty() && index->items[0].first &&
              (std::holds_alternative<typed::Index>(index->items[0].first->node) ||
               index->items[0].kind == typed::IndexItem::Kind::multiple ||
               std::holds_alternative<typed::IntegerLiteral>(index->items[0].first->node)))
            as_index_base.insert(*base);
      });
      for_each_expression(value, [&](const ExpressionPtr& one) {
        const auto variable = typed::variable_of(one);
        if (!variable || as_index_base.contains(*variable)) return;
        const typed::Variable& column = program_.variables[*variable];
        if (column.block == typed::Block::parameters && !column.is_local && column.type.rank() > 0 &&
            !in_product(value, *variable))
          found = name(*variable);
      });
    });
    return found;
  }

  // Whether the variable stands as the right side of a matrix product (X * beta).
  bool in_product(const ExpressionPtr& value, VariableId id) const {
    bool found = false;
    for_each_expression(value, [&](const ExpressionPtr& one) {
      const auto* call = std::get_if<typed::BuiltinCall>(&one->node);
      if (!call || call->builtin != Builtin::multiply || call->arguments[0]->type.is_scalar()) return;
      std::set<VariableId> reads;
      generative::add_reads(call->arguments[1], reads);
      found = found || reads.contains(id);
    });
    return found;
  }

  void each_definition(VariableId id, const std::function<void(const ExpressionPtr&)>& visit) {
    const typed::Variable& variable = program_.variables[id];
    if (is_data(id) || (variable.block == typed::Block::parameters && !variable.is_local)) return;
    for (const auto* block : {&program_.transformed_data, &program_.transformed_parameters, &program_.model})
      for (const StatementPtr& top : *block)
        for_each_statement(top, [&](const StatementPtr& one) {
          if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
              declaration && declaration->variable == id && declaration->initializer)
            visit(declaration->initializer);
          if (const auto* assignment = std::get_if<typed::Assignment>(&one->node);
              assignment && assignment->variable == id)
            visit(assignment->value);
        });
  }

  // Positions of a constrained value are its own: an order, a sum, the two sides of a matrix.
  void see_constrained_types() {
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      const typed::Variable& variable = program_.variables[id];
      if (!is_data(id) || !variable.transform->is_type()) continue;
      for (int d = variable.type.array_rank; d < variable.type.rank(); ++d)
        fixed({id, d}, "it is a dimension of a " + variable.transform->name);
    }
  }

  DimensionUses conclude() {
    see_constrained_types();
    // What holds for a dimension holds for all that are indexed together with it.
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [a, b] : together_) {
        Evidence &x = evidence_[a], &y = evidence_[b];
        if (x.sequential && !y.sequential && !y.fixed) {
          sequential(b, x.sequential_reason);
          changed = true;
        }
        if (x.fixed && !y.fixed && x.fixed_reason.find("is named") == std::string::npos) {
          fixed(b, x.fixed_reason);
          changed = true;
        }
      }
    }
    DimensionUses uses;
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      if (!is_data(id)) continue;
      for (int d = 0; d < program_.variables[id].type.rank(); ++d) {
        const Evidence found = evidence_[{id, d}];
        DimensionUse use;
        if (found.sequential) use = {DimensionKind::sequential, found.sequential_reason, ""};
        else if (found.fixed) use = {DimensionKind::fixed, found.fixed_reason, ""};
        else if (found.exchangeable) use = {DimensionKind::exchangeable, found.exchangeable_reason, ""};
        else use = {DimensionKind::fixed, "no statement treats the positions alike", ""};
        uses[{id, d}] = use;
      }
    }
    prove(uses);
    return uses;
  }

  // What the model depends on: what it reads, and what transformed data that it reads are computed from.
  std::set<VariableId> relevant() const {
    std::set<VariableId> found;
    const auto add = [&](const StatementPtr& statement) {
      const generative::Accesses accesses = generative::accesses_of(statement, program_);
      for (const auto* some : {&accesses.reads, &accesses.drawn}) found.insert(some->begin(), some->end());
    };
    for (const auto* block : {&program_.transformed_parameters, &program_.model})
      for (const StatementPtr& statement : *block) add(statement);
    const auto transformed_data = generative::without_computed(program_.transformed_data, program_, reading_.computed);
    for (std::size_t before = 0; before != found.size();) {
      before = found.size();
      for (const StatementPtr& statement : transformed_data) {
        const auto assigned = generative::accesses_of(statement, program_).assigned;
        if (std::any_of(assigned.begin(), assigned.end(), [&](VariableId id) { return found.contains(id); }))
          add(statement);
      }
    }
    return found;
  }

  // The evidence of single statements is neither enough nor needed: positions are exchangeable where no statement of
  // the whole program tells them apart, all dimensions of one size together as the networks see them. The most
  // dimensions are tried first, for what is computed from columns joins columns that no statement shows side by side.
  void prove(DimensionUses& uses) {
    const std::set<VariableId> relevant = this->relevant();
    struct Candidates {
      std::set<Key> all, without_evidence_against, exchangeable;
    };
    std::map<std::string, Candidates> by_size;
    for (const auto& [key, use] : uses) {
      const typed::Variable& variable = program_.variables[key.first];
      if (variable.transform->is_type() && key.second >= variable.type.array_rank) continue;
      Candidates& same_size = by_size[size_spelling(variable.sizes[static_cast<std::size_t>(key.second)])];
      const Evidence& found = evidence_[key];
      if (use.kind == DimensionKind::exchangeable) same_size.exchangeable.insert(key);
      if (!relevant.contains(key.first)) continue;
      same_size.all.insert(key);
      if (!found.sequential && !found.fixed) same_size.without_evidence_against.insert(key);
    }
    for (const auto& [size, candidates] : by_size) {
      const auto moving = [&](const std::set<Key>& keys) -> std::optional<std::string> {
        if (keys.empty()) return "no statement treats the positions alike";
        // Networks permute the first dimension alone: a square whose rows and columns move together has no such
        // symmetry.
        for (const Key& key : keys)
          if (keys.contains({key.first, key.second + 1}))
            return "rows and columns of " + name(key.first) + " change places only together";
        return find_asymmetry(program_, reading_, keys);
      };
      std::optional<std::string> reason;
      const std::set<Key>* proved = nullptr;
      for (const auto* keys : {&candidates.all, &candidates.without_evidence_against, &candidates.exchangeable}) {
        reason = moving(*keys);
        if (reason) continue;
        proved = keys;
        break;
      }
      if (proved) {
        for (const Key& key : *proved)
          if (uses[key].kind != DimensionKind::exchangeable)
            uses[key] = {DimensionKind::exchangeable, "no statement tells its positions apart", ""};
      }
      const bool is_observed = std::any_of(candidates.exchangeable.begin(), candidates.exchangeable.end(),
                                           [&](const Key& key) { return reading_.roles[key.first] == Role::observed; });
      for (const Key& key : candidates.exchangeable)
        if (!proved || !proved->contains(key))
          uses[key] = {is_observed ? DimensionKind::sequential : DimensionKind::fixed,
                       reason.value_or("its positions do not move along with others of their number"), ""};
    }
  }

  const typed::Program& program_;
  const generative::Reading& reading_;
  std::map<Key, Evidence> evidence_;
  std::set<std::pair<Key, Key>> together_;
  std::map<VariableId, std::string> carried_containers_;
};

} // namespace

DimensionUses dimension_uses(const typed::Program& program, const generative::Reading& reading) {
  return Analysis(program, reading).run();
}

} // namespace sibyl
