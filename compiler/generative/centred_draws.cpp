#include "compiler/generative/centred_draws.hpp"

#include "compiler/generative/log_terms.hpp"
#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace sibyl::generative {

namespace {

using Kind = IndexItem::Kind;

const typed::BuiltinCall* as_builtin(const ExpressionPtr& expression, Builtin which) {
  const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
  return call && call->builtin == which ? call : nullptr;
}

class CentredRewriter {
 public:
  explicit CentredRewriter(typed::Program& program) : program_(program) {}

  void run() {
    std::map<VariableId, std::vector<StatementPtr>> draws;
    for (const StatementPtr& top : program_.simulation.model)
      for_each_statement(top, [&](const StatementPtr& one) {
        const auto draw = as_draw(one);
        const auto id = draw ? drawn_variable(draw->left) : std::nullopt;
        if (id) draws[*id].push_back(one);
      });
    Statements made;
    for (StatementPtr& top : program_.simulation.model) {
      const auto draw = as_draw(top);
      const auto* whole = draw ? std::get_if<typed::VariableReference>(&draw->left->node) : nullptr;
      const auto free = whole && draws.at(whole->variable).size() == 1 && is_fixed_normal(*draw, draws)
                            ? all_but_the_last(whole->variable)
                            : std::nullopt;
      if (free && !draws.contains(*free)) add_draws(made, *draw, whole->variable, *free, top);
      else made.push_back(top);
    }
    program_.simulation.model = std::move(made);
  }

 private:
  // A normal distribution, the same for all, of numbers that are not random.
  bool is_fixed_normal(const typed::Tilde& draw, const std::map<VariableId, std::vector<StatementPtr>>& draws) const {
    const std::string& name = draw.distribution->name;
    if (draw.truncation || (name != "normal" && name != "std_normal")) return false;
    return std::all_of(draw.arguments.begin(), draw.arguments.end(), [&](const ExpressionPtr& one) {
      std::set<VariableId> reads;
      add_reads(one, reads);
      return one->type.is_scalar() && std::all_of(reads.begin(), reads.end(), [&](VariableId id) {
               const typed::Variable& variable = program_.variables[id];
               return variable.block == typed::Block::data && !variable.is_local && !draws.contains(id);
             });
    });
  }

  // The parameter whose elements are the first of the variable, where the last one makes their sum zero.
  std::optional<VariableId> all_but_the_last(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    if (variable.type.rank() != 1 || variable.type.array_rank > 0 || variable.block == typed::Block::parameters ||
        variable.sizes.empty())
      return std::nullopt;
    std::vector<typed::Assignment> given;
    bool is_plain = true;
    for (const Statements* block : {&program_.transformed_parameters, &program_.model})
      for (const StatementPtr& top : *block) {
        if (const auto* declaration = std::get_if<typed::Declaration>(&top->node);
            declaration && declaration->variable == id && declaration->initializer)
          given.push_back({id, {}, declaration->initializer});
        else if (const auto* assignment = std::get_if<typed::Assignment>(&top->node);
                 assignment && assignment->variable == id)
          given.push_back(*assignment);
        else is_plain = is_plain && count_assignments(top, id) == 0;
      }
    if (!is_plain) return std::nullopt;
    if (given.size() == 1 && given[0].indices.empty()) return joined(given[0].value);
    if (given.size() != 2) return std::nullopt;
    const auto first = first_part(given[0], variable.sizes.front());
    const bool is_last = given[1].indices.size() == 1 && given[1].indices[0].kind == Kind::single &&
                         are_same(given[1].indices[0].first, variable.sizes.front());
    return first && is_last && is_negated_sum(given[1].value, *first) ? first : std::nullopt;
  }

  // append_row(free, -sum(free)), the last also as a vector of one.
  std::optional<VariableId> joined(const ExpressionPtr& value) const {
    const auto* join = as_builtin(value, Builtin::append_row);
    const auto free = join ? free_parameter(join->arguments[0]) : std::nullopt;
    if (!free) return std::nullopt;
    ExpressionPtr last = join->arguments[1];
    if (const auto* filled = as_builtin(last, Builtin::rep_vector); filled && literal_number(filled->arguments[1]) == 1)
      last = filled->arguments[0];
    return is_negated_sum(last, *free) ? free : std::nullopt;
  }

  // `x[1:(N - 1)] = free;` or `x[:(N - 1)] = free;`
  std::optional<VariableId> first_part(const typed::Assignment& given, const ExpressionPtr& size) const {
    if (given.indices.size() != 1) return std::nullopt;
    const IndexItem& item = given.indices[0];
    const bool is_from_one = item.kind == Kind::between && literal_number(item.first) == 1;
    if (item.kind != Kind::up_to && !is_from_one) return std::nullopt;
    const auto* less = as_builtin(item.second, Builtin::subtract);
    if (!less || !are_same(less->arguments[0], size) || literal_number(less->arguments[1]) != 1) return std::nullopt;
    return free_parameter(given.value);
  }

  std::optional<VariableId> free_parameter(const ExpressionPtr& value) const {
    const auto id = typed::variable_of(value);
    if (!id) return std::nullopt;
    const typed::Variable& variable = program_.variables[*id];
    const bool is_free = variable.block == typed::Block::parameters && !variable.is_local &&
                         variable.type.base == Base::vector && variable.type.array_rank == 0 &&
                         variable.transform->name == "identity";
    return is_free ? id : std::nullopt;
  }

  bool is_negated_sum(const ExpressionPtr& value, VariableId free) const {
    const auto is_sum = [&](const ExpressionPtr& one) {
      const auto* call = as_library_call(one, "sum");
      return call && typed::variable_of(call->arguments[0]) == free;
    };
    if (const auto* negated = as_builtin(value, Builtin::negate)) return is_sum(negated->arguments[0]);
    const auto* product = as_builtin(value, Builtin::multiply);
    if (!product) return false;
    const auto is_minus_one = [](const ExpressionPtr& one) {
      if (literal_number(one) == -1) return true;
      const auto* negated = as_builtin(without_promotion(one), Builtin::negate);
      return negated && literal_number(negated->arguments[0]) == 1;
    };
    return (is_minus_one(product->arguments[0]) && is_sum(product->arguments[1])) ||
           (is_minus_one(product->arguments[1]) && is_sum(product->arguments[0]));
  }

  void add_draws(Statements& made, const typed::Tilde& draw, VariableId id, VariableId free, const StatementPtr& tree) {
    const Span span = tree->span;
    program_.variables.push_back(unconstrained_local(program_.variables[id]));
    const auto drawn = static_cast<VariableId>(program_.variables.size() - 1);
    const Type type = program_.variables[drawn].type;
    const ExpressionPtr all = reference(drawn, type, span);
    made.push_back(make_statement(typed::Declaration{drawn, nullptr}, span));
    made.push_back(make_statement(typed::Tilde{all, draw.distribution, draw.arguments, {}}, span));
    const ExpressionPtr centred = builtin(Builtin::subtract, {all, library_call("mean", {all}, span)}, type, span);
    const ExpressionPtr free_size = program_.variables[free].sizes.front();
    const ExpressionPtr first = make_expression(
        typed::Index{centred, {{Kind::up_to, nullptr, free_size, span}}}, program_.variables[free].type, span);
    made.push_back(given_draw(reference(free, program_.variables[free].type, span), first, span));
    program_.simulation.marginalized.emplace(tree.get(), free);
  }

  typed::Program& program_;
};

} // namespace

void read_centred_draws(typed::Program& program) { CentredRewriter(program).run(); }

} // namespace sibyl::generative
