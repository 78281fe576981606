#include "runtime/trust/data_check.hpp"

namespace sibyl {

const char* name_of(Rung rung) {
  constexpr const char* names[] = {"nothing", "importance weights", "HMC", "a local classifier test",
                                   "predictive checks"};
  return names[static_cast<int>(rung)];
}

} // namespace sibyl
