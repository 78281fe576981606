#include "runtime/training/started_plan.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/weights.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl {

std::string training_identity(const CompiledModel& model, const SamplerTrainingOptions& options) {
  const SetupOptions& setup = options.setup;
  const auto data = [](const std::optional<DataSet>& set) {
    return set ? data_set_to_json(*set) : nlohmann::json(nullptr);
  };
  auto real = nlohmann::json::array();
  for (const DataSet& one : options.real) real.push_back(data_set_to_json(one));
  return nlohmann::json{{"model", model.text()},
                        {"family", options.family},
                        {"frame", static_cast<int>(setup.frame)},
                        {"networks", setup.plan.networks},
                        {"missing_share", setup.missing_share},
                        {"design", data(setup.design)},
                        {"around", data(options.around)},
                        {"seed", setup.seed},
                        {"simulations", options.simulations},
                        {"moves", options.moves},
                        {"batch_size", options.batch_size},
                        {"self_consistency", options.self_consistency.value_or(-1)},
                        {"real", real}}
      .dump();
}

std::string to_text(const StartedPlan& plan) {
  return nlohmann::json{{"setup", plan.setup}, {"validated", plan.validated}}.dump();
}

StartedPlan read_started_plan(const CompiledModel& model, const SamplerTrainingOptions& options) {
  const std::string& path = options.checkpoint;
  const auto metadata = read_safetensors(path).metadata;
  if (const auto found = metadata.find("identity");
      found == metadata.end() || found->second != training_identity(model, options))
    throw UserError(path + " was made for another model or with other options; train without --resume");
  try {
    const auto json = nlohmann::json::parse(metadata.at("plan"));
    StartedPlan plan{json.at("setup").get<InferenceSetup>(), json.at("validated").get<std::size_t>()};
    require_fit(model.facts(), plan.setup, path);
    return plan;
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    throw UserError(fmt::format("{} is damaged, or of another version of Sibyl: {}", path, error.what()));
  }
}

} // namespace sibyl
