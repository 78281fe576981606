#include "runtime/posterior/setup.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl {

namespace {

nlohmann::json region_to_json(const Region& region) {
  return {{"location", region.location},
          {"factor", region.factor},
          {"degrees_of_freedom", region.degrees_of_freedom},
          {"log_bound", region.log_bound},
          {"weaker_share", region.weaker_share},
          {"from_prior", region.from_prior},
          {"data", data_set_to_json(region.data)}};
}

Region region_from_json(const nlohmann::json& json) {
  Region region;
  json.at("location").get_to(region.location);
  json.at("factor").get_to(region.factor);
  json.at("degrees_of_freedom").get_to(region.degrees_of_freedom);
  json.at("log_bound").get_to(region.log_bound);
  json.at("weaker_share").get_to(region.weaker_share);
  region.from_prior = json.value("from_prior", false);
  region.data = data_set_from_json(json.at("data"));
  return region;
}

} // namespace

FrameFinder::FrameFinder(std::shared_ptr<const CompiledModel> model, const InferenceSetup& setup)
    : prior_(setup.encoder.prior()) {
  if (setup.frame_kind() != FrameKind::prior)
    laplace_.emplace(model, prior_, setup.candidates, LaplaceOptions{.kind = setup.frame_kind()});
  if (!setup.encoder.viewpoints().empty()) views_.emplace(std::move(model), setup.encoder.viewpoints());
}

FrameBatch FrameFinder::find(const DataBatch& batch) {
  FrameBatch frames = laplace_ ? laplace_->find(batch) : prior_.repeat(batch.count);
  if (views_) views_->add(batch, frames);
  return frames;
}

void to_json(nlohmann::json& json, const InferenceSetup& setup) {
  json = {{"encoder", setup.encoder},
          {"candidates", setup.candidates},
          {"missing_share", setup.missing_share},
          {"space", setup.space},
          {"parameter_names", setup.parameter_names},
          {"trained_range", setup.trained_range},
          {"notes", setup.notes}};
  if (setup.design) json["design"] = data_set_to_json(*setup.design);
  if (setup.region) json["region"] = region_to_json(*setup.region);
}

void from_json(const nlohmann::json& json, InferenceSetup& setup) {
  json.at("encoder").get_to(setup.encoder);
  json.at("candidates").get_to(setup.candidates);
  json.at("missing_share").get_to(setup.missing_share);
  json.at("space").get_to(setup.space);
  setup.parameter_count = dimension(setup.space);
  json.at("parameter_names").get_to(setup.parameter_names);
  // Files of earlier versions know only the design.
  if (json.contains("trained_range")) json.at("trained_range").get_to(setup.trained_range);
  json.at("notes").get_to(setup.notes);
  if (json.contains("design")) setup.design = data_set_from_json(json.at("design"));
  if (json.contains("region")) setup.region = region_from_json(json.at("region"));
  const auto require = [](bool is_so, const char* what) {
    if (!is_so) throw UserError(std::string("the sampler file is damaged: ") + what);
  };
  std::size_t place = 0;
  for (const ParameterBlock& block : setup.space) {
    require(block.first == place && block.count < (std::size_t{1} << 31), "its parameters are not one after the other");
    place += block.count;
  }
  require(setup.parameter_count > 0, "it has no parameters");
  require(setup.parameter_count == setup.encoder.prior().dimension(),
          "its frame is that of another number of parameters");
  require(setup.candidates.size() % setup.parameter_count == 0, "its candidates are cut short");
  if (setup.region)
    require(setup.region->dimension() == setup.parameter_count &&
                setup.region->factor.size() == setup.parameter_count * setup.parameter_count,
            "its region is one of another number of parameters");
  require(setup.missing_share >= 0 && setup.missing_share <= 1, "its share of missing values is none");
}

void require_columns(const Facts& facts, const InputPlan& plan, const std::string& name) {
  const auto require_column = [&](const InputColumn& column, bool in_rows) {
    const int v = facts.find(column.variable);
    const VariableFact* fact = v < 0 ? nullptr : &facts.variables[static_cast<std::size_t>(v)];
    if (!fact || (fact->role != Role::observed && fact->role != Role::design) ||
        fact->dimensions.size() != column.element.size() + (in_rows ? 1 : 0))
      throw UserError(fmt::format("{} is damaged: its networks read `{}`, which its model does not have as such", name,
                                  column.variable));
  };
  for (const InputColumn& column : plan.direct) require_column(column, false);
  for (const InputSource& source : plan.sources)
    for (const InputColumn& column : source.columns) require_column(column, source.order() != RowOrder::one_row);
}

void require_fit(const Facts& facts, InferenceSetup& setup, const std::string& name) {
  require_columns(facts, setup.encoder.plan(), name);
  // The design of a region is its data's, which the model has conformed to.
  if (setup.design && !setup.region)
    setup.design = conform(std::move(*setup.design), facts, name + " (its design)", {.wanted = Wanted::given_design});
}

} // namespace sibyl
