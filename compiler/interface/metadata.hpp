// What a compiled model's library says about itself: the JSON text behind its symbol sibyl_metadata.
//
// The compiler writes it (compiler/build), the runtime reads it (load_compiled_model), and so does a library's own
// BridgeStan interface: the format is in metadata.cpp and nowhere else.
#pragma once

#include "compiler/interface/compiled_model.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct Metadata {
  int abi_version = SIBYL_ABI_VERSION;
  std::string compiler;             // its version
  std::string name;                 // of the model
  std::string text;                 // of the model
  std::string processor;            // the level it was built for: "x86-64-v3"
  int vector_bits = 128;            // that the processor must have
  int lanes_f32 = 4, lanes_f64 = 4; // besides 1
  std::vector<std::string> entries; // the functions that it has, by name: "simulate"
  Facts facts;
  std::vector<ModelMessage> messages;
};

std::string metadata_to_text(const Metadata& metadata);
// Throws UserError where the text is not a library's metadata, or of another ABI version.
Metadata metadata_from_text(std::string_view text, const std::string& path);

// "sibyl_simulate_f32_x16"
std::string function_symbol(std::string_view function, Precision precision, int lanes);

// Why a model has no such function, as a sentence for its user.
std::string missing_function(const Facts& facts, std::string_view function);

} // namespace sibyl
