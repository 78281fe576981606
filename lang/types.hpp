// Types of expressions: what is known of a value before its sizes are.
#pragma once

#include <string>
#include <vector>

namespace sibyl {

// `error` is the poison type of an expression that was already complained about: it agrees with everything, so that one
// mistake gives one message. `string` occurs in print and reject only.
enum class Base { error, none, integer, real, vector, row_vector, matrix, string, tuple };

// Dimensions that a variable may have, arrays' and the base's together.
inline constexpr int most_dimensions = 8;

struct Type {
  Base base = Base::error;
  int array_rank = 0; // number of array dimensions around the base
  const std::vector<Type>* parts = nullptr; // of a tuple: the one list of these types (tuple_type)

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

// `tuple(T1, T2, ...)`, or an array of such.
Type tuple_type(const std::vector<Type>& parts, int array_rank = 0);
// Of that part of every element, number 0 the first: an array where it is an array of tuples.
Type part_type(const Type& tuple, std::size_t number);
// The types of what a tuple holds that is none, from left to right; of anything else its own.
std::vector<Type> leaf_types(const Type& type);

} // namespace sibyl
