// Libraries built ahead of time: what `sibyl compile --shared model.sib -o model.so` writes.
//
// The same object that the JIT would link, with the model's metadata inside, becomes a shared library by the system's
// `cc -shared`. Beside it goes BridgeStan's C interface, an archive that is installed with the program
// (runtime/model/bridgestan). The library needs nothing but the C library at run time.
#pragma once

#include "compiler/ir/ir.hpp"

#include <string>

namespace sibyl::build {

struct LibraryOptions {
  std::string processor = "x86-64-v3"; // see codegen::machine_named
};

// `name` and `text` are the model's. Throws UserError where the output cannot be written or there is no `cc`.
void build_shared_library(const ir::Model& model, const std::string& name, const std::string& text,
                          const std::string& output, const LibraryOptions& options = {});

} // namespace sibyl::build
