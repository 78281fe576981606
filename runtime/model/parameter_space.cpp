#include "runtime/model/parameter_space.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl {

std::size_t dimension(const ParameterSpace& space) {
  return space.empty() ? 0 : space.back().first + space.back().count;
}

const ParameterBlock& block_at(const ParameterSpace& space, std::size_t place) {
  for (const ParameterBlock& block : space)
    if (place >= block.first && place < block.first + block.count) return block;
  throw InternalError("an unconstrained number that is no parameter's");
}

std::string owner(const ParameterSpace& space, std::size_t place) {
  const ParameterBlock& block = block_at(space, place);
  if (block.count == 1) return "`" + block.name + "`";
  return fmt::format("`{}` (number {} of {})", block.name, place - block.first + 1, block.count);
}

std::string difference(const ParameterSpace& space, const ParameterSpace& other) {
  if (space.size() != other.size()) return fmt::format("there are {} parameters, not {}", space.size(), other.size());
  for (std::size_t i = 0; i < space.size(); ++i) {
    if (space[i].count != other[i].count)
      return fmt::format("`{}` has {} unconstrained numbers, not {}", space[i].name, space[i].count, other[i].count);
    if (space[i].extents != other[i].extents) return fmt::format("`{}` has another shape", space[i].name);
  }
  return "";
}

void to_json(nlohmann::json& json, const ParameterBlock& block) {
  json = {{"name", block.name},
          {"transform", block.transform},
          {"plate", block.plate},
          {"extents", block.extents},
          {"unconstrained_extents", block.unconstrained_extents},
          {"first", block.first},
          {"count", block.count}};
}

void from_json(const nlohmann::json& json, ParameterBlock& block) {
  json.at("name").get_to(block.name);
  json.at("transform").get_to(block.transform);
  json.at("plate").get_to(block.plate);
  json.at("extents").get_to(block.extents);
  json.at("unconstrained_extents").get_to(block.unconstrained_extents);
  json.at("first").get_to(block.first);
  json.at("count").get_to(block.count);
}

} // namespace sibyl
