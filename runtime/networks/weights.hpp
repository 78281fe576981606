// Named weights, and the file that holds them: safetensors, so that loading a file runs no code.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct WeightTensor {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values; // row-major
};
using Weights = std::map<std::string, WeightTensor>;

struct WeightsFile {
  Weights weights;
  std::map<std::string, std::string> metadata;
};

// Written whole or not at all. Throws RuntimeError where the disk is full.
void write_safetensors(const std::string& path, const WeightsFile& file);

// Throws UserError naming the file where it cannot be read, is cut short or damaged.
WeightsFile read_safetensors(const std::string& path);
WeightsFile parse_safetensors(std::string_view bytes, const std::string& name); // `name` is what messages call them

} // namespace sibyl
