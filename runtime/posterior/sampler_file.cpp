#include "runtime/posterior/sampler_file.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/posterior/network_posterior.hpp"

#include <charconv>

namespace sibyl {

namespace {

constexpr int version = 1;

} // namespace

void write_sampler_file(const std::string& path, const SamplerFile& file) {
  WeightsFile out;
  out.weights = file.weights;
  out.metadata = {{"format", "sibyl sampler"},
                  {"version", std::to_string(version)},
                  {"model_name", file.model_name},
                  {"model_text", file.model_text},
                  {"model_library", file.model_library},
                  {"network", nlohmann::json(file.config).dump()},
                  {"setup", nlohmann::json(file.setup).dump()},
                  {"typical", nlohmann::json(file.typical).dump()},
                  {"history", file.history.dump()},
                  {"calibration", file.calibration.dump()}};
  write_safetensors(path, out);
}

SamplerFile read_sampler_file(const std::string& path) { return parse_sampler(read_file(path), path); }

SamplerFile parse_sampler(std::string_view bytes, const std::string& name) {
  WeightsFile in = parse_safetensors(bytes, name);
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = in.metadata.find(key);
    if (found == in.metadata.end()) throw UserError(name + " is no sampler file: it has no " + key);
    return found->second;
  };
  if (text("format") != "sibyl sampler") throw UserError(name + " is no sampler file");
  int written = 0;
  const std::string& digits = text("version");
  if (std::from_chars(digits.data(), digits.data() + digits.size(), written).ec != std::errc())
    throw UserError(name + " is damaged: its version is `" + digits + "`");
  if (written > version)
    throw UserError(name + " was written by a newer version of Sibyl (format " + text("version") +
                    "; this program reads up to " + std::to_string(version) + ")");
  SamplerFile file;
  try {
    file.model_name = text("model_name");
    file.model_text = text("model_text");
    file.model_library = text("model_library");
    file.config = nlohmann::json::parse(text("network")).get<NetworkConfig>();
    file.setup = nlohmann::json::parse(text("setup")).get<InferenceSetup>();
    file.typical = nlohmann::json::parse(text("typical")).get<TypicalSet>();
    file.history = nlohmann::json::parse(text("history"));
    file.calibration = nlohmann::json::parse(text("calibration"));
  } catch (const nlohmann::json::exception& error) {
    throw UserError(name + " is damaged: " + error.what());
  }
  file.weights = std::move(in.weights);
  return file;
}

PosteriorSampler make_sampler(std::shared_ptr<const CompiledModel> model, const SamplerFile& file) {
  return PosteriorSampler(std::move(model), file.setup,
                          std::make_shared<const NetworkPosterior>(file.config, file.weights), file.typical);
}

} // namespace sibyl
