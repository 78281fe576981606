// What `sibyl compile --emit STAGE` prints: each stage of the compiler as text.
#pragma once

#include "lang/diagnostic.hpp"

#include <string>
#include <vector>

namespace sibyl {

// The stages by name, in the compiler's order.
const std::vector<std::string>& emit_stages();

struct EmitResult {
  Diagnostics diagnostics;
  std::string text; // empty when there are errors
};

// `function`: for ir, passes, llvm and asm, the one function to show; empty for all of the model's. UserError for an
// unknown stage or function.
EmitResult emit(const Source& source, const std::string& stage, const std::string& function = "");

} // namespace sibyl
