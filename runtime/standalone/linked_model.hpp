// The model that is linked into this program: what `sibyl build` puts beside the sampling runtime.
#pragma once

#include "compiler/interface/compiled_model.hpp"

#include <memory>

namespace sibyl {

// Of the processor levels that the program has code for, the best that this machine runs. Throws UserError where it
// runs none of them.
std::shared_ptr<CompiledModel> linked_model();

} // namespace sibyl
