// The functions of the language that are given a function: solvers of differential and algebraic equations, integrals,
// and `map_rect`.
#pragma once

#include "lang/typed.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibyl::checking {

struct Solver {
  std::string_view name;
  typed::SolverCall::Kind kind;
  std::string_view method; // of the library
  // How older texts called it: states as arrays, and `theta, x_r, x_i` before the tolerances, which may be left out.
  bool is_old = false;
  bool has_tolerances = false; // in front of what is handed on
  // Where none are given: relative, absolute, most steps; of algebraic equations, step, residual, most steps.
  double tolerances[3] = {0, 0, 0};
  std::string_view usage;
};

// Null where there is none.
const Solver* find_solver(std::string_view name);
std::vector<std::string> solver_names();

} // namespace sibyl::checking
