// Trained samplers as one page: what `sibyl build --web model.sibyl -o page.html` writes.
//
// The model's functions as WebAssembly, from the same emitter as the processor's, the sampler file and the sampling
// runtime become one module; it is compressed into a page with the script that runs it (runtime/standalone/web). The
// page asks for nothing from anywhere.
#pragma once

#include "compiler/build/standalone.hpp"
#include "compiler/build/web_runtime.hpp"

#include <string>

namespace sibyl::build {

// Throws UserError where the output cannot be written or a tool is missing.
void build_web_page(const TrainedModel& trained, const std::string& output, const WebRuntimeOptions& options);

} // namespace sibyl::build
