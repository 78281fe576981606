#include "compiler/passes/passes.hpp"

#include "compiler/passes/derive_calls.hpp"
#include "compiler/passes/hoist_guarded.hpp"
#include "compiler/passes/reverse_mode.hpp"
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure_loops.hpp"

#include <cstdlib>

namespace sibyl::ir {
namespace {

constexpr std::string_view gradient = "log_density_gradient";

void make_gradient(Function& function) { function = reverse_mode(function); }

// Of the log density, once that is simplified: the passes that follow make the gradient of the copy.
void start_gradient(Model& model) {
  const Function* log_density = model.find("log_density");
  if (!log_density) return;
  Function copy = *log_density;
  copy.name = gradient;
  model.functions.push_back(std::move(copy));
}

std::vector<Pass> list_passes() {
  std::vector<Pass> list;
  for (const SimplificationStep& step : simplification()) list.push_back({step.name, "", step.run});
  list.push_back({"hoist_guarded", "simulate", hoist_guarded});
  list.push_back({"derive_calls", gradient, nullptr, derive_calls});
  list.push_back({"structure_loops", gradient, structure_loops});
  list.push_back({"reverse_mode", gradient, make_gradient});
  for (const SimplificationStep& step : simplification()) list.push_back({step.name, gradient, step.run});
  return list;
}

// Callees' derivatives have been through reverse mode when they are made.
bool is_for(const Pass& pass, const Function& function) {
  if (pass.function.empty() || pass.function == function.name) return true;
  return pass.function == gradient && function.derivative_of != none && pass.run != structure_loops &&
         pass.run != make_gradient;
}

void run(const Pass& pass, Model& model) {
  if (pass.run_model) return pass.run_model(model);
  for (auto* functions : {&model.functions, &model.callees})
    for (Function& function : *functions)
      if (is_for(pass, function)) pass.run(function);
}

bool is_verification_wanted() {
#ifdef NDEBUG
  const char* wanted = std::getenv("SIBYL_VERIFY");
  return wanted && *wanted;
#else
  return true;
#endif
}

} // namespace

const std::vector<Pass>& passes() {
  static const std::vector<Pass> list = list_passes();
  return list;
}

void run_passes(Model& model, const PassObserver& observe) {
  const bool verifies = is_verification_wanted();
  if (observe) observe({"lower", "", nullptr}, model);
  for (const Pass& pass : passes()) {
    if (pass.function == gradient && !model.find(gradient)) start_gradient(model);
    run(pass, model);
    const bool is_last = &pass == &passes().back() || (&pass)[1].function != pass.function;
    if (verifies && (observe || is_last)) verify(model);
    if (observe) observe(pass, model);
  }
}

} // namespace sibyl::ir
