#include "compiler/generative/summed_out.hpp"

#include "compiler/generative/accesses.hpp"

#include <algorithm>
#include <set>

namespace sibyl::generative {

namespace {

bool refers_to(const ExpressionPtr& expression, VariableId id) {
  const auto* reference = std::get_if<typed::VariableReference>(&expression->node);
  return reference && reference->variable == id;
}

// Whether a break or continue in it goes to a loop around it.
bool jumps_out(const StatementPtr& statement) {
  if (!statement) return false;
  return std::visit(
      [](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, typed::Break> || std::is_same_v<Node, typed::Continue>) return true;
        else if constexpr (std::is_same_v<Node, typed::If>)
          return jumps_out(node.then_body) || jumps_out(node.else_body);
        else if constexpr (std::is_same_v<Node, typed::Sequence>)
          return std::any_of(node.statements.begin(), node.statements.end(), jumps_out);
        else return false;
      },
      statement->node);
}

class Finder {
 public:
  Finder(const typed::Program& program, const std::vector<bool>& latents) : program_(program), latents_(latents) {}

  SumsFound run() {
    for (const StatementPtr& statement : program_.model)
      for_each_statement(statement, [&](const StatementPtr& one) {
        if (const auto draw = as_draw(one))
          if (const auto id = drawn_variable(draw->left); id && latents_[*id]) ++draws_[*id];
      });
    walk(program_.model);
    for (const auto& [id, count] : draws_)
      if (count > 1) refuse(id, program_.variables[id].span, "in several places");
    return std::move(found_);
  }

 private:
  void refuse(VariableId id, Span span, const std::string& why, const std::string& advice = "") {
    found_.refusals.try_emplace(id, Reason{span, "the local variable `" + program_.variables[id].name + "` is drawn " +
                                                     why + ", so the data have no tractable density" + advice});
  }
  void refuse_place(VariableId id, Span span, const std::string& why) {
    refuse(id, span, why, ": draw it in the loop that uses it, then the density sums over its values");
  }

  void walk(const StatementPtr& statement) {
    if (!statement) return;
    if (const auto* sequence = std::get_if<typed::Sequence>(&statement->node)) return walk(sequence->statements);
    if (const auto* branch = std::get_if<typed::If>(&statement->node)) {
      walk(branch->then_body);
      walk(branch->else_body);
      return;
    }
    const auto* loop = std::get_if<typed::For>(&statement->node);
    if (loop) loop_variables_.insert(loop->variable);
    std::visit(
        [&](const auto& node) {
          if constexpr (requires { node.body; }) walk(node.body);
        },
        statement->node);
    if (loop) loop_variables_.erase(loop->variable);
    refuse_draw_alone(statement);
  }

  // A branch or loop of a single statement has none behind its draw.
  void refuse_draw_alone(const StatementPtr& statement) {
    const auto draw = as_draw(statement);
    const auto id = draw ? drawn_variable(draw->left) : std::nullopt;
    if (id && latents_[*id]) refuse_place(*id, statement->span, used_elsewhere);
  }

  // From the end, so that sums within a sum are known when it is made.
  void walk(const Statements& sequence) {
    for (std::size_t i = sequence.size(); i-- > 0;) {
      const auto draw = as_draw(sequence[i]);
      const auto id = draw ? drawn_variable(draw->left) : std::nullopt;
      if (id && latents_[*id]) sum(sequence, i, *draw, *id);
      else walk(sequence[i]);
    }
  }

  void sum(const Statements& sequence, std::size_t at, const typed::Tilde& draw, VariableId id) {
    const Span span = sequence[at]->span;
    const typed::Variable& variable = program_.variables[id];
    if (!variable.type.is_integer_valued()) return refuse(id, span, "and integrated out");
    const typed::Support& support = draw.distribution->support;
    if (draw.distribution->draws_container() || !support.lower || !support.upper)
      return refuse(id, span, "by a distribution of infinitely many values");
    SummedOut sum{.draw = draw, .latent = id};
    if (const auto* index = std::get_if<typed::Index>(&draw.left->node)) sum.place = index->items;
    else if (!refers_to(draw.left, id)) return refuse(id, span, "as part of an expression");
    if (sum.place.size() != static_cast<std::size_t>(variable.type.rank()) ||
        !std::all_of(sum.place.begin(), sum.place.end(),
                     [&](const auto& one) { return loop_variable(one).has_value(); }))
      return refuse_place(id, span, "not by the element");
    const Statements rest(sequence.begin() + static_cast<std::ptrdiff_t>(at) + 1, sequence.end());
    sum.dependents = count_dependents(rest, id);
    const Statements range(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(sum.dependents));
    Statements with_draw = range;
    with_draw.push_back(sequence[at]);
    if (uses(program_.model, id).all != uses(with_draw, id, &sum.place).at_place)
      return refuse_place(id, span, used_elsewhere);
    for (const StatementPtr& one : range)
      if (jumps_out(one)) return refuse(id, one->span, "and this leaves the loop that it is drawn in");
    if (!restore_what_changes(sequence, at, range, sum)) return;
    found_.by_draw.emplace(sequence[at].get(), std::move(sum));
  }

