// Models that were compiled ahead of time, as shared libraries.
#pragma once

#include "compiler/interface/compiled_model.hpp"

#include <memory>
#include <string>

namespace sibyl {

// Opens a library written by `sibyl compile --shared` (dlopen; reads sibyl_metadata). Throws UserError where it is
// none, or one of another ABI version.
std::shared_ptr<CompiledModel> load_compiled_model(const std::string& path);

} // namespace sibyl
