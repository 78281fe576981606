// The sampler file: all that `sibyl sample` needs, in one safetensors file. Loading it runs no code but the model text
// that it shows.
#pragma once

#include "runtime/networks/network_config.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/posterior/setup.hpp"
#include "runtime/trust/typical_set.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace sibyl {

struct SamplerFile {
  std::string model_name,
      model_text; // model_text is empty where the model came as a library: then `model_library` is its path
  std::string model_library;
  NetworkConfig config;
  Weights weights;
  InferenceSetup setup;
  TypicalSet typical;
  TrainedTest test; // of draws that no density checks; may be empty
  nlohmann::json history;     // of training
  nlohmann::json calibration; // on fresh simulations
};

// A document among a file's metadata: some of what reads them recurses, so that one that is nested deeper than any that
// is written here is refused with a UserError.
nlohmann::json parse_metadata(std::string_view text);

void write_sampler_file(const std::string& path, const SamplerFile& file);

// Throws UserError where it is no sampler file, damaged, or of a newer version than this program knows.
SamplerFile read_sampler_file(const std::string& path);
SamplerFile parse_sampler(std::string_view bytes, const std::string& name); // `name` is what messages call them

// The sampler of a file, for the model that the file holds.
PosteriorSampler make_sampler(std::shared_ptr<const CompiledModel> model, const SamplerFile& file);

} // namespace sibyl
