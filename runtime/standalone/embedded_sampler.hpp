// The sampler inside this program: its model is linked in, its file is a constant. What `sibyl build` has put there.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

namespace sibyl {

// Throws UserError where the processor lacks what the code was built for.
PosteriorSampler embedded_sampler();

} // namespace sibyl
