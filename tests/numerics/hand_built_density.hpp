// Densities written directly in the intermediate representation, and the comparison of their compiled-in gradients with
// differences of the density itself, both run by the reference interpreter.
#pragma once

#include "compiler/ir/build.hpp"
#include "tests/ir_interpreter.hpp"

#include <functional>

namespace sibyl::test {

// Where a hand-built density is written: the parameters, the sum, and shorthand for both.
struct DensityWriter {
  ir::Builder& b;
  ir::ArrayId parameters;
  ir::CellId target;

  ir::ValueId parameter(int index) { return b.load(parameters, {b.integer(index)}); }
  ir::ValueId real(double number) { return b.real(number); }
  ir::ValueId integer(int number) { return b.integer(number); }
  void add_to_target(ir::ValueId value) { b.store_cell(target, b.add(b.load_cell(target), value)); }
  void add_to(ir::CellId cell, ir::ValueId value) { b.store_cell(cell, b.add(b.load_cell(cell), value)); }
};

// A model of one function, log_density.
ir::Model density_model(const std::function<void(DensityWriter&)>& write);

// `model` with log_density_gradient added. Both functions are verified.
ir::Model with_gradient(ir::Model model);

struct Gradient {
  double log_density;
  std::vector<double> gradient;
  std::uint64_t executed; // instructions
};
Gradient run_density(const ir::Model& model, const std::vector<double>& parameters);
Gradient run_gradient(const ir::Model& model, const std::vector<double>& parameters);

// Extrapolated central differences of log_density: relative error about 1e-10 where the function is smooth.
std::vector<double> differences(const ir::Model& model, const std::vector<double>& parameters);

// The gradient function gives the density itself, and a gradient that agrees with the differences to `tolerance`
// (relative to the larger of 1 and the gradient's size), and leaves the tape empty.
void require_gradient(const ir::Model& model, const std::vector<double>& parameters, double tolerance = 1e-7);

} // namespace sibyl::test
