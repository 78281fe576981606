// Where the posterior of one data set lies, found by short Markov chains, and a region around it to simulate from: what
// `train --around` does first.
//
// The region is the posterior whose likelihood is flattened: with posterior precision P and prior precision Q there
// (from second differences of the log prior), its scale matrix is the inverse of Q + (P - Q) / widening^2. So it is
// wider where the data decide, and no wider than the prior where the prior does.
#pragma once

#include "runtime/model/region.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sibyl {

struct LocateOptions {
  double widening = 2; // of standard deviations, more than 1
  double seconds = 60; // the chains' time; what they have by then is used
  std::uint64_t seed = 1;
  int threads = 1;
  const std::atomic<std::int32_t>* interrupted = nullptr;
};

struct LocatedRegion {
  Region region;
  std::vector<std::string> notes; // for the user
};

// Throws UserError where the model has no density, its data cannot be simulated, or the data set lacks values;
// RuntimeError where the chains find no posterior in their time.
LocatedRegion locate_region(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                            const LocateOptions& options);

} // namespace sibyl
