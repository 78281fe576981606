// How far each math function is from the exact value, in units in the last place, over stated ranges.
//
// The measured table is compiler/math/ulp_table.md. The test fails where an error exceeds what the table states;
// UPDATE_GOLDEN=1 writes it anew. It was measured on a machine with fused multiply-add.
#include "tests/numerics/emitted_code.hpp"
#include "tests/numerics/math_reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <limits>
#include <map>
#include <random>
#include <sstream>

using namespace sibyl;
using namespace sibyl::test;
using ir::MathFunction;

namespace {

enum class Spread { even, logarithmic };
// Near a root that is no floating-point number no relative accuracy is to be had: there, in units of the last place
// of 1.
enum class Unit { last_place, last_place_of_one };

struct Interval {
  double low, high;
};

struct Range {
  MathFunction function;
  Interval of_double, of_float;
  Spread spread = Spread::even;
  Unit unit = Unit::last_place;
  Interval second = {}; // of the second argument
};

using enum MathFunction;
constexpr Spread logarithmic = Spread::logarithmic;
constexpr Unit of_one = Unit::last_place_of_one;

const Range ranges[] = {
    {exp, {-708, 709}, {-87, 88}},
    {expm1, {-40, 709}, {-20, 88}},
    {expm1, {1e-300, 0.5}, {1e-30, 0.5}, logarithmic},
    {exp2, {-1022, 1023}, {-126, 127}},
    {log, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {log, {0.5, 2}, {0.5, 2}},
    {log1p, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {log1p, {-0.999, 1}, {-0.999, 1}},
    {log2, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {log10, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {MathFunction::sqrt, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {cbrt, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {sin, {-10, 10}, {-10, 10}},
    {sin, {1e-300, 0.7}, {1e-30, 0.7}, logarithmic},
    {sin, {10, 1e6}, {10, 800}},
    {cos, {-10, 10}, {-10, 10}},
    {cos, {10, 1e6}, {10, 800}},
    {tan, {-10, 10}, {-10, 10}},
    {asin, {-1, 1}, {-1, 1}},
    {acos, {-1, 1}, {-1, 1}},
    {atan, {-10, 10}, {-10, 10}},
    {atan, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic},
    {atan2, {-10, 10}, {-10, 10}, Spread::even, Unit::last_place, {-10, 10}},
    {sinh, {-700, 700}, {-87, 87}},
    {sinh, {1e-300, 2}, {1e-30, 2}, logarithmic},
    {cosh, {-700, 700}, {-87, 87}},
    {tanh, {-25, 25}, {-12, 12}},
    {tanh, {1e-300, 1}, {1e-30, 1}, logarithmic},
    {asinh, {1e-300, 1e300}, {1e-30, 1e37}, logarithmic},
    {acosh, {1.001, 100}, {1.001, 100}},
    {atanh, {-0.999, 0.999}, {-0.999, 0.999}},
    {pow, {0.01, 100}, {0.01, 100}, logarithmic, Unit::last_place, {-100, 100}},
    {pow, {0.9, 1.1}, {0.9, 1.1}, Spread::even, Unit::last_place, {-5000, 5000}},
    {lgamma, {1e-300, 1e300}, {1e-30, 1e35}, logarithmic, of_one},
    {lgamma, {0.5, 3}, {0.5, 3}, Spread::even, of_one},
    {lgamma, {3, 100}, {3, 100}},
    {lgamma, {-20, 0}, {-20, 0}, Spread::even, of_one},
    {tgamma, {1e-10, 20}, {1e-5, 20}},
    {tgamma, {20, 171}, {20, 34}},
    {digamma, {1e-10, 1e10}, {1e-10, 1e10}, logarithmic, of_one},
    {digamma, {-10, 0}, {-10, 0}, Spread::even, of_one},
    {trigamma, {1e-10, 1e10}, {1e-10, 1e10}, logarithmic},
    {trigamma, {-10, 0}, {-10, 0}},
    {erf, {-6, 6}, {-4, 4}},
    {erf, {1e-300, 1}, {1e-30, 1}, logarithmic},
    {erfc, {-6, 6}, {-4, 4}},
    {erfc, {6, 26}, {4, 9}},
    {inv_Phi, {1e-300, 0.5}, {1e-37, 0.5}, logarithmic},
    {inv_Phi, {0.01, 0.99}, {0.01, 0.99}, Spread::even, of_one},
    {fmod, {-1000, 1000}, {-1000, 1000}, Spread::even, Unit::last_place, {0.1, 10}},
    {hypot, {1e-300, 1e300}, {1e-37, 1e37}, logarithmic, Unit::last_place, {1, 1e300}},
};

constexpr std::size_t points = 2000;

struct Errors {
  double largest = 0, mean = 0;
};

template <typename T>
std::vector<T> spread_over(Interval interval, Spread spread, std::uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values;
  for (std::size_t i = 0; i < points; ++i) {
    const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
    values.push_back(static_cast<T>(
        spread == Spread::even
            ? interval.low + (interval.high - interval.low) * u
            : std::exp(std::log(interval.low) + (std::log(interval.high) - std::log(interval.low)) * u)));
  }
  return values;
}

template <typename T>
double error_in_last_places(T value, Quad exact, Unit unit) {
  Quad magnitude = fabsf128(exact);
  if (unit == Unit::last_place_of_one && magnitude < 1) magnitude = 1;
  if (magnitude < std::numeric_limits<T>::min()) magnitude = std::numeric_limits<T>::min();
  int exponent = 0;
  frexpf128(magnitude, &exponent);
  const Quad place = ldexpf128(1, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(fabsf128(value - exact) / place);
}

template <typename T>
Errors measure(const EmittedCode<T>& code, const Range& range, std::uint32_t seed) {
  const auto x = spread_over<T>(sizeof(T) == 8 ? range.of_double : range.of_float, range.spread, seed);
  std::vector<T> y;
  if (arity(range.function) == 2) {
    Interval second = range.second;
    if (sizeof(T) == 4) second.high = std::min(second.high, 1e37);
    y = spread_over<T>(second, range.second.low > 0 ? range.spread : Spread::even, seed + 1);
  } else {
    y.resize(points);
  }
  const std::vector<T> values = code(range.function, x, y);
  Errors errors;
  std::size_t counted = 0;
  for (std::size_t i = 0; i < points; ++i) {
    const Quad exact = reference(range.function, x[i], y[i]);
    if (fabsf128(exact) > std::numeric_limits<T>::max() || fabsf128(exact) < std::numeric_limits<T>::min()) continue;
    double error = error_in_last_places(values[i], exact, range.unit);
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    errors.largest = std::max(errors.largest, error);
    errors.mean += error;
    ++counted;
  }
  errors.mean /= static_cast<double>(counted);
  return errors;
}

// Upwards, so that the stated figure bounds the measured one.
std::string rounded_up(double error) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << std::ceil(error * 100 + 1e-9) / 100;
  return out.str();
}

std::string plain(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

std::string text(Interval a) { return plain(a.low) + " to " + plain(a.high); }

std::string row_name(const Range& range) {
  std::string name = "| " + std::string(name_of(range.function)) + " | " + text(range.of_double);
  if (text(range.of_double) != text(range.of_float)) name += " (float: " + text(range.of_float) + ")";
  if (arity(range.function) == 2) name += "; " + text(range.second);
  if (range.spread == logarithmic) name += ", evenly in the logarithm";
  return name + " | " + (range.unit == of_one ? "1" : "value") + " |";
}

const std::string table_path = std::string(SIBYL_SOURCE_DIR) + "/compiler/math/ulp_table.md";

const char* const table_head =
    "# Accuracy of the math functions\n\n"
    "Errors in units in the last place against quadruple precision, 2000 points per range, on a machine with fused\n"
    "multiply-add; the same for every number of lanes. The unit is the last place of the value, or of 1 where that is\n"
    "larger (\"1\": near roots). sin, cos and tan reduce their argument in three parts: beyond 1e6 (float: 800) they\n"
    "lose digits. Made by the test numerics_math (UPDATE_GOLDEN=1), which fails where a figure is exceeded.\n\n"
    "| function | arguments | unit of | double: largest | mean | float: largest | mean |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n";

std::map<std::string, std::vector<double>> read_table() {
  std::ifstream file(table_path);
  std::map<std::string, std::vector<double>> rows;
  std::string line;
  while (std::getline(file, line)) {
    std::size_t end = 0;
    for (int bar = 0; bar < 4 && end != std::string::npos; ++bar) end = line.find('|', end + (bar > 0));
    if (end == std::string::npos || end == 0) continue;
    std::vector<double> figures;
    std::istringstream rest(line.substr(end + 1));
    for (std::string cell; std::getline(rest, cell, '|');) figures.push_back(std::strtod(cell.c_str(), nullptr));
    rows[line.substr(0, end + 1)] = figures;
  }
  return rows;
}

} // namespace

TEST_CASE("each math function is as accurate as ulp_table.md states") {
  const EmittedCode<double> in_double(8);
  const EmittedCode<float> in_float(16);
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  const auto stated = read_table();
  std::string table = table_head;
  std::uint32_t seed = 1;
  for (const Range& range : ranges) {
    const Errors d = measure(in_double, range, seed), f = measure(in_float, range, seed);
    seed += 2;
    table += row_name(range) + ' ' + rounded_up(d.largest) + " | " + rounded_up(d.mean) + " | " +
             rounded_up(f.largest) + " | " + rounded_up(f.mean) + " |\n";
    if (update) continue;
    INFO(row_name(range));
    const auto row = stated.find(row_name(range));
    REQUIRE(row != stated.end());
    REQUIRE(row->second.size() == 4);
    CHECK(d.largest <= row->second[0]);
    CHECK(d.mean <= row->second[1]);
    CHECK(f.largest <= row->second[2]);
    CHECK(f.mean <= row->second[3]);
  }
  if (update) std::ofstream(table_path) << table;
}

TEST_CASE("the table covers every function that rounds") {
  const auto is_exact = [](MathFunction f) {
    return f == MathFunction::fabs || f == MathFunction::floor || f == MathFunction::ceil || f == MathFunction::round ||
           f == MathFunction::trunc || f == MathFunction::fmin || f == MathFunction::fmax;
  };
  for (std::size_t i = 0; i < ir::math_function_count; ++i) {
    const auto function = static_cast<MathFunction>(i);
    if (is_exact(function)) continue;
    INFO(name_of(function));
    CHECK(std::any_of(std::begin(ranges), std::end(ranges),
                      [&](const Range& range) { return range.function == function; }));
  }
}
