#include "runtime/model/parameter_extents.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibyl {

void require_same_parameters(const Facts& facts, const ParameterExtents& expected, const ParameterExtents& found) {
  if (expected == found) return;
  std::size_t number = 0;
  for (const VariableFact& variable : facts.variables) {
    if (variable.role != Role::parameter) continue;
    if (number < expected.size() && number < found.size() && expected[number] != found[number])
      throw UserError(fmt::format("`{}` has the size {} in one data set and {} in another: parameters whose sizes vary "
                                  "between data sets cannot be inferred together yet",
                                  variable.name, fmt::join(expected[number], " x "), fmt::join(found[number], " x ")));
    ++number;
  }
  throw InternalError("two data sets have other parameters");
}

} // namespace sibyl
