#include "compiler/passes/passes.hpp"

#include "compiler/passes/hoist_guarded.hpp"
#include "compiler/passes/reverse_mode.hpp"
#include "compiler/passes/simplify.hpp"
#include "compiler/passes/structure_loops.hpp"

namespace sibyl::ir {
namespace {

void simplify_all(Model& model) {
  for (Function& function : model.functions) simplify(function);
}

void add_gradient(Model& model) {
  const Function* log_density = model.find("log_density");
  if (!log_density) return;
  Function structured = *log_density;
  structure_loops(structured);
  model.functions.push_back(reverse_mode(structured));
}

void simplify_gradient(Model& model) {
  for (Function& function : model.functions)
    if (function.name == "log_density_gradient") simplify(function);
}

void hoist_guarded_in_simulators(Model& model) {
  for (Function& function : model.functions)
    if (function.name == "simulate") hoist_guarded(function);
}

} // namespace

const std::vector<Pass>& passes() {
  static const std::vector<Pass> list{
      {"simplify", simplify_all},
      {"hoist_guarded", hoist_guarded_in_simulators},
      {"reverse_mode", add_gradient},
      {"simplify_gradient", simplify_gradient},
  };
  return list;
}

void run_passes(Model& model, const PassObserver& after) {
  for (const Pass& pass : passes()) {
    pass.run(model);
#ifndef NDEBUG
    verify(model);
#endif
    if (after) after(pass, model);
  }
}

} // namespace sibyl::ir
