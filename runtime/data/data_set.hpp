// A data set as it comes from a file: named tensors of numbers.
//
// This is the one form that every reader produces and everything behind it takes, whatever the file was. Integers are
// kept as doubles (a model's integers have 32 bits, so that is exact) and a missing value is NaN, for integers too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
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

// "y[2,3]": the element at that row-major position, as a model text names it; the name alone for a scalar.
std::string element_name(const std::string& name, std::size_t position, std::span<const std::int64_t> extents);

// Calls visit(compact, padded) for each element of a tensor with the extents `sizes` within storage of `capacity`:
// its row-major position in either.
template <typename Visit>
void for_each_element(std::span<const std::int32_t> sizes, std::span<const std::int64_t> capacity, Visit&& visit) {
  const std::size_t rank = sizes.size();
  std::size_t rows = 1;
  for (std::size_t d = 0; d + 1 < rank; ++d) rows *= static_cast<std::size_t>(sizes[d]);
  const std::size_t length = rank == 0 ? 1 : static_cast<std::size_t>(sizes[rank - 1]);
  std::size_t compact = 0;
  for (std::size_t row = 0; row < rows && length > 0; ++row) {
    std::size_t rest = row, padded = 0, scale = rank == 0 ? 1 : static_cast<std::size_t>(capacity[rank - 1]);
    for (std::size_t d = rank == 0 ? 0 : rank - 1; d-- > 0;) {
      padded += rest % static_cast<std::size_t>(sizes[d]) * scale;
      rest /= static_cast<std::size_t>(sizes[d]);
      scale *= static_cast<std::size_t>(capacity[d]);
    }
    for (std::size_t i = 0; i < length; ++i) visit(compact++, padded + i);
  }
}

} // namespace sibyl
