// The names of the constrained types (`simplex`, `cov_matrix`, ...): each is a file of stdlib/transforms/ whose
// `constrained` line says a vector or a matrix. The grammar needs them before any text is parsed, the library's
// included.
#pragma once

#include <set>
#include <string>

namespace sibyl {

const std::set<std::string, std::less<>>& constrained_type_names();

} // namespace sibyl
