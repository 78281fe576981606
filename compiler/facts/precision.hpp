// Whether a text may be simulated in floats, which is twice as fast as in doubles.
//
// A float has seven digits. They are enough where the text itself bounds what is computed: no count of unknown size, no
// sum over unknown many values, no state that is carried from step to step, no data in unknown units, and no location
// that is large beside its scale. This estimates how large each value of a simulation probably is, from literals,
// declared bounds and distributions; where the text does not tell, it is doubles.
#pragma once

#include "compiler/generative/reading.hpp"

#include <optional>

namespace sibyl {

// Why the text is simulated in doubles: the statement that decides; nothing where floats do.
std::optional<Reason> find_need_of_double(const typed::Program& program, const generative::Reading& reading);

} // namespace sibyl
