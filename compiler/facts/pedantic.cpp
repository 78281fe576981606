#include "compiler/facts/pedantic.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/typed_rewrite.hpp"
#include "lang/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

using namespace generative; // statements, expressions and walks over them

namespace {

// Priors of parameters on another scale than this make samplers slow, as in Stan's pedantic mode.
constexpr double largest_unit = 100, smallest_unit = 0.01;

class Adviser {
 public:
  Adviser(const typed::Program& program, const generative::Reading& reading) : program_(program), reading_(reading) {}

  Diagnostics run() {
    find_varying();
    for (const auto* block : {&program_.transformed_parameters, &program_.model})
      for (const StatementPtr& top : *block) for_each_statement(top, [&](const StatementPtr& one) { see(one); });
    find_used();
    for (VariableId id = 0; id < program_.variables.size(); ++id)
      if (is_parameter(id)) see_parameter(id);
    sort_and_deduplicate(diagnostics_);
    return std::move(diagnostics_);
  }

 private:
  void advise(const char* code, Span span, const std::string& message) {
    Diagnostic one;
    one.severity = Severity::warning;
    one.code = code;
    one.message = message;
    one.primary.span = span;
    diagnostics_.push_back(std::move(one));
  }

  bool is_parameter(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    return variable.block == typed::Block::parameters && !variable.is_local;
  }

