// The cache's key for one compiled function: everything that its machine code depends on, and no LLVM code generation.
#pragma once

#include "compiler/codegen/codegen.hpp"

#include <string>
#include <string_view>

namespace sibyl::jit {

// The names of the source files whose hash is in every key.
std::string_view hashed_sources();

// 64 hexadecimal digits. The function is one of the model's; the callees that it needs are part of the key.
std::string fingerprint(const ir::Model& model, const ir::Function& function, codegen::Variant variant,
                        const codegen::Machine& machine);

} // namespace sibyl::jit
