#include "compiler/interface/metadata.hpp"

#include "lang/errors.hpp"

#include <nlohmann/json.hpp>

namespace sibyl {

using nlohmann::json;

std::string metadata_to_text(const Metadata& metadata) {
  json messages = json::array();
  for (const ModelMessage& message : metadata.messages)
    messages.push_back({{"text", message.text},
                        {"begin", message.span.begin},
                        {"end", message.span.end},
                        {"source", message.span.source}});
  const json object = {{"abi_version", metadata.abi_version},
                       {"compiler", metadata.compiler},
                       {"name", metadata.name},
                       {"text", metadata.text},
                       {"processor", metadata.processor},
                       {"vector_bits", metadata.vector_bits},
                       {"lanes", {{"f32", metadata.lanes_f32}, {"f64", metadata.lanes_f64}}},
                       {"entries", metadata.entries},
                       {"facts", metadata.facts},
                       {"messages", messages}};
  return object.dump();
}

Metadata metadata_from_text(std::string_view text, const std::string& path) {
  try {
    const json object = json::parse(text);
    Metadata metadata;
    metadata.abi_version = object.at("abi_version").get<int>();
    metadata.compiler = object.at("compiler").get<std::string>();
    if (metadata.abi_version != SIBYL_ABI_VERSION)
      throw UserError(path + " was built by " + metadata.compiler + " for version " +
                      std::to_string(metadata.abi_version) + " of the model interface, and this program has version " +
                      std::to_string(SIBYL_ABI_VERSION) + ": compile the model again");
    metadata.name = object.at("name").get<std::string>();
    metadata.text = object.at("text").get<std::string>();
    metadata.processor = object.at("processor").get<std::string>();
    metadata.vector_bits = object.at("vector_bits").get<int>();
    metadata.lanes_f32 = object.at("lanes").at("f32").get<int>();
    metadata.lanes_f64 = object.at("lanes").at("f64").get<int>();
    metadata.entries = object.at("entries").get<std::vector<std::string>>();
    metadata.facts = object.at("facts").get<Facts>();
    for (const json& message : object.at("messages"))
      metadata.messages.push_back(
          {message.at("text").get<std::string>(),
           Span{message.at("begin").get<std::uint32_t>(), message.at("end").get<std::uint32_t>(),
                message.at("source").get<std::uint32_t>()}});
    return metadata;
  } catch (const json::exception& error) {
    throw UserError(path + " describes itself in a way that this program does not understand: " + error.what());
  }
}

std::string function_symbol(std::string_view function, Precision precision, int lanes) {
  return "sibyl_" + std::string(function) + (precision == Precision::f32 ? "_f32_x" : "_f64_x") + std::to_string(lanes);
}

std::string missing_function(const Facts& facts, std::string_view function) {
  const auto because = [](const std::string& what, const Reason& reason) {
    return reason.text.empty() ? what : what + ": " + reason.text;
  };
  if (function == "simulate")
    return because("this model cannot be simulated", facts.not_generative) +
           (facts.simulates_data && facts.has_density && !facts.with_late_bound()
                ? "; or train it around a data set: `--around DATA`"
                : "");
  if (function == "simulate_data" || function == "predict")
    return because("this model's data cannot be simulated", facts.no_data_simulation);
  if (function == "log_density" || function == "log_density_gradient")
    return because("this model has no density that can be computed", facts.no_density);
  return "this model has no function `" + std::string(function) + "`";
}

} // namespace sibyl
