// What networks do with the rows of data sets (runtime/networks/layers.hpp), in LibTorch's own operations, for a device
// that is not the processor: nothing leaves the device and nothing waits for it.
//
// The rows of all data sets are below each other. What says which rows belong together is made on the processor and
// sent once for each division into data sets, not once for each operation. Sums over data sets run in no fixed order on
// an accelerator: their last digits may differ from run to run.
#pragma once

#include "runtime/networks/layers.hpp"

#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

namespace sibyl::training::device {

// A tensor of the processor's on the device. To an accelerator it goes from pinned memory, behind what the device has
// yet to do, and the call returns at once.
torch::Tensor send(const torch::Tensor& tensor, torch::Device device);
torch::Tensor send(const std::vector<std::int64_t>& indexes, torch::Device device);

// One division of rows into data sets.
class Segments {
 public:
  Segments(const networks::Offsets& offsets, torch::Device device);

  const networks::Offsets& offsets() const { return offsets_; }
  std::int64_t sets() const { return static_cast<std::int64_t>(offsets_.size()) - 1; }
  const torch::Tensor& set_of_row() const { return set_of_row_; }         // [rows]
  const torch::Tensor& inverse_counts() const { return inverse_counts_; } // [sets, 1]; 1 of a data set without rows
  // Rows beside which a row of zeros stands first: 0 is that one, i + 1 is row i.
  const torch::Tensor& last_rows() const { return last_rows_; } // [sets]
  struct Neighbours {
    torch::Tensor before, after; // [rows]
  };
  const Neighbours& neighbours(std::size_t distance);

 private:
  networks::Offsets offsets_;
  torch::Device device_;
  torch::Tensor set_of_row_, inverse_counts_, last_rows_;
  std::map<std::size_t, Neighbours> neighbours_;
};

// The divisions that were asked for last: all operations of a step ask for the same few, and where a design is fixed so
// does every step.
class SegmentsInUse {
 public:
  explicit SegmentsInUse(torch::Device device) : device_(device) {}
  Segments& of(const networks::Offsets& offsets);

 private:
  torch::Device device_;
  std::list<Segments> latest_; // first the one asked for last
};

// `rows` are [rows, width], `x` is [sets, width], `scores` [rows, queries]. All are differentiable. A data set without
// rows has zeros for its sum, its mean, its attention and its last row.
torch::Tensor expand(const torch::Tensor& x, const Segments& segments);          // [rows, width]
torch::Tensor segment_sum(const torch::Tensor& rows, const Segments& segments);  // [sets, width]
torch::Tensor segment_mean(const torch::Tensor& rows, const Segments& segments); // [sets, width]
torch::Tensor segment_attention(const torch::Tensor& rows, const torch::Tensor& scores,
                                const Segments& segments);                                 // [sets, queries * width]
torch::Tensor window(const torch::Tensor& rows, Segments& segments, std::size_t distance); // [rows, 3 * width]
torch::Tensor last_row(const torch::Tensor& rows, const Segments& segments);               // [sets, width]

} // namespace sibyl::training::device
