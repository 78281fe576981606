#include "runtime/posterior/setup.hpp"

#include <nlohmann/json.hpp>

namespace sibyl {

namespace {

nlohmann::json data_set_json(const DataSet& set) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [name, tensor] : set.variables)
    json[name] = {{"integer", tensor.is_integer}, {"extents", tensor.extents}, {"values", tensor.values}};
  return json;
}

DataSet data_set_from(const nlohmann::json& json) {
  DataSet set;
  for (const auto& [name, tensor] : json.items())
    set.variables[name] = {tensor.at("integer"), tensor.at("extents"), tensor.at("values")};
  return set;
}

} // namespace

FrameFinder::FrameFinder(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup)
    : prior_(setup.encoder.prior()) {
  if (setup.frame_kind() == FrameKind::laplace) laplace_.emplace(std::move(model), prior_, setup.candidates);
}

FrameBatch FrameFinder::find(const DataBatch& batch) {
  return laplace_ ? laplace_->find(batch) : prior_.repeat(batch.count);
}

void to_json(nlohmann::json& json, const InferenceSetup& setup) {
  json = {{"encoder", setup.encoder},
          {"candidates", setup.candidates},
          {"missing_share", setup.missing_share},
          {"parameter_count", setup.parameter_count},
          {"parameter_names", setup.parameter_names},
          {"notes", setup.notes}};
  if (setup.design) json["design"] = data_set_json(*setup.design);
}

void from_json(const nlohmann::json& json, InferenceSetup& setup) {
  json.at("encoder").get_to(setup.encoder);
  json.at("candidates").get_to(setup.candidates);
  json.at("missing_share").get_to(setup.missing_share);
  json.at("parameter_count").get_to(setup.parameter_count);
  json.at("parameter_names").get_to(setup.parameter_names);
  json.at("notes").get_to(setup.notes);
  if (json.contains("design")) setup.design = data_set_from(json.at("design"));
}

} // namespace sibyl
