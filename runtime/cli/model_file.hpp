// A model given on the command line: a text (.sib, .stan), compiled just in time, or a library that `sibyl compile
// --shared` wrote.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "lang/diagnostic.hpp"

#include <memory>
#include <string>

namespace sibyl::cli {

// The whole file. Throws UserError naming the file where it cannot be read.
std::string read_text(const std::string& path);

// On standard error, with colour on a terminal.
void print_diagnostics(const Diagnostics& diagnostics, const Source& source);

// Prints the diagnostics of a text (warnings too) and throws AlreadyReported when it has errors.
std::shared_ptr<CompiledModel> open_model(const std::string& path);

// Compiles a text that came inside a sampler file; `name` is what messages call it.
std::shared_ptr<CompiledModel> compile_text(const std::string& name, const std::string& text);

} // namespace sibyl::cli