  std::optional<VariableId> loop_variable(const IndexItem& item) const {
    if (item.kind != IndexItem::Kind::single) return std::nullopt;
    const auto* reference = std::get_if<typed::VariableReference>(&item.first->node);
    if (!reference || !loop_variables_.contains(reference->variable)) return std::nullopt;
    return reference->variable;
  }

  // Up to the last statement that depends on the latent, or on what such statements assign; a sum that begins among
  // them ends among them.
  std::size_t count_dependents(const Statements& rest, VariableId id) const {
    std::set<VariableId> depend{id};
    std::size_t last = 0;
    for (std::size_t before = depend.size() + 1; before != depend.size() + last;) {
      before = depend.size() + last;
      for (std::size_t i = 0; i < rest.size(); ++i) {
        const Accesses accesses = accesses_of(rest[i], program_);
        const bool is_dependent = std::any_of(accesses.reads.begin(), accesses.reads.end(),
                                              [&](VariableId read) { return depend.contains(read); });
        if (is_dependent) {
          last = std::max(last, i + 1);
          depend.insert(accesses.assigned.begin(), accesses.assigned.end());
        }
        if (const auto inner = found_.by_draw.find(rest[i].get()); i < last && inner != found_.by_draw.end())
          last = std::max(last, i + 1 + inner->second.dependents);
      }
    }
    return last;
  }

  struct Uses {
    std::size_t all = 0, at_place = 0;
  };
  // How often the variable is read or drawn, and how often of these at the place.
  Uses uses(const Statements& statements, VariableId id, const std::vector<IndexItem>* place = nullptr) const {
    Uses result;
    const auto count = [&](const ExpressionPtr& operand) {
      for_each_expression(operand, [&](const ExpressionPtr& one) {
        result.all += refers_to(one, id);
        if (place && place->empty()) result.at_place += refers_to(one, id);
        const auto* index = std::get_if<typed::Index>(&one->node);
        if (!place || place->empty() || !index || !refers_to(index->base, id) || index->items.size() != place->size())
          return;
        for (std::size_t d = 0; d < place->size(); ++d)
          if (!loop_variable(index->items[d]) || loop_variable(index->items[d]) != loop_variable((*place)[d])) return;
        ++result.at_place;
      });
    };
    for (const StatementPtr& statement : statements)
      for_each_statement(statement, [&](const StatementPtr& one) { for_each_operand(one, count); });
    return result;
  }

  // What the range assigns must begin with it, or be a number that can be set back for each value and that nothing
  // around the sequence sees.
  bool restore_what_changes(const Statements& sequence, std::size_t at, const Statements& range, SummedOut& sum) {
    std::set<VariableId> own, of_sequence, assigned;
    for (const StatementPtr& one : range) {
      const Accesses accesses = accesses_of(one, program_);
      own.insert(accesses.declared.begin(), accesses.declared.end());
      assigned.insert(accesses.assigned.begin(), accesses.assigned.end());
      bool touches = false;
      for_each_statement(one, [&](const StatementPtr& nested) {
        for_each_operand(nested, [&](const ExpressionPtr& operand) { touches = touches || touches_target(operand); });
      });
      if (touches) {
        refuse(sum.latent, one->span, "and this reads or adds to the density itself");
        return false;
      }
    }
    for (std::size_t i = 0; i < at; ++i)
      if (const auto* declaration = std::get_if<typed::Declaration>(&sequence[i]->node))
        of_sequence.insert(declaration->variable);
    for (const VariableId id : assigned) {
      const typed::Variable& variable = program_.variables[id];
      if (own.contains(id) || !variable.is_local) continue;
      if (!of_sequence.contains(id) || !variable.type.is_scalar()) {
        refuse(sum.latent, sequence[at]->span,
               "and `" + variable.name + "`, which is declared " +
                   (of_sequence.contains(id) ? "before it and no number" : "outside of where it is drawn") +
                   ", changes with it");
        return false;
      }
      sum.restored.push_back(id);
    }
    return true;
  }

  static constexpr const char* used_elsewhere = "and used elsewhere than behind its draw in the same block";

  const typed::Program& program_;
  const std::vector<bool>& latents_;
  std::map<VariableId, int> draws_;
  std::set<VariableId> loop_variables_; // of the loops around
  SumsFound found_;
};

} // namespace

SumsFound find_sums(const typed::Program& program, const std::vector<bool>& latents) {
  return Finder(program, latents).run();
}

} // namespace sibyl::generative
