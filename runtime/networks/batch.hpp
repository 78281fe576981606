// What networks read and learn from: plain arrays, no tensor library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sibyl {

// The rows of all data sets below each other, without padding: data set i has rows offsets[i] .. offsets[i + 1] - 1.
struct RowsBatch {
  std::size_t width = 0;
  std::vector<std::int64_t> offsets{0}; // one more than data sets
  std::vector<float> rows;              // [row][input]
};

struct NetworkBatch {
  std::size_t count = 0; // data sets
  std::size_t direct_width = 0;
  std::vector<float> direct; // [data set][input]
  std::vector<RowsBatch> sources;
  std::size_t dimension = 0;
  std::vector<float> z; // [data set][parameter]; empty when only summaries are wanted
};

// The chosen data sets alone, in the order of `chosen`.
NetworkBatch select(const NetworkBatch& batch, std::span<const std::size_t> chosen);

// Puts the data sets of `more`, which have the same inputs, behind those of `batch`, which may be empty yet.
void append(NetworkBatch& batch, const NetworkBatch& more);

} // namespace sibyl
