// Trained samplers as programs of their own: what `sibyl build model.sibyl -o sampler` writes.
//
// The model's functions that sampling calls, compiled for each level of processors that the program is to run on, the
// sampler file as a constant, and the sampling runtime (an archive that is installed with Sibyl, runtime/standalone)
// become one executable or shared library by the system's `cc`. It needs nothing but the C library.
#pragma once

#include "compiler/codegen/machine.hpp"
#include "compiler/ir/ir.hpp"

#include <string>

namespace sibyl::build {

struct StandaloneOptions {
  bool as_library = false; // with the header sibyl_sampler.h beside it; else an executable
  std::string processor;   // see codegen::machine_named; empty: every x86-64, the best code is chosen when it starts
};

// What a sampler file holds.
struct TrainedModel {
  const ir::Model& model;
  std::string name, text;
  std::string sampler; // the file's bytes
};

// The parts of every such program: the functions that sampling calls, and the constants sibyl_metadata and
// sibyl_embedded, each as an object.
std::string emit_sampling_code(const TrainedModel& trained, const codegen::Machine& machine);
std::string emit_sampler_data(const TrainedModel& trained, const codegen::Machine& machine);

// Throws UserError where the output cannot be written or there is no `cc`.
void build_standalone(const TrainedModel& trained, const std::string& output, const StandaloneOptions& options = {});

} // namespace sibyl::build
