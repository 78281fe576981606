// The unconstrained parameters of a data set are a sequence of blocks, one for each declared parameter: whoever speaks
// of places in the unconstrained vector (frames, networks, draws, messages) finds here whose they are.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sibyl {

struct ParameterBlock {
  std::string name;
  std::string transform;                           // how it is constrained: a file of stdlib/transforms/
  std::string plate;                               // the size of its array dimensions as written, "" where it has none
  std::vector<std::int64_t> extents;               // as declared
  std::vector<std::int64_t> unconstrained_extents; // of a constrained type: the array's, then how many each element has
  std::size_t first = 0, count = 0;                // places in the unconstrained vector

  friend bool operator==(const ParameterBlock&, const ParameterBlock&) = default;
};

using ParameterSpace = std::vector<ParameterBlock>;

std::size_t dimension(const ParameterSpace& space);

// Whose the unconstrained number is.
const ParameterBlock& block_at(const ParameterSpace& space, std::size_t place);
// As text: "`mu`", "`theta` (number 2 of 6)".
std::string owner(const ParameterSpace& space, std::size_t place);

// Where the two differ in sizes: "`theta` has 3 unconstrained numbers, not 2"; "" where they are the same.
std::string difference(const ParameterSpace& space, const ParameterSpace& other);

void to_json(nlohmann::json& json, const ParameterBlock& block);
void from_json(const nlohmann::json& json, ParameterBlock& block);

} // namespace sibyl
