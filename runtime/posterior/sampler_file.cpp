#include "runtime/posterior/sampler_file.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/networks/summary_networks.hpp"
#include "runtime/posterior/network_posterior.hpp"

#include <algorithm>
#include <charconv>

namespace sibyl {

namespace {

constexpr int version = 3;

// The networks are those of the setup: what one writes the other reads.
void require_match(const SamplerFile& file, const std::string& name) {
  const NetworkConfig wanted = network_config(file.setup, file.config.family);
  const auto is_same = [](const SourceConfig& a, const SourceConfig& b) {
    return a.network == b.network && a.width == b.width;
  };
  if (file.config.dimension != wanted.dimension || file.config.direct_width != wanted.direct_width ||
      !std::equal(file.config.sources.begin(), file.config.sources.end(), wanted.sources.begin(), wanted.sources.end(),
                  is_same))
    throw UserError(name + " is damaged: its networks are not those of its setup");
  if (!file.typical.empty() && file.typical.summary_size() != networks::summary_size(file.config))
    throw UserError(name + " is damaged: its typical set is that of other networks");
  if (!file.test.empty() && (file.test.summary_size() != networks::summary_size(file.config) ||
                             file.test.parameter_count() != file.setup.parameter_count))
    throw UserError(name + " is damaged: its local test is that of other networks");
}

} // namespace

nlohmann::json parse_metadata(std::string_view text) {
  constexpr int most_depth = 64;
  return nlohmann::json::parse(text, [](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth > most_depth) throw UserError("the file is damaged: its metadata are nested too deeply");
    return true;
  });
}

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
  if (!file.test.empty()) {
    out.weights[TrainedTest::weights_name] = file.test.weights();
    out.metadata["local_test"] = file.test.document().dump();
  }
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
  if (written < version)
    throw UserError(name + " was written by an older version of Sibyl (format " + text("version") +
                    "): train it again");
  if (written > version)
    throw UserError(name + " was written by a newer version of Sibyl (format " + text("version") +
                    "; this program reads up to " + std::to_string(version) + ")");
  SamplerFile file;
  try {
    file.model_name = text("model_name");
    file.model_text = text("model_text");
    file.model_library = text("model_library");
    file.config = parse_metadata(text("network")).get<NetworkConfig>();
    file.setup = parse_metadata(text("setup")).get<InferenceSetup>();
    file.typical = parse_metadata(text("typical")).get<TypicalSet>();
    file.history = parse_metadata(text("history"));
    file.calibration = parse_metadata(text("calibration"));
    if (const auto test = in.metadata.find("local_test"); test != in.metadata.end())
      file.test = TrainedTest::from_file(parse_metadata(test->second),
                                         std::move(in.weights[TrainedTest::weights_name]));
    in.weights.erase(TrainedTest::weights_name);
  } catch (const nlohmann::json::exception& error) {
    throw UserError(name + " is damaged: " + error.what());
  }
  require_match(file, name);
  file.weights = std::move(in.weights);
  return file;
}

PosteriorSampler make_sampler(std::shared_ptr<const CompiledModel> model, const SamplerFile& file) {
  InferenceSetup setup = file.setup;
  require_fit(model->facts(), setup, "the sampler of " + file.model_name);
  return PosteriorSampler(std::move(model), std::move(setup),
                          std::make_shared<const NetworkPosterior>(file.config, file.weights), file.typical,
                          file.test);
}

} // namespace sibyl
