#include "runtime/training/torch/device_segments.hpp"

#include <algorithm>
#include <limits>

namespace sibyl::training::device {

using torch::Tensor;

namespace {

Tensor with_zero_row(const Tensor& rows) {
  return torch::cat({torch::zeros({1, rows.size(1)}, rows.options()), rows}, 0);
}

} // namespace

Tensor send(const Tensor& tensor, torch::Device device) {
  return device.is_cuda() ? tensor.pin_memory().to(device, tensor.scalar_type(), /*non_blocking=*/true)
                          : tensor.to(device);
}

Tensor send(const std::vector<std::int64_t>& indexes, torch::Device device) {
  return send(torch::tensor(indexes, torch::kInt64), device);
}

Segments::Segments(const networks::Offsets& offsets, torch::Device device) : offsets_(offsets), device_(device) {
  std::vector<std::int64_t> sets, last;
  std::vector<float> inverse;
  sets.reserve(static_cast<std::size_t>(offsets.back()));
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::int64_t count = offsets[i + 1] - offsets[i];
    sets.insert(sets.end(), static_cast<std::size_t>(count), static_cast<std::int64_t>(i));
    inverse.push_back(1.0f / static_cast<float>(std::max<std::int64_t>(1, count)));
    last.push_back(count > 0 ? offsets[i + 1] : 0);
  }
  set_of_row_ = send(sets, device);
  inverse_counts_ = send(torch::tensor(inverse).unsqueeze(1), device);
  last_rows_ = send(last, device);
}

const Segments::Neighbours& Segments::neighbours(std::size_t distance) {
  if (const auto found = neighbours_.find(distance); found != neighbours_.end()) return found->second;
  std::vector<std::int64_t> before(static_cast<std::size_t>(offsets_.back()), 0), after = before;
  const auto step = static_cast<std::int64_t>(distance);
  for (std::size_t i = 0; i + 1 < offsets_.size(); ++i)
    for (std::int64_t r = offsets_[i]; r < offsets_[i + 1]; ++r) {
      if (r - step >= offsets_[i]) before[static_cast<std::size_t>(r)] = r - step + 1;
      if (r + step < offsets_[i + 1]) after[static_cast<std::size_t>(r)] = r + step + 1;
    }
  return neighbours_[distance] = {send(before, device_), send(after, device_)};
}

Segments& SegmentsInUse::of(const networks::Offsets& offsets) {
  constexpr std::size_t most = 8; // more sources than models have, with a validation between
  const auto found =
      std::find_if(latest_.begin(), latest_.end(), [&](const Segments& one) { return one.offsets() == offsets; });
  if (found != latest_.end()) latest_.splice(latest_.begin(), latest_, found);
  else latest_.emplace_front(offsets, device_);
  if (latest_.size() > most) latest_.pop_back();
  return latest_.front();
}

Tensor expand(const Tensor& x, const Segments& segments) { return x.index_select(0, segments.set_of_row()); }

Tensor segment_sum(const Tensor& rows, const Segments& segments) {
  return torch::zeros({segments.sets(), rows.size(1)}, rows.options()).index_add(0, segments.set_of_row(), rows);
}

Tensor segment_mean(const Tensor& rows, const Segments& segments) {
  return segment_sum(rows, segments) * segments.inverse_counts();
}

Tensor segment_attention(const Tensor& rows, const Tensor& scores, const Segments& segments) {
  const std::int64_t width = rows.size(1), queries = scores.size(1);
  // The largest score of each data set keeps the exponentials in range; the weights do not depend on it.
  const Tensor lowest =
      torch::full({segments.sets(), queries}, -std::numeric_limits<float>::infinity(), scores.options());
  const Tensor largest =
      lowest.scatter_reduce(0, segments.set_of_row().unsqueeze(1).expand({-1, queries}), scores.detach(), "amax");
  const Tensor shares = (scores - expand(largest, segments)).exp();
  const Tensor weights = shares / expand(segment_sum(shares, segments), segments);
  const Tensor weighted = weights.unsqueeze(2) * rows.unsqueeze(1);
  return segment_sum(weighted.reshape({-1, queries * width}), segments);
}

Tensor window(const Tensor& rows, Segments& segments, std::size_t distance) {
  const Tensor padded = with_zero_row(rows);
  const Segments::Neighbours& neighbours = segments.neighbours(distance);
  return torch::cat({padded.index_select(0, neighbours.before), rows, padded.index_select(0, neighbours.after)}, 1);
}

Tensor last_row(const Tensor& rows, const Segments& segments) {
  return with_zero_row(rows).index_select(0, segments.last_rows());
}

} // namespace sibyl::training::device
