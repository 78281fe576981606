// The self-consistency term (runtime/training/self_consistency.hpp) with its gradient.
//
// The variance is over draws of the present posterior as proposals that do not change with the weights: else narrow
// draws, over which hardly anything varies, would make it small as well. The gradient is then, in expectation, twice
// that of the divergence KL(q || p) (Richter et al. 2020, "VarGrad", proposition 1). Its estimate goes along the draws'
// paths: the slopes of log q - log p at each draw, of which p's come from the model's compiled code, times the draw's
// derivative (Roeder et al. 2017, "Sticking the landing"). It is zero at each draw where q is the posterior.
#pragma once

#include "runtime/networks/network_config.hpp"
#include "runtime/training/self_consistency.hpp"
#include "runtime/training/torch/torch_backend.hpp"

#include <cstdint>

namespace sibyl::training {

struct SelfConsistencyTerms {
  torch::Tensor terms;      // by data set, squared nats; of those where half of the draws or more are usable
  torch::Tensor objectives; // of the same data sets; their values mean nothing, their gradients are the terms'
  std::int64_t draws = 0, dropped = 0; // dropped: where a density is not finite
};

// `seed` decides the draws. The variance is the unbiased one of the draws whose density is finite.
SelfConsistencyTerms self_consistency_terms(TorchBackend& backend, const NetworkConfig& config,
                                            const UnlabelledBatch& batch, const SelfConsistency& how,
                                            std::uint64_t seed);

} // namespace sibyl::training
