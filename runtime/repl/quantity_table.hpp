// Quantities with a number in each draw, one line each: mean, sd, quantiles and a histogram.
#pragma once

#include "runtime/repl/current_draws.hpp"
#include "runtime/repl/plot.hpp"

#include <string>
#include <vector>

namespace sibyl::repl {

struct Quantity {
  std::string name;
  std::vector<double> values;
  bool is_integer = false;
};

std::string quantity_table(const std::string& title, const std::vector<Quantity>& quantities, const PlotStyle& style);

// The elements of a value with these extents as quantities: theta[1], theta[2], ... at most `limit` of them. `values`
// is [draw][row-major].
std::vector<Quantity> element_quantities(const std::string& name, const std::vector<std::int64_t>& extents,
                                         const std::vector<double>& values, bool is_integer, std::size_t limit);

// The parameters of the model, element by element, at most `limit` of each.
std::vector<Quantity> parameter_quantities(const CurrentDraws& draws, std::size_t limit);

// All values of each observed variable, pooled over places and draws.
std::vector<Quantity> observed_quantities(const CurrentDraws& draws);

} // namespace sibyl::repl
