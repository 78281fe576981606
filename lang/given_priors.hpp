// Priors given beside a text: `alpha=normal(0, 10)` takes the place of what the text says of alpha, or adds a prior
// where it says nothing. The text is edited, so that all that is made of it (a sampler file, a library, messages) shows
// the model that was used.
#pragma once

#include "lang/source.hpp"

#include <string>
#include <vector>

namespace sibyl {

// Each prior is NAME=DISTRIBUTION(ARGUMENTS), with T[lower, upper] behind it where it is truncated. Other lines of the
// text stay where they are. Throws UserError where a prior cannot be read, names no parameter, or would leave a term of
// the old prior behind. A text that cannot be parsed comes back as it is: compiling it says why.
std::string with_priors(const Source& source, const std::vector<std::string>& priors);

} // namespace sibyl
