// The passes over the intermediate representation, in order: the one place that says what happens between lowering and
// code generation. `sibyl compile --emit passes` shows what each of them does to a model.
#pragma once

#include "compiler/ir/ir.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace sibyl::ir {

struct Pass {
  std::string_view name;
  std::string_view function; // the one that it is for, with the derivatives of callees for the gradient; empty: all
  void (*run)(Function& function);
  void (*run_model)(Model& model) = nullptr; // in its place, where it adds functions
};

const std::vector<Pass>& passes();

// Runs them all. `observe` is told of the model as it comes (from a pass `lower`), then after each pass. Where
// SIBYL_VERIFY is set in the environment, as it is in the tests, and in builds without NDEBUG the model is verified:
// after each pass that is observed, else after the last of those that are for one function.
using PassObserver = std::function<void(const Pass& pass, const Model& model)>;
void run_passes(Model& model, const PassObserver& observe = {});

} // namespace sibyl::ir
