// What posteriors are conditioned on, of a batch of data sets.
#pragma once

#include "runtime/networks/batch.hpp"
#include "runtime/networks/summary_networks.hpp"
#include "runtime/training/torch/torch_backend.hpp"

#include <vector>

namespace sibyl::training {

inline torch::Tensor summarize_batch(TorchBackend& backend, const NetworkConfig& config, const NetworkBatch& batch) {
  std::vector<torch::Tensor> rows;
  std::vector<const networks::Offsets*> offsets;
  for (const RowsBatch& source : batch.sources) {
    rows.push_back(backend.constant(static_cast<std::size_t>(source.offsets.back()), source.width, source.rows));
    offsets.push_back(&source.offsets);
  }
  const torch::Tensor direct = backend.constant(batch.count, batch.direct_width, batch.direct);
  return networks::summarize(backend, config, direct, rows, offsets);
}

} // namespace sibyl::training
