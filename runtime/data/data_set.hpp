// A data set as it comes from a file: named tensors of numbers.
//
// This is the one form that every reader produces and everything behind it takes, whatever the file was. Integers are
// kept as doubles (a model's integers have 32 bits, so that is exact) and a missing value is NaN, for integers too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// Values in row-major order of the extents; no extents: one scalar.
struct Tensor {
  bool is_integer = false;
  std::vector<std::int64_t> extents;
  std::vector<double> values;
};

struct DataSet {
  std::string label; // what tells it from the others of its file: the value of the `--by` column, or its number
  std::map<std::string, Tensor> variables;
};

// Product of the extents; 1 for a scalar. Throws RuntimeError, naming them, where they are negative or so large that no
// memory holds the array: sizes come from files and models, and their product must not wrap.
std::int64_t element_count(const std::vector<std::int64_t>& extents);
// The same, without a value there.
std::optional<std::int64_t> checked_element_count(const std::vector<std::int64_t>& extents);

} // namespace sibyl