  // What depends on parameters: them, and all that is computed from such.
  void find_varying() {
    for (VariableId id = 0; id < program_.variables.size(); ++id)
      if (is_parameter(id) || reading_.is_latent[id]) varying_.insert(id);
    for (std::size_t before = 0; before != varying_.size();) {
      before = varying_.size();
      for (const auto* block : {&program_.transformed_parameters, &program_.model})
        for (const StatementPtr& top : *block)
          for_each_statement(top, [&](const StatementPtr& one) {
            if (const auto* assignment = std::get_if<typed::Assignment>(&one->node);
                assignment && varies(assignment->value))
              varying_.insert(assignment->variable);
            if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
                declaration && declaration->initializer && varies(declaration->initializer))
              varying_.insert(declaration->variable);
            if (const auto* each = std::get_if<typed::ForEach>(&one->node); each && varies(each->container))
              varying_.insert(each->variable);
          });
    }
  }
  // What the density depends on: what is added to it, what decides about that, and what those are computed from.
  void find_used() {
    const auto add = [&](const StatementPtr& one) {
      for_each_operand(one, [&](const ExpressionPtr& operand) { generative::add_reads(operand, used_); });
    };
    for (std::size_t before = 1; before != used_.size();) {
      before = used_.size();
      for (const auto* block : {&program_.transformed_parameters, &program_.model})
        for (const StatementPtr& top : *block)
          for_each_statement(top, [&](const StatementPtr& one) {
            if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) {
              const typed::Variable& to = program_.variables[assignment->variable];
              const bool is_data = to.block == typed::Block::data && !to.is_local;
              if (is_data || used_.contains(assignment->variable)) add(one);
            } else if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) {
              if (used_.contains(declaration->variable)) add(one);
            } else if (!std::holds_alternative<typed::Print>(one->node)) {
              add(one);
            }
          });
      for (const typed::Variable& one : program_.variables)
        if (one.block == typed::Block::parameters)
          for (const ExpressionPtr& bound : {one.lower, one.upper, one.offset, one.multiplier})
            generative::add_reads(bound, used_);
    }
  }
  bool varies(const ExpressionPtr& expression) const {
    std::set<VariableId> reads;
    generative::add_reads(expression, reads);
    return std::any_of(reads.begin(), reads.end(), [&](VariableId id) { return varying_.contains(id); });
  }

  void see(const StatementPtr& tree) {
    if (const auto* branch = std::get_if<typed::If>(&tree->node)) {
      if (varies(branch->condition))
        advise(
            "branch-on-parameter", branch->condition->span,
            "which branch is taken depends on a parameter, so the density may jump: what moves along its gradient does "
            "not see that");
    } else if (const auto* loop = std::get_if<typed::While>(&tree->node)) {
      if (varies(loop->condition))
        advise(
            "branch-on-parameter", loop->condition->span,
            "how often this runs depends on a parameter, so the density may jump: what moves along its gradient does "
            "not see that");
    } else if (const auto* tilde = std::get_if<typed::Tilde>(&tree->node)) {
      see_draw(*tilde, tree->span);
    } else if (const auto* increment = std::get_if<typed::TargetIncrement>(&tree->node)) {
      has_jacobian_ = has_jacobian_ || increment->is_jacobian;
      if (const auto as_draw = as_tilde(*increment)) see_draw(*as_draw, tree->span);
      else generative::add_reads(increment->value, otherwise_);
    }
  }

  void see_draw(const typed::Tilde& tilde, Span span) {
    see_arguments(tilde);
    const auto id = drawn_variable(tilde.left);
    if (!id) return see_left(tilde, span);
    if (!is_parameter(*id)) return;
    auto& before = priors_[*id];
    const ExpressionPtr place = drawn_place(tilde.left);
    for (const auto& [other, other_span] : before)
      if (typed::are_same(place, other)) {
        advise("several-priors", span,
               quoted(program_.variables[*id].name) +
                   " is given a distribution before: its prior is the product of both");
        break;
      }
    before.emplace_back(place, span);
    see_support(*id, tilde, span);
    if (tilde.distribution->name == "uniform")
      advise("uniform-prior", span,
             quoted(program_.variables[*id].name) +
                 " has a uniform prior, whose ends are hard: unless they are physical, a "
                 "soft prior says more, and samplers move better");
  }

  // A function of a parameter on the left: its density is one of that function, not of the parameter.
  void see_left(const typed::Tilde& tilde, Span span) {
    if (!varies(tilde.left)) return;
    generative::add_reads(tilde.left, otherwise_);
    bool is_linear = true;
    for_each_expression(tilde.left, [&](const ExpressionPtr& one) {
      if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node)) {
        const bool is_product = call->builtin == Builtin::multiply || call->builtin == Builtin::divide ||
                                call->builtin == Builtin::elementwise_multiply ||
                                call->builtin == Builtin::elementwise_divide;
        if (call->builtin == Builtin::math || call->builtin == Builtin::power ||
            call->builtin == Builtin::elementwise_power || call->builtin == Builtin::absolute)
          is_linear = is_linear && !varies(one);
        if (is_product) is_linear = is_linear && !(varies(call->arguments[0]) && varies(call->arguments[1]));
        if (call->builtin == Builtin::divide) is_linear = is_linear && !varies(call->arguments[1]);
      } else if (std::holds_alternative<typed::FunctionCall>(one->node)) is_linear = is_linear && !varies(one);
    });
    if (!is_linear && !has_jacobian_)
      advise("no-jacobian", span,
             "the left side is no linear function of parameters: unless the log of its Jacobian is added (`jacobian += "
             "...`), this is not its distribution");
  }

  void see_arguments(const typed::Tilde& tilde) {
    const typed::Distribution& distribution = *tilde.distribution;
    const auto id = drawn_variable(tilde.left);
    for (std::size_t i = 0; i < tilde.arguments.size(); ++i) {
      const auto value = typed::literal_number(tilde.arguments[i]);
      if (!value) continue;
      for (const typed::Requirement& requirement : distribution.requirements) {
        if (requirement.parameter != i) continue;
        const bool is_wrong = (requirement.text == "must be > 0" && *value <= 0) ||
                              (requirement.text == "must be >= 0" && *value < 0) ||
                              (requirement.text == "must be <= 1" && *value > 1);
        if (is_wrong)
          advise("impossible-argument", tilde.arguments[i]->span,
                 quoted(distribution.parameter_names[i]) + " of " + quoted(distribution.name) + " " + requirement.text);
      }
      const double size = std::abs(*value);
      if (id && is_parameter(*id) && size > 0 && (size >= largest_unit || size <= smallest_unit))
        advise("not-unit-scale", tilde.arguments[i]->span,
               quoted(program_.variables[*id].name) +
                   " seems to be far from unit scale: `<offset=..., multiplier=...>` in "
                   "its declaration, or other units, make sampling easier");
    }
  }

  // A bound of the distribution's support, where it is a constant given these arguments.
  static std::optional<double> support_bound(const std::shared_ptr<const typed::Function>& function,
                                             const typed::Tilde& tilde) {
    if (!function || !function->body) return std::nullopt;
    std::optional<double> found;
    for_each_statement(function->body, [&](const StatementPtr& one) {
      const auto* result = std::get_if<typed::Return>(&one->node);
      if (!result) return;
      found = typed::literal_number(result->value);
      const auto* reference = std::get_if<typed::VariableReference>(&typed::without_promotion(result->value)->node);
      if (!reference) return;
      for (std::size_t i = 0; i < function->arguments.size() && i < tilde.arguments.size(); ++i)
        if (function->arguments[i] == reference->variable) found = typed::literal_number(tilde.arguments[i]);
    });
    return found;
  }

  void see_support(VariableId id, const typed::Tilde& tilde, Span span) {
    const typed::Variable& variable = program_.variables[id];
    const typed::Distribution& distribution = *tilde.distribution;
    const std::string subject = quoted(distribution.name) + " is given to " + quoted(variable.name) + ", ";
    if (distribution.draws_container()) {
      const auto& wanted = distribution.outcome_transform;
      if (wanted->is_type() && variable.transform->name != wanted->name)
        advise("support-mismatch", span, subject + "which is not declared as a " + quoted(wanted->name));
      return;
    }
    const auto& of_type_lower = variable.transform->element_lower;
    const auto& of_type_upper = variable.transform->element_upper;
    const auto lower = support_bound(distribution.support.lower, tilde),
               upper = support_bound(distribution.support.upper, tilde);
    const auto declared_lower = of_type_lower ? of_type_lower : typed::literal_number(variable.lower);
    const auto declared_upper = of_type_upper ? of_type_upper : typed::literal_number(variable.upper);
    const bool has_truncation = tilde.truncation.has_value();
    if (lower && !has_truncation && !(variable.lower && !declared_lower) &&
        (!declared_lower || *declared_lower < *lower))
      advise("support-mismatch", span,
             subject + fmt::format("which may be below {0}, where it has no density: declare `<lower={0}>`", *lower));
    if (upper && !has_truncation && !(variable.upper && !declared_upper) &&
        (!declared_upper || *declared_upper > *upper))
      advise("support-mismatch", span,
             subject + fmt::format("which may be above {0}, where it has no density: declare `<upper={0}>`", *upper));
    if ((lower && declared_upper && *declared_upper <= *lower) ||
        (upper && declared_lower && *declared_lower >= *upper))
      advise("support-mismatch", span, subject + "whose bounds leave it nothing");
  }

  void see_parameter(VariableId id) {
    const typed::Variable& variable = program_.variables[id];
    if (!used_.contains(id)) {
      advise("unused-parameter", variable.span,
             "the density does not depend on the parameter " + quoted(variable.name));
      return;
    }
    const auto lower = typed::literal_number(variable.lower), upper = typed::literal_number(variable.upper);
    const bool is_flat = std::find(reading_.flat.begin(), reading_.flat.end(), id) != reading_.flat.end();
    if (!priors_.contains(id) && !otherwise_.contains(id) && !is_marginalized(id))
      advise("no-prior", variable.span,
             "the parameter " + quoted(variable.name) + " has no prior: it is flat" +
                 (is_flat && variable.lower ? " between its bounds" : ""));
    if (lower && upper && !((*lower == 0 || *lower == -1) && *upper == 1))
      advise("hard-bounds", variable.span,
             quoted(variable.name) +
                 " has hard bounds: unless they are physical, a soft prior says more, and samplers move "
                 "better");
  }

  bool is_marginalized(VariableId id) const {
    const auto& all = program_.simulation.marginalized;
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.second == id; });
  }

  const typed::Program& program_;
  const generative::Reading& reading_;
  Diagnostics diagnostics_;
  std::set<VariableId> varying_, used_, otherwise_; // the last: in terms that are no draws, and may be priors
  std::map<VariableId, std::vector<std::pair<ExpressionPtr, Span>>> priors_;
  bool has_jacobian_ = false;
};

} // namespace

Diagnostics pedantic_advice(const typed::Program& program, const generative::Reading& reading) {
  return Adviser(program, reading).run();
}

} // namespace sibyl
