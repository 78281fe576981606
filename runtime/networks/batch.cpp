#include "runtime/networks/batch.hpp"

namespace sibyl {

namespace {

void append(std::vector<float>& to, const std::vector<float>& from, std::size_t first, std::size_t count) {
  const auto begin = from.begin() + static_cast<std::ptrdiff_t>(first);
  to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
}

void take_form(NetworkBatch& batch, const NetworkBatch& of) {
  batch.direct_width = of.direct_width;
  batch.dimension = of.dimension;
  batch.sources.resize(of.sources.size());
  for (std::size_t s = 0; s < of.sources.size(); ++s) batch.sources[s].width = of.sources[s].width;
}

} // namespace

NetworkBatch select(const NetworkBatch& batch, std::span<const std::size_t> chosen) {
  NetworkBatch result;
  take_form(result, batch);
  result.count = chosen.size();
  result.direct.reserve(chosen.size() * batch.direct_width);
  if (!batch.z.empty()) result.z.reserve(chosen.size() * batch.dimension);
  for (const std::size_t i : chosen) {
    append(result.direct, batch.direct, i * batch.direct_width, batch.direct_width);
    if (!batch.z.empty()) append(result.z, batch.z, i * batch.dimension, batch.dimension);
  }
  for (std::size_t s = 0; s < batch.sources.size(); ++s) {
    const RowsBatch& from = batch.sources[s];
    RowsBatch& to = result.sources[s];
    for (const std::size_t i : chosen) to.offsets.push_back(to.offsets.back() + from.offsets[i + 1] - from.offsets[i]);
    to.rows.reserve(static_cast<std::size_t>(to.offsets.back()) * from.width);
    for (const std::size_t i : chosen)
      append(to.rows, from.rows, static_cast<std::size_t>(from.offsets[i]) * from.width,
             static_cast<std::size_t>(from.offsets[i + 1] - from.offsets[i]) * from.width);
  }
  return result;
}

void append(NetworkBatch& batch, const NetworkBatch& more) {
  if (batch.count == 0) take_form(batch, more);
  batch.count += more.count;
  batch.direct.insert(batch.direct.end(), more.direct.begin(), more.direct.end());
  batch.z.insert(batch.z.end(), more.z.begin(), more.z.end());
  for (std::size_t s = 0; s < more.sources.size(); ++s) {
    RowsBatch& to = batch.sources[s];
    const std::int64_t before = to.offsets.back();
    to.rows.insert(to.rows.end(), more.sources[s].rows.begin(), more.sources[s].rows.end());
    for (std::size_t i = 1; i < more.sources[s].offsets.size(); ++i)
      to.offsets.push_back(before + more.sources[s].offsets[i]);
  }
}

} // namespace sibyl
