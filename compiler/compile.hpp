// The whole compiler as one function: text in, a callable model out. See compile.cpp for the stages.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "compiler/ir/ir.hpp"
#include "compiler/passes/passes.hpp"
#include "lang/diagnostic.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sibyl {

struct CompileOptions {
  std::string cache_directory; // where compiled objects are kept; empty: nowhere
};

struct Frontend {
  Diagnostics diagnostics;        // warnings too
  std::optional<ir::Model> model; // absent when there are errors
};

// Parse, check, lower and transform; no machine code. `observe` sees the model before and after each pass.
Frontend compile_to_ir(const Source& source, const ir::PassObserver& observe = {});

// What is right and yet often a mistake (facts/pedantic.hpp), of a text without errors; nothing for another.
Diagnostics advise(const Source& source);

struct CompileResult {
  Diagnostics diagnostics;
  std::shared_ptr<CompiledModel> model; // null when there are errors
};

// The model with machine code behind it, generated on first use of each function and kept in the cache.
CompileResult compile(const Source& source, const CompileOptions& options = {});

} // namespace sibyl
