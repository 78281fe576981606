#include "compiler/generative/reading.hpp"

#include "compiler/generative/givings.hpp"
#include "compiler/generative/late_bounds.hpp"
#include "compiler/generative/marginalized.hpp"
#include "compiler/generative/point_masses.hpp"
#include "compiler/generative/tree_building.hpp"
#include "lang/words.hpp"

#include <algorithm>
#include <map>

namespace sibyl::generative {

using typed::Variable;

namespace {

bool is_declared_in(const Variable& variable, typed::Block block) {
  return variable.block == block && !variable.is_local;
}

class Reader {
 public:
  explicit Reader(const typed::Program& program) : program_(program) {}

  Reading run() {
    const std::size_t count = program_.variables.size();
    reading_.roles.assign(count, Role::design);
    reading_.is_latent.assign(count, false);
    reading_.is_input.assign(count, false);
    initial_roles();
    in_design_ = true;
    for (const StatementPtr& statement : program_.design) see(statement);
    in_design_ = false;
    for (const StatementPtr& statement : program_.simulation.transformed_parameters) see(statement);
    for (const StatementPtr& statement : program_.simulation.model) see(statement);
    find_computed();
    finish_roles();
    check_constants();
    check_increments();
    check_givings();
    sum_latents();
    find_point_masses();
    check_parameters();
    remark_on_boundaries();
    check_order();
    return std::move(reading_);
  }

 private:
  void initial_roles() {
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      switch (program_.variables[id].block) {
      case typed::Block::transformed_data: reading_.roles[id] = Role::transformed_data; break;
      case typed::Block::parameters: reading_.roles[id] = Role::parameter; break;
      case typed::Block::transformed_parameters: reading_.roles[id] = Role::transformed_parameter; break;
      case typed::Block::generated_quantities: reading_.roles[id] = Role::generated; break;
      default: break;
      }
    }
  }

  // Neither parameters nor data can be simulated.
  void refuse(Span span, const std::string& text) {
    refuse_prior(span, text);
    if (!reading_.no_data_simulation) reading_.no_data_simulation = Reason{span, text};
  }
  // What the text says about the parameters alone: given those, the data can still be simulated.
  void refuse_prior(Span span, const std::string& text) {
    if (!reading_.not_generative) reading_.not_generative = Reason{span, text};
  }
  void refuse_draw(VariableId id, Span span, const std::string& text) {
    is_declared_in(program_.variables[id], typed::Block::parameters) ? refuse_prior(span, text) : refuse(span, text);
  }
  // A statement that adds to the density without drawing: of the parameters alone, it belongs to their prior.
  void refuse_increment(const StatementPtr& statement, std::string text) {
    const auto& refusals = program_.simulation.refusals;
    if (const auto found = refusals.find(statement.get()); found != refusals.end()) text = found->second;
    refuse_prior(statement->span, text);
    const Accesses accesses = accesses_of(statement, program_);
    Increment increment{{statement->span, text}, accesses.reads};
    increment.reads.insert(accesses.drawn.begin(), accesses.drawn.end());
    for (const ExpressionPtr& one : controls_) add_reads(one, increment.reads);
    increments_.push_back(std::move(increment));
  }
  void refuse_density(Span span, std::string text) {
    if (!reading_.no_density) reading_.no_density = Reason{span, std::move(text)};
  }

