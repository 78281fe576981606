#include "compiler/generative/own_draws.hpp"

#include "compiler/generative/tree_building.hpp"

#include <algorithm>

namespace sibyl::generative {

namespace {

constexpr std::size_t suffix_length = 5; // of _lpdf and _lpmf

std::string drawing_name(const typed::Function& density) {
  return density.name.substr(0, density.name.size() - suffix_length) + "_rng";
}

// The text's own `name_rng` of a call of its `name_lpdf` or `name_lpmf`; null where it has none that fits.
std::shared_ptr<const typed::Function> drawing_function(const typed::Function& density, const typed::Program& program) {
  const std::string wanted = drawing_name(density);
  const std::vector<Type> arguments(density.signature.begin() + 1, density.signature.end());
  const auto found = std::find_if(program.functions.begin(), program.functions.end(), [&](const auto& one) {
    return one->name == wanted && one->signature == arguments && one->result == density.signature.front();
  });
  return found == program.functions.end() ? nullptr : *found;
}

std::string missing(const typed::Function& density) {
  std::string arguments;
  for (std::size_t i = 1; i < density.signature.size(); ++i)
    arguments += (i > 1 ? ", " : "") + to_string(density.signature[i]);
  return "`" + density.name + "` is a density of the text's own, which cannot be drawn from: define `" +
         to_string(density.signature.front()) + " " + drawing_name(density) + "(" + arguments +
         ")` too, and it is simulated";
}

class OwnDraws {
 public:
  explicit OwnDraws(typed::Program& program) : program_(program) {}

  void run() {
    for (StatementPtr& one : program_.simulation.model) one = drawn(one);
  }

 private:
  // Data, and parameters that may be any number: what keeps others within bounds is not the function's.
  bool may_be_given(VariableId id) const {
    const typed::Variable& variable = program_.variables[id];
    if (variable.is_local) return false;
    return variable.block == typed::Block::data ||
           (variable.block == typed::Block::parameters && variable.transform->name == "identity");
  }

  // A statement with what is nested in it; itself where nothing changes, for others know it by its address.
  StatementPtr drawn(const StatementPtr& statement) {
    bool changes = false;
    const StatementPtr other = typed::rewritten(statement, [&](const StatementPtr& one) {
      const StatementPtr made = draw_of(one);
      changes = changes || made;
      return made;
    });
    return changes ? other : statement;
  }

  // Null for what is no call of a density that the text has draws of.
  StatementPtr draw_of(const StatementPtr& statement) {
    const auto* increment = std::get_if<typed::TargetIncrement>(&statement->node);
    const auto* call =
        increment && !increment->is_jacobian ? std::get_if<typed::FunctionCall>(&increment->value->node) : nullptr;
    if (!call || call->elementwise || call->function->span.source != 0 || call->arguments.empty()) return nullptr;
    if (!call->function->name.ends_with("_lpdf") && !call->function->name.ends_with("_lpmf")) return nullptr;
    const ExpressionPtr& outcome = call->arguments.front();
    const auto* index = std::get_if<typed::Index>(&outcome->node);
    const auto id = typed::variable_of(index ? index->base : outcome);
    if (!id || !may_be_given(*id) || outcome->type != call->function->signature.front()) return nullptr;
    const auto function = drawing_function(*call->function, program_);
    if (!function) {
      program_.simulation.refusals.emplace(statement.get(), missing(*call->function));
      return nullptr;
    }
    const std::vector<ExpressionPtr> arguments(call->arguments.begin() + 1, call->arguments.end());
    const bool looks_at_itself = std::any_of(arguments.begin(), arguments.end(),
                                             [&](const ExpressionPtr& one) { return count_looks(one, *id) > 0; });
    // Of earlier elements it may be, but of which is not known here.
    if (looks_at_itself && !index) return nullptr;
    program_.simulation.marginalized.emplace(statement.get(), *id);
    typed::Assignment assignment{
        *id, index ? index->items : std::vector<IndexItem>{},
        make_expression(typed::FunctionCall{function, arguments}, function->result, statement->span)};
    assignment.gives_draw = true;
    return make_statement(std::move(assignment), statement->span);
  }

  typed::Program& program_;
};

} // namespace

void read_own_draws(typed::Program& program) { OwnDraws(program).run(); }

} // namespace sibyl::generative
