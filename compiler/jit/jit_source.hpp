// Machine code in memory: each function is compiled when it is first asked for, or taken from the cache.
#pragma once

#include "compiler/codegen/machine.hpp"
#include "compiler/interface/compiled_model.hpp"
#include "compiler/ir/ir.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sibyl::jit {

struct JitOptions {
  std::string cache_directory; // empty: nothing is kept
  codegen::Machine machine = codegen::host_machine();
  // Called when something went wrong that costs time only, such as a full disk. Default: a line on standard error.
  std::function<void(const std::string&)> note;
};

std::shared_ptr<FunctionSource> make_jit_source(ir::Model model, JitOptions options = {});

} // namespace sibyl::jit