  void see(const StatementPtr& statement) {
    if (!statement) return;
    if (!std::holds_alternative<typed::Print>(statement->node))
      for_each_operand(statement, [&](const ExpressionPtr& operand) {
        if (touches_target(operand))
          refuse(statement->span, "this reads or adds to the density itself, so it cannot be simulated");
      });
    if (const auto* sequence = std::get_if<typed::Sequence>(&statement->node)) {
      for (const StatementPtr& one : sequence->statements) see(one);
    } else if (const auto* branch = std::get_if<typed::If>(&statement->node)) {
      branches_.emplace_back(branch, true);
      controls_.push_back(branch->condition);
      see(branch->then_body);
      branches_.back().second = false;
      see(branch->else_body);
      controls_.pop_back();
      branches_.pop_back();
    } else if (const auto* tilde = std::get_if<typed::Tilde>(&statement->node)) {
      see_tilde(*tilde, statement);
    } else if (const auto* increment = std::get_if<typed::TargetIncrement>(&statement->node)) {
      if (const auto as_draw = as_tilde(*increment)) return see_tilde(*as_draw, statement);
      if (is_constant(*increment, program_)) return constants_.push_back(statement);
      refuse_increment(
          statement,
          "this adds to the density something that is not a distribution of one variable, so it cannot be simulated");
    } else if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node)) {
      if (!assignment->gives_draw && !is_declared_in(program_.variables[assignment->variable], typed::Block::data))
        return;
      give(assignment->variable, {statement->span, assignment->gives_draw}, assignment->indices);
    } else if (const auto* loop = std::get_if<typed::For>(&statement->node)) {
      const bool jumps = may_jump(loop->body);
      loops_.push_back(*loop);
      controls_.insert(controls_.end(), {loop->first, loop->last});
      jumping_loops_ += jumps;
      see(loop->body);
      jumping_loops_ -= jumps;
      controls_.resize(controls_.size() - 2);
      loops_.pop_back();
    } else {
      std::visit(
          [&](const auto& node) {
            if constexpr (requires { node.body; }) {
              if constexpr (requires { node.condition; }) controls_.push_back(node.condition);
              else if constexpr (requires { node.container; }) controls_.push_back(node.container);
              else controls_.push_back(nullptr);
              ++open_loops_;
              see(node.body);
              --open_loops_;
              controls_.pop_back();
            }
          },
          statement->node);
    }
  }

  static bool may_jump(const StatementPtr& body) {
    bool found = false;
    for_each_statement(body, [&](const StatementPtr& one) {
      found = found || std::holds_alternative<typed::Break>(one->node) ||
              std::holds_alternative<typed::Continue>(one->node);
    });
    return found;
  }

  void give(VariableId id, Giving giving, const std::vector<IndexItem>& place) {
    giving.in_design = in_design_;
    giving.place = place;
    giving.branches = branches_;
    giving.loops = loops_;
    giving.in_open_loop = open_loops_ > 0;
    giving.may_be_skipped = jumping_loops_ > 0;
    givings_[id].push_back(std::move(giving));
  }

  // Whether a statement of the model gives the variable its value, or a part of it: a draw, or any.
  bool is_given(VariableId id, bool by_draw) const {
    const auto found = givings_.find(id);
    return found != givings_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const Giving& one) {
             return !one.in_design && (one.is_draw || !by_draw);
           });
  }

  // Why the statement cannot be one draw of what stands on its left; "" where it can.
  static std::string not_one_draw(const Variable& variable, const typed::Tilde& tilde) {
    if (variable.type.is_integer_valued() && !tilde.distribution->support.is_discrete)
      return quoted(variable.name) + " is an int, but " + quoted(tilde.distribution->name) +
             " draws reals, so this cannot be simulated";
    for (std::size_t i = 0; i < tilde.arguments.size(); ++i)
      if (tilde.left->type.rank() == tilde.distribution->outcome.rank() &&
          tilde.arguments[i]->type.rank() > tilde.distribution->parameters[i].rank())
        return std::string("this gives one ") + (tilde.left->type.is_scalar() ? "number" : "value") +
               " several distributions, so it cannot be simulated";
    return "";
  }

  void see_tilde(const typed::Tilde& tilde, const StatementPtr& statement) {
    const Span span = statement->span;
    const auto id = drawn_variable(tilde.left);
    if (in_design_) {
      if (id) give_drawn(*id, tilde, span);
      return;
    }
    if (!id) return refuse_increment(statement, "the left side of `~` is an expression, so this cannot be simulated");
    const Variable& variable = program_.variables[*id];
    if (variable.is_local && variable.block == typed::Block::model && !variable.is_loop_variable) {
      if (assigns_local(*id))
        return refuse_increment(statement, quoted(variable.name) + " is computed and then given a distribution, so "
                                                                   "this cannot be simulated");
      reading_.is_latent[*id] = true;
      if (const std::string reason = not_one_draw(variable, tilde); !reason.empty()) refuse(span, reason);
      return;
    }
    if (is_declared_in(variable, typed::Block::transformed_parameters) || variable.is_loop_variable)
      return refuse_increment(statement, quoted(variable.name) + " is computed and then given a distribution, so this "
                                                                 "cannot be simulated");
    if (const std::string reason = not_one_draw(variable, tilde); !reason.empty()) refuse_draw(*id, span, reason);
    const ExpressionPtr place = drawn_place(tilde.left);
    std::set<VariableId> reads;
    for (const ExpressionPtr& argument : tilde.arguments) add_reads(argument, reads);
    if (reads.contains(*id) && std::holds_alternative<typed::VariableReference>(place->node))
      refuse_draw(*id, span,
                  quoted(variable.name) +
                      " is drawn from a distribution that depends on it, so this cannot be simulated");
    for (const auto& [branch, is_first] : branches_)
      for_each_expression(branch->condition, [&, &branch = branch](const ExpressionPtr& one) {
        if (branch->else_body && typed::are_same(one, place) &&
            accesses_of(branch->then_body, program_).drawn.contains(*id) &&
            accesses_of(branch->else_body, program_).drawn.contains(*id))
          refuse_draw(*id, span,
                      "how this draws " + quoted(variable.name) + " depends on its value, so it cannot be simulated");
      });
    if (!tilde.distribution->sample) refuse_draw(*id, span, quoted(tilde.distribution->name) + " has no sampler");
    if (is_declared_in(variable, typed::Block::parameters)) check_constrained_draw(tilde, variable, place, span);
    give_drawn(*id, tilde, span);
  }

  void give_drawn(VariableId id, const typed::Tilde& tilde, Span span) {
    if (program_.variables[id].is_local) return;
    give(id, {span, true}, items_of(drawn_place(tilde.left)));
  }

  // The elements of a constrained type cannot be drawn one by one: only where the type says what independent elements
  // become under its condition can they be drawn together, from one distribution.
  void check_constrained_draw(const typed::Tilde& tilde, const Variable& variable, const ExpressionPtr& place,
                              Span span) {
    const typed::Transform& transform = *variable.transform;
    const std::string subject = quoted(variable.name) + " is " + quoted(transform.name) + ", and ";
    if (tilde.distribution->draws_container()) {
      const bool is_free = transform.name == "identity" || transform.name == "offset_multiplier";
      if (!transform.is_type() && !is_free)
        return refuse_prior(span, quoted(variable.name) + " has bounds, and " + quoted(tilde.distribution->name) +
                                      " draws its elements together, so this cannot be simulated");
      if (transform.is_type() && transform.name != tilde.distribution->outcome_transform->name)
        return refuse_prior(span,
                            subject + quoted(tilde.distribution->name) + " draws others, so this cannot be simulated");
    }
    if (!transform.is_type()) return;
    const auto* index = std::get_if<typed::Index>(&place->node);
    if (index && index->items.size() > static_cast<std::size_t>(variable.type.array_rank))
      return refuse_prior(span, subject + "a part of one is drawn, so this cannot be simulated");
    if (tilde.distribution->draws_container()) return;
    if (!transform.conditioned_on(tilde.distribution->name))
      return refuse_prior(span, subject + quoted(tilde.distribution->name) +
                                    " draws its elements one by one, so this cannot be simulated");
    for (const ExpressionPtr& argument : tilde.arguments)
      if (!argument->type.is_scalar())
        return refuse_prior(argument->span,
                            subject + "its elements have different distributions, so this cannot be simulated");
  }

  // Whether some statement other than `~` gives the local a value.
  bool assigns_local(VariableId id) const {
    bool found = false;
    for (const StatementPtr& top : program_.simulation.model)
      for_each_statement(top, [&](const StatementPtr& statement) {
        if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node))
          found = found || assignment->variable == id;
        if (const auto* declaration = std::get_if<typed::Declaration>(&statement->node))
          found = found || (declaration->variable == id && declaration->initializer);
      });
    return found;
  }

  void find_computed() {
    std::set<VariableId> drawn;
    for (const auto& [id, givings] : givings_)
      if (is_declared_in(program_.variables[id], typed::Block::transformed_data)) drawn.insert(id);
    std::optional<Reason> refusal;
    reading_.computed = find_computed_data(program_, drawn, refusal);
    for (const VariableId id : reading_.computed.underlying)
      if (const auto given = givings_.find(id); given != givings_.end() && is_given(id, true) && !refusal)
        refusal = Reason{given->second.front().span,
                         quoted(program_.variables[id].name) + " is drawn, and so is what is computed from it"};
    if (!refusal) return;
    refuse(refusal->span, refusal->text);
    reading_.computed = {};
  }

  void finish_roles() {
    for (const VariableId id : reading_.computed.drawn) reading_.roles[id] = Role::observed;
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      const Variable& variable = program_.variables[id];
      if (!is_declared_in(variable, typed::Block::data)) continue;
      if (reading_.computed.underlying.contains(id)) {
        reading_.roles[id] = Role::underlying;
        continue;
      }
      reading_.roles[id] = is_given(id, false) ? Role::observed : Role::design;
      reading_.is_input[id] = !givings_.contains(id);
    }
  }

  // A term of the density that only the design decides changes no posterior.
  void check_constants() {
    for (const StatementPtr& one : constants_) {
      std::set<VariableId> reads;
      add_reads(std::get<typed::TargetIncrement>(one->node).value, reads);
      for (const VariableId id : reads)
        if (reading_.roles[id] == Role::observed || reading_.roles[id] == Role::underlying)
          refuse(one->span, "this adds to the density of " + quoted(program_.variables[id].name) +
                                ", which is drawn, so it cannot be simulated");
    }
  }

  // Each element gets its value once: what surely gets two is refused, what the text cannot tell is checked by the
  // simulation, and what no statement may give comes from a data file.
  void check_givings() {
    for (const auto& [id, givings] : givings_) {
      const bool is_drawn = std::any_of(givings.begin(), givings.end(), [](const Giving& one) { return one.is_draw; });
      for (std::size_t i = 0; i < givings.size(); ++i) {
        if (givings[i].is_draw && may_repeat(givings[i])) reading_.given_once.insert(id);
        for (std::size_t j = 0; j < i; ++j) check_pair(id, givings[j], givings[i]);
      }
      if (cover_all(givings, program_, id) || (!is_drawn && !is_data(id))) continue;
      const bool is_plain = std::all_of(givings.begin(), givings.end(),
                                        [&](const Giving& one) { return generative::is_plain(one, program_, id); });
      reading_.given_elements[id] = is_plain ? GivenElements::some : GivenElements::perhaps;
    }
  }

  bool is_data(VariableId id) const { return is_declared_in(program_.variables[id], typed::Block::data); }

  void check_pair(VariableId id, const Giving& a, const Giving& b) {
    if ((!a.is_draw && !b.is_draw) || exclude_each_other(a, b) || are_disjoint(a, b, program_, id)) return;
    const std::string name = quoted(program_.variables[id].name);
    const bool may_differ = !a.place.empty() && !b.place.empty() && !are_same(a, b);
    if (may_differ || !is_within(a, b)) {
      reading_.given_once.insert(id);
      return;
    }
    if (a.in_design != b.in_design) refuse_draw(id, b.span, name + " is drawn in the model and in the design");
    else if (a.is_draw != b.is_draw)
      refuse_draw(id, b.span, name + " is both drawn and computed, so this cannot be simulated");
    else refuse_draw(id, b.span, name + " is drawn twice, so this cannot be simulated");
  }

  // Whether one is surely reached where the other is.
  static bool is_within(const Giving& a, const Giving& b) {
    return std::equal(a.branches.begin(), a.branches.begin() + std::min(a.branches.size(), b.branches.size()),
                      b.branches.begin());
  }

  // Whether both name one element by constants.
  static bool are_same(const Giving& a, const Giving& b) {
    if (a.place.size() != b.place.size()) return false;
    for (std::size_t d = 0; d < a.place.size(); ++d) {
      const auto constant = [](const IndexItem& item) {
        return item.kind == IndexItem::Kind::single ? std::get_if<typed::IntegerLiteral>(&item.first->node) : nullptr;
      };
      const auto *one = constant(a.place[d]), *other = constant(b.place[d]);
      if (!one || !other || one->value != other->value) return false;
    }
    return true;
  }

  void sum_latents() {
    SumsFound found = find_sums(program_, reading_.is_latent);
    for (const auto& [id, reason] : found.refusals) refuse_density(reason.span, reason.text);
    reading_.sums = std::move(found.by_draw);
  }

  // Data that are computed have a density where it is a point mass.
  void find_point_masses() {
    const PointMasses masses(program_, reading_.is_latent);
    for (const auto& [id, givings] : givings_)
      for (const Giving& one : givings) {
        if (one.is_draw || one.in_design) continue;
        if (!may_repeat(one) && is_computed_once(id, one) && masses.contain(id)) {
          reading_.point_masses.insert(id);
          continue;
        }
        refuse_density(one.span, quoted(program_.variables[id].name) +
                                     " is computed, not drawn, so the data have no tractable density");
      }
  }

  // Whether no other statement computes what this one does.
  bool is_computed_once(VariableId id, const Giving& giving) const {
    for (const Giving& other : givings_.at(id))
      if (&other != &giving && !other.is_draw && !exclude_each_other(giving, other) &&
          !are_disjoint(giving, other, program_, id))
        return false;
    return true;
  }

  // What is drawn given that the upper boundary is reached, while the density has the chance of that for a mass.
  void remark_on_boundaries() {
    for (const StatementPtr& top : program_.simulation.model)
      for_each_statement(top, [&](const StatementPtr& one) {
        const auto* tilde = std::get_if<typed::Tilde>(&one->node);
        if (tilde && is_diffusion(*tilde->distribution) && !program_.simulation.marginalized.contains(one.get()))
          reading_.remarks.push_back(
              {one->span, "`wiener` is drawn given that the upper boundary is reached, while Stan's density has the "
                          "chance of that as a factor; let data say which boundary it was: `if (upper[n] == 1) y[n] ~ "
                          "wiener(a, t, b, d); else y[n] ~ wiener(a, t, 1 - b, -d);`"});
      });
  }

  void check_parameters() {
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      const Variable& variable = program_.variables[id];
      if (!is_declared_in(variable, typed::Block::parameters)) continue;
      const bool bound_varies = depends_on_parameter(variable.lower) || depends_on_parameter(variable.upper);
      if (bound_varies)
        reading_.remarks.push_back(
            {variable.span, "a bound of " + quoted(variable.name) +
                                " depends on a parameter: simulation normalizes its truncated prior, Stan's density "
                                "does not"});
      if (givings_.contains(id)) continue;
      if (variable.transform->sample && !has_late_bound(program_, id)) reading_.flat.push_back(id);
      else
        refuse_prior(variable.span, "the parameter " + quoted(variable.name) +
                                        " has no prior; add one to the model: `" + variable.name + " ~ " +
                                        (variable.lower ? "exponential(1)" : "normal(0, 1)") + ";`");
    }
  }

  bool depends_on_parameter(const ExpressionPtr& bound) const {
    std::set<VariableId> reads;
    add_reads(bound, reads);
    for (const VariableId id : reads)
      if (reading_.roles[id] == Role::parameter || reading_.roles[id] == Role::transformed_parameter) return true;
    return false;
  }

  void check_order() {
    const std::string circular =
        "this statement depends on its own result through others, so there is no order to simulate in";
    StatementPtr cycle;
    if (!reading_.not_generative &&
        !simulation_order(simulated_statements(program_, reading_), program_, reading_, &cycle)) {
      if (const auto late = find_late_prior(program_))
        refuse_prior(late->span,
                     "the prior of " + quoted(program_.variables[late->parameter].name) + " depends on " +
                         quoted(program_.variables[late->data].name) +
                         ", that is on data which are drawn given it, so it cannot be simulated: give it a prior "
                         "of its own, and let its bound depend on them");
      else refuse_prior(cycle->span, circular);
    }
    cycle = nullptr;
    if (!reading_.no_data_simulation && !data_simulation_order(program_, reading_, &cycle))
      refuse(cycle->span, circular);
  }

  // What adds to the density and depends on the data, or on what is computed from them, is no prior.
  void check_increments() {
    if (increments_.empty() || reading_.no_data_simulation) return;
    // Where nothing is observed there are no data to simulate: what is added is all that the text has of a likelihood.
    if (std::find(reading_.roles.begin(), reading_.roles.end(), Role::observed) == reading_.roles.end())
      return refuse(increments_.front().reason.span, increments_.front().reason.text);
    std::set<VariableId> of_data;
    for (VariableId id = 0; id < program_.variables.size(); ++id)
      if (reading_.roles[id] == Role::observed || reading_.roles[id] == Role::underlying || reading_.is_latent[id])
        of_data.insert(id);
    const auto meets = [&](const std::set<VariableId>& reads) {
      return std::any_of(reads.begin(), reads.end(), [&](VariableId id) { return of_data.contains(id); });
    };
    for (std::size_t before = 0; before != of_data.size();) {
      before = of_data.size();
      for (const auto* block :
           {&program_.transformed_data, &program_.simulation.transformed_parameters, &program_.simulation.model})
        for (const StatementPtr& statement : *block)
          if (const Accesses accesses = accesses_of(statement, program_); meets(accesses.reads))
            of_data.insert(accesses.assigned.begin(), accesses.assigned.end());
    }
    for (const Increment& one : increments_)
      if (meets(one.reads)) return refuse(one.reason.span, one.reason.text);
  }

  const typed::Program& program_;
  Reading reading_;
  std::map<VariableId, std::vector<Giving>> givings_;
  std::vector<StatementPtr> constants_;
  // Around what is being read.
  bool in_design_ = false;
  std::vector<std::pair<const typed::If*, bool>> branches_;
  std::vector<typed::For> loops_;
  int open_loops_ = 0, jumping_loops_ = 0;
  std::vector<ExpressionPtr> controls_; // what decides whether and how often it runs
  struct Increment {
    Reason reason;
    std::set<VariableId> reads;
  };
  std::vector<Increment> increments_;
};

} // namespace

Reading read(const typed::Program& program) { return Reader(program).run(); }

} // namespace sibyl::generative
