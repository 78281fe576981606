// The passes over the intermediate representation, in order: the one place that says what happens between lowering and
// code generation.
#pragma once

#include "compiler/ir/ir.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace sibyl::ir {

struct Pass {
  std::string_view name;
  void (*run)(Model& model);
};

const std::vector<Pass>& passes();

// Runs them all; tells of each when it is done, so that `--emit ir` and tests can look at (and verify) what it made.
// Builds without NDEBUG verify anyway.
using PassObserver = std::function<void(const Pass& pass, const Model& model)>;
void run_passes(Model& model, const PassObserver& after = {});

} // namespace sibyl::ir
