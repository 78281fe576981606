#include "compiler/generative/copies.hpp"

#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace sibyl::generative {

namespace {

using Kind = IndexItem::Kind;

bool are_single(const std::vector<IndexItem>& items) {
  return std::all_of(items.begin(), items.end(), [](const IndexItem& one) { return one.kind == Kind::single; });
}

// `target = parameter[items];` within these loops.
struct Copy {
  std::vector<IndexItem> target;
  VariableId parameter = 0;
  std::vector<IndexItem> items;
  std::vector<typed::For> loops;
  Type type; // of what is copied
  Span span;
};

class CopyRewriter {
 public:
  explicit CopyRewriter(typed::Program& program) : program_(program) {}

  void run() {
    std::map<VariableId, std::vector<StatementPtr>> draws;
    for (const StatementPtr& top : program_.simulation.model)
      for_each_statement(top, [&](const StatementPtr& one) {
        const auto draw = as_draw(one);
        const auto id = draw ? drawn_variable(draw->left) : std::nullopt;
        if (id && may_be_copy(*id)) draws[*id].push_back(one);
      });
    for (const auto& [id, statements] : draws) {
      const auto copies = copies_in(id);
      if (copies && std::all_of(statements.begin(), statements.end(),
                                [&](const StatementPtr& one) { return fits(*as_draw(one), id, *copies); }))
        draw_instead(id, statements, *copies);
    }
  }

 private:
  bool may_be_copy(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    if (variable.is_loop_variable || variable.type.is_integer_valued()) return false;
    return (variable.block == typed::Block::transformed_parameters) ||
           (variable.is_local && variable.block == typed::Block::model);
  }

