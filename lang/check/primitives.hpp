// The functions that the compiler itself implements: their names, and which arguments they take.
#pragma once

#include "lang/typed.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl::checking {

struct Primitive {
  std::string_view name;
  typed::Builtin builtin;
  int math_arguments = 0; // Builtin::math: how many real arguments
  // The result's type for arguments of these types; nothing where it does not apply.
  std::optional<Type> (*result)(const std::vector<Type>&) = nullptr;
  std::string_view usage;    // "rep_vector(real, int)"
  int promoted = 0;          // so many leading arguments become real where the result is real
  bool library_only = false; // draws: only the standard library calls them
};

const Primitive* find_primitive(std::string_view name);
std::vector<std::string> primitive_names();

} // namespace sibyl::checking
