#include "lang/types.hpp"

namespace sibyl {

std::string to_string(const Type& type) {
  static constexpr const char* names[] = {"<error>", "void", "int", "real", "vector", "row_vector", "matrix", "string"};
  const std::string base = names[static_cast<int>(type.base)];
  if (type.array_rank == 0) return base;
  return "array[" + std::string(type.array_rank - 1, ',') + "] " + base;
}

} // namespace sibyl