  // All that gives the variable values; nothing where some of it is no copy of a parameter.
  std::optional<std::vector<Copy>> copies_in(VariableId id) const {
    std::vector<Copy> found;
    bool fails = false;
    std::vector<typed::For> loops;
    const auto add_copies = [&](const typed::Assignment& assignment, Span span) {
      for (const typed::Assignment& one : by_element(assignment)) {
        const auto copy = copy_in(one, loops, span);
        if (copy) found.push_back(*copy);
        fails = fails || !copy;
      }
    };
    const std::function<void(const StatementPtr&)> see = [&](const StatementPtr& tree) {
      if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
        for (const StatementPtr& one : sequence->statements) see(one);
      } else if (const auto* loop = std::get_if<typed::For>(&tree->node)) {
        loops.push_back(*loop);
        see(loop->body);
        loops.pop_back();
      } else if (const auto* assignment = std::get_if<typed::Assignment>(&tree->node)) {
        if (assignment->variable == id) add_copies(*assignment, tree->span);
      } else if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node)) {
        if (declaration->variable == id && declaration->initializer)
          add_copies({id, {}, declaration->initializer}, tree->span);
      } else {
        fails = fails || count_assignments(tree, id) > 0;
      }
    };
    for (const Statements* block : {&program_.transformed_parameters, &program_.model})
      for (const StatementPtr& one : *block) see(one);
    std::set<VariableId> copied;
    for (const Copy& one : found) fails = fails || !copied.insert(one.parameter).second;
    if (fails || found.empty()) return std::nullopt;
    return found;
  }

  // `x[j] = [a[j], b[j]]';` as an assignment for each; others as they are.
  static std::vector<typed::Assignment> by_element(const typed::Assignment& assignment) {
    ExpressionPtr list = assignment.value;
    if (const auto* call = std::get_if<typed::BuiltinCall>(&list->node);
        call && (call->builtin == Builtin::transpose || call->builtin == Builtin::to_vector))
      list = call->arguments[0];
    const std::vector<ExpressionPtr>* elements = nullptr;
    if (const auto* row = std::get_if<typed::RowVectorLiteral>(&list->node)) elements = &row->elements;
    if (const auto* array = std::get_if<typed::ArrayLiteral>(&list->node)) elements = &array->elements;
    if (!elements) return {assignment};
    std::vector<typed::Assignment> all;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      typed::Assignment one{assignment.variable, assignment.indices, (*elements)[i]};
      const ExpressionPtr place = whole_number(static_cast<std::int64_t>(i) + 1, list->span);
      one.indices.push_back({Kind::single, place, nullptr, list->span});
      all.push_back(std::move(one));
    }
    return all;
  }

  std::optional<Copy> copy_in(const typed::Assignment& assignment, const std::vector<typed::For>& loops,
                              Span span) const {
    const auto* index = std::get_if<typed::Index>(&assignment.value->node);
    const auto parameter = typed::variable_of(index ? index->base : assignment.value);
    if (!parameter) return std::nullopt;
    const typed::Variable& variable = program_.variables[*parameter];
    if (variable.is_local || variable.block != typed::Block::parameters) return std::nullopt;
    Copy copy{assignment.indices,     *parameter, index ? index->items : std::vector<IndexItem>{}, loops,
              assignment.value->type, span};
    if (!are_single(copy.target) || !are_single(copy.items)) return std::nullopt;
    // No iteration copies what another does.
    const auto walks = [](const std::vector<IndexItem>& items, VariableId position) {
      return std::any_of(items.begin(), items.end(),
                         [&](const IndexItem& one) { return typed::variable_of(one.first) == position; });
    };
    for (const typed::For& loop : loops)
      if (!walks(copy.target, loop.variable) || !walks(copy.items, loop.variable)) return std::nullopt;
    return copy;
  }

  // Whether what the statement draws is what the parameters may be.
  bool fits(const typed::Tilde& draw, VariableId id, const std::vector<Copy>& copies) const {
    if (draw.truncation || !draw.distribution->sample) return false;
    for (const ExpressionPtr& argument : draw.arguments)
      if (count_looks(argument, id) > 0) return false;
    return std::all_of(copies.begin(), copies.end(), [&](const Copy& one) {
      const typed::Transform& transform = *program_.variables[one.parameter].transform;
      const auto& drawn = draw.distribution->outcome_transform;
      if (draw.distribution->draws_container() && drawn && drawn->name != transform.name) return false;
      if (transform.name == "identity") return true;
      return transform.is_type() && draw.distribution->draws_container() && one.items.empty();
    });
  }

  void draw_instead(VariableId id, const std::vector<StatementPtr>& statements, const std::vector<Copy>& copies) {
    const Span span = statements.front()->span;
    const VariableId drawn = add(unconstrained_local(program_.variables[id]));
    const ExpressionPtr all = reference(drawn, program_.variables[drawn].type, span);
    Statements result{make_statement(typed::Declaration{drawn, nullptr}, span)};
    for (const StatementPtr& top : program_.simulation.model) result.push_back(with_draws_of(top, statements, id, all));
    for (const Copy& one : copies) result.push_back(given_back(one, all));
    program_.simulation.model = std::move(result);
    for (const StatementPtr& one : statements)
      program_.simulation.marginalized.emplace(one.get(), copies.front().parameter);
  }

  static StatementPtr with_draws_of(const StatementPtr& top, const std::vector<StatementPtr>& statements, VariableId id,
                                    const ExpressionPtr& all) {
    bool changes = false;
    const StatementPtr other = typed::rewritten(top, [&](const StatementPtr& one) -> StatementPtr {
      if (std::find(statements.begin(), statements.end(), one) == statements.end()) return nullptr;
      changes = true;
      return typed::rewritten(one, [](const StatementPtr&) { return nullptr; }, replacing(id, all));
    });
    return changes ? other : top;
  }

  // `parameter[items] = drawn[target];` in loops of its own.
  StatementPtr given_back(const Copy& copy, const ExpressionPtr& all) {
    std::vector<IndexItem> target = copy.target, items = copy.items;
    const auto rename = [&](std::vector<IndexItem>& list, const typed::RewriteExpression& replace) {
      for (IndexItem& one : list) one.first = typed::rewritten(one.first, replace);
    };
    std::vector<typed::For> loops = copy.loops;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      const VariableId own = add(program_.variables[loops[i].variable]);
      const auto replace = replacing(loops[i].variable, reference(own, integer, copy.span));
      rename(target, replace);
      rename(items, replace);
      for (std::size_t inner = i + 1; inner < loops.size(); ++inner) {
        loops[inner].first = typed::rewritten(loops[inner].first, replace);
        loops[inner].last = typed::rewritten(loops[inner].last, replace);
      }
      loops[i].variable = own;
    }
    const ExpressionPtr value = target.empty() ? all : make_expression(typed::Index{all, target}, copy.type, copy.span);
    typed::Assignment assignment{copy.parameter, items, value};
    assignment.gives_draw = true;
    StatementPtr statement = make_statement(std::move(assignment), copy.span);
    for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop)
      statement = make_statement(typed::For{loop->variable, loop->first, loop->last, statement}, copy.span);
    return statement;
  }

  VariableId add(typed::Variable variable) {
    program_.variables.push_back(std::move(variable));
    return static_cast<VariableId>(program_.variables.size() - 1);
  }

  typed::Program& program_;
};

} // namespace

void read_copies(typed::Program& program) { CopyRewriter(program).run(); }

} // namespace sibyl::generative
