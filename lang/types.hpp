// Types of expressions: what is known of a value before its sizes are.
#pragma once

#include <string>

namespace sibyl {

// `error` is the poison type of an expression that was already complained about: it agrees with everything, so that one
// mistake gives one message. `string` occurs in print and reject only.
enum class Base { error, none, integer, real, vector, row_vector, matrix, string };

// Dimensions that a variable may have, arrays' and the base's together.
inline constexpr int most_dimensions = 8;

struct Type {
  Base base = Base::error;
  int array_rank = 0; // number of array dimensions around the base

  friend bool operator==(const Type&, const Type&) = default;

  bool is_error() const { return base == Base::error; }
  bool is_scalar() const { return array_rank == 0 && (base == Base::integer || base == Base::real); }
  bool is_integer_valued() const { return base == Base::integer; } // int, or an array of int
  // Dimensions of the base alone: vector 1, matrix 2, scalars 0.
  int base_rank() const { return base == Base::matrix ? 2 : base == Base::vector || base == Base::row_vector ? 1 : 0; }
  // All dimensions, arrays first.
  int rank() const { return array_rank + base_rank(); }
};

// As Stan writes it: `int`, `array[,] vector`, `matrix`.
std::string to_string(const Type& type);

} // namespace sibyl
