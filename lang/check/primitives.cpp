#include "lang/check/primitives.hpp"

#include <algorithm>

namespace sibyl::checking {

namespace {

using typed::Builtin;
using Types = std::vector<Type>;
using Result = std::optional<Type>;

constexpr Type integer{Base::integer, 0}, real{Base::real, 0}, vector{Base::vector, 0}, row_vector{Base::row_vector, 0},
    matrix{Base::matrix, 0};

bool is_list(Type type) { return type.array_rank > 0 || type.rank() == 1; }
bool are_integers(const Types& types, std::size_t from) {
  return std::all_of(types.begin() + static_cast<std::ptrdiff_t>(from), types.end(),
                     [](Type t) { return t == integer; });
}

Result count(const Types& t) { return t.size() == 1 ? Result(integer) : std::nullopt; }
Result dims(const Types& t) { return t.size() == 1 && t[0].rank() > 0 ? Result(Type{Base::integer, 1}) : std::nullopt; }
Result rows(const Types& t) {
  return t.size() == 1 && t[0].array_rank == 0 && t[0].base_rank() > 0 ? Result(integer) : std::nullopt;
}
Result rep_vector(const Types& t) {
  return t.size() == 2 && t[0].is_scalar() && t[1] == integer ? Result(vector) : std::nullopt;
}
Result rep_row_vector(const Types& t) { return rep_vector(t) ? Result(row_vector) : std::nullopt; }
Result rep_matrix(const Types& t) {
  if (t.size() == 3 && t[0].is_scalar() && are_integers(t, 1)) return matrix;
  return t.size() == 2 && (t[0] == vector || t[0] == row_vector) && t[1] == integer ? Result(matrix) : std::nullopt;
}
Result rep_array(const Types& t) {
  if (t.size() < 2 || t.size() > 4 || !are_integers(t, 1)) return std::nullopt;
  return Type{t[0].base, t[0].array_rank + static_cast<int>(t.size()) - 1};
}
bool is_flat_real(Type t) {
  return t == vector || t == row_vector || t == matrix || (t.base_rank() == 0 && t.array_rank == 1);
}
Result to_vector(const Types& t) { return t.size() == 1 && is_flat_real(t[0]) ? Result(vector) : std::nullopt; }
Result to_row_vector(const Types& t) { return t.size() == 1 && is_flat_real(t[0]) ? Result(row_vector) : std::nullopt; }
// By its shape alone, or with rows, columns and whether the elements are taken column by column.
Result to_matrix(const Types& t) {
  if (t.empty() || !are_integers(t, 1)) return std::nullopt;
  if (t.size() == 3 || t.size() == 4) return is_flat_real(t[0]) ? Result(matrix) : std::nullopt;
  const bool is_table = (t[0].base_rank() == 0 && t[0].array_rank == 2) || t[0] == Type{Base::row_vector, 1};
  const bool is_linear = t[0] == vector || t[0] == row_vector || t[0] == matrix;
  return t.size() == 1 && (is_table || is_linear) ? Result(matrix) : std::nullopt;
}
Result to_array_2d(const Types& t) {
  return t.size() == 1 && t[0] == matrix ? Result(Type{Base::real, 2}) : std::nullopt;
}
Result to_array_1d(const Types& t) {
  if (t.size() != 1) return std::nullopt;
  if (t[0].base_rank() > 0 && t[0].array_rank == 0) return Type{Base::real, 1};
  return t[0].base_rank() == 0 && t[0].array_rank > 0 ? Result(Type{t[0].base, 1}) : std::nullopt;
}
Result append_row(const Types& t) {
  if (t.size() != 2) return std::nullopt;
  const auto column = [](Type type) { return type == vector || type.is_scalar(); };
  if (column(t[0]) && column(t[1]) && !(t[0].is_scalar() && t[1].is_scalar())) return vector;
  const auto wide = [](Type type) { return type == matrix || type == row_vector; };
  return wide(t[0]) && wide(t[1]) ? Result(matrix) : std::nullopt;
}
Result append_col(const Types& t) {
  if (t.size() != 2) return std::nullopt;
  const auto row = [](Type type) { return type == row_vector || type.is_scalar(); };
  if (row(t[0]) && row(t[1]) && !(t[0].is_scalar() && t[1].is_scalar())) return row_vector;
  const auto tall = [](Type type) { return type == matrix || type == vector; };
  return tall(t[0]) && tall(t[1]) ? Result(matrix) : std::nullopt;
}
Result append_array(const Types& t) {
  return t.size() == 2 && t[0] == t[1] && t[0].array_rank > 0 ? Result(t[0]) : std::nullopt;
}
Result head(const Types& t) { return t.size() == 2 && is_list(t[0]) && t[1] == integer ? Result(t[0]) : std::nullopt; }
Result segment(const Types& t) {
  return t.size() == 3 && is_list(t[0]) && are_integers(t, 1) ? Result(t[0]) : std::nullopt;
}
Result row(const Types& t) {
  return t.size() == 2 && t[0] == matrix && t[1] == integer ? Result(row_vector) : std::nullopt;
}
Result col(const Types& t) {
  return t.size() == 2 && t[0] == matrix && t[1] == integer ? Result(vector) : std::nullopt;
}
Result block(const Types& t) {
  return t.size() == 5 && t[0] == matrix && are_integers(t, 1) ? Result(matrix) : std::nullopt;
}
Result diagonal(const Types& t) { return t.size() == 1 && t[0] == matrix ? Result(vector) : std::nullopt; }
Result absolute(const Types& t) {
  if (t.size() != 1) return std::nullopt;
  return t[0].base == Base::integer || t[0].base == Base::real || t[0].base_rank() > 0 ? Result(t[0]) : std::nullopt;
}
Result two_integers(const Types& t) { return t.size() == 2 && are_integers(t, 0) ? Result(integer) : std::nullopt; }
Result of_real(const Types& t) { return t.size() == 1 && t[0].is_scalar() ? Result(integer) : std::nullopt; }
Result given_value(const Types& t) {
  return t.size() == 2 && t[0].is_scalar() && t[1] == vector ? Result(vector) : std::nullopt;
}
Result given_jacobian(const Types& t) { return given_value(t) ? Result(matrix) : std::nullopt; }
Result no_integer_arguments(const Types& t) { return t.empty() ? Result(integer) : std::nullopt; }
Result no_arguments(const Types& t) { return t.empty() ? Result(real) : std::nullopt; }

constexpr Primitive math(std::string_view name, int arguments) { return {name, Builtin::math, arguments}; }

constexpr Primitive primitives[] = {
    math("exp", 1),
    math("expm1", 1),
    math("log", 1),
    math("log1p", 1),
    math("log2", 1),
    math("log10", 1),
    math("exp2", 1),
    math("sqrt", 1),
    math("cbrt", 1),
    math("sin", 1),
    math("cos", 1),
    math("tan", 1),
    math("asin", 1),
    math("acos", 1),
    math("atan", 1),
    math("atan2", 2),
    math("sinh", 1),
    math("cosh", 1),
    math("tanh", 1),
    math("asinh", 1),
    math("acosh", 1),
    math("atanh", 1),
    math("pow", 2),
    math("lgamma", 1),
    math("tgamma", 1),
    math("digamma", 1),
    math("erf", 1),
    math("erfc", 1),
    math("inv_Phi", 1),
    math("fabs", 1),
    math("floor", 1),
    math("ceil", 1),
    math("round", 1),
    math("trunc", 1),
    math("fmin", 2),
    math("fmax", 2),
    math("fmod", 2),
    math("hypot", 2),
    math("fma", 3),
    {"size", Builtin::size, 0, count, "size(container)"},
    {"num_elements", Builtin::num_elements, 0, count, "num_elements(container)"},
    {"dims", Builtin::dims, 0, dims, "dims(container)"},
    {"rows", Builtin::rows, 0, rows, "rows(vector or matrix)"},
    {"cols", Builtin::cols, 0, rows, "cols(vector or matrix)"},
    {"rep_vector", Builtin::rep_vector, 0, rep_vector, "rep_vector(real, int)", 1},
    {"rep_row_vector", Builtin::rep_row_vector, 0, rep_row_vector, "rep_row_vector(real, int)", 1},
    {"rep_matrix", Builtin::rep_matrix, 0, rep_matrix, "rep_matrix(real, int, int) or rep_matrix(vector, int)", 1},
    {"rep_array", Builtin::rep_array, 0, rep_array, "rep_array(value, int, ...)"},
    {"to_vector", Builtin::to_vector, 0, to_vector, "to_vector(container)", 1},
    {"to_row_vector", Builtin::to_row_vector, 0, to_row_vector, "to_row_vector(container)", 1},
    {"to_array_1d", Builtin::to_array_1d, 0, to_array_1d, "to_array_1d(container)"},
    {"to_array_2d", Builtin::to_array_2d, 0, to_array_2d, "to_array_2d(matrix)"},
    {"to_matrix", Builtin::to_matrix, 0, to_matrix,
     "to_matrix(container) or to_matrix(container, int rows, int columns)", 1},
    {"append_row", Builtin::append_row, 0, append_row, "append_row(vector, vector) or append_row(matrix, matrix)", 2},
    {"append_col", Builtin::append_col, 0, append_col,
     "append_col(row_vector, row_vector) or append_col(matrix, matrix)", 2},
    {"append_array", Builtin::append_array, 0, append_array, "append_array(array, array)"},
    {"head", Builtin::head, 0, head, "head(list, int)"},
    {"tail", Builtin::tail, 0, head, "tail(list, int)"},
    {"segment", Builtin::segment, 0, segment, "segment(list, int first, int length)"},
    {"row", Builtin::row, 0, row, "row(matrix, int)"},
    {"col", Builtin::col, 0, col, "col(matrix, int)"},
    {"block", Builtin::block, 0, block, "block(matrix, int row, int column, int rows, int columns)"},
    {"diagonal", Builtin::diagonal, 0, diagonal, "diagonal(matrix)"},
    {"abs", Builtin::absolute, 0, absolute, "abs(number or container)"},
    {"min", Builtin::minimum, 0, two_integers, "min(int, int) or min(container)"},
    {"max", Builtin::maximum, 0, two_integers, "max(int, int) or max(container)"},
    {"is_nan", Builtin::is_nan, 0, of_real, "is_nan(real)"},
    {"is_inf", Builtin::is_inf, 0, of_real, "is_inf(real)"},
    {"to_int", Builtin::real_to_integer, 0, of_real, "to_int(real)"},
    {"target", Builtin::target, 0, no_arguments, "target()"},
    {"uniform_draw", Builtin::uniform_draw, 0, no_arguments, "uniform_draw()", 0, true},
    {"std_normal_draw", Builtin::std_normal_draw, 0, no_arguments, "std_normal_draw()", 0, true},
    {"given_value", Builtin::given_value, 0, given_value, "given_value(real, vector)", 1, true},
    {"given_jacobian", Builtin::given_jacobian, 0, given_jacobian, "given_jacobian(real, vector)", 1, true},
    {"given_size", Builtin::given_size, 0, no_integer_arguments, "given_size()", 0, true},
};

} // namespace

const Primitive* find_primitive(std::string_view name) {
  const auto found = std::find_if(std::begin(primitives), std::end(primitives),
                                  [&](const Primitive& one) { return one.name == name; });
  return found == std::end(primitives) ? nullptr : found;
}

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const Primitive& one : primitives)
    if (!one.library_only) names.emplace_back(one.name);
  return names;
}

} // namespace sibyl::checking
