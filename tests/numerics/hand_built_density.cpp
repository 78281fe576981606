#include "tests/numerics/hand_built_density.hpp"

#include "compiler/passes/reverse_mode.hpp"
#include "compiler/passes/structure_loops.hpp"

#include <catch2/catch.hpp>

#include <cmath>

namespace sibyl::test {

using namespace ir;

Model density_model(const std::function<void(DensityWriter&)>& write) {
  Model model;
  model.messages.push_back({"{} must hold", {}});
  Function function{.name = "log_density"};
  {
    Builder builder(function);
    DensityWriter writer{builder, builder.array("theta", Type::real, 1, Binding::unconstrained_in),
                         builder.cell("target")};
    const ArrayId density = builder.array("log_density", Type::real, 0, Binding::log_density);
    write(writer);
    builder.store(density, builder.load_cell(writer.target), {});
  }
  model.functions.push_back(std::move(function));
  verify(model);
  return model;
}

Model with_gradient(Model model) {
  Function structured = *model.find("log_density");
  structure_loops(structured);
  Model check = model;
  check.functions[0] = structured;
  verify(check);
  model.functions.push_back(reverse_mode(structured));
  verify(model);
  return model;
}

namespace {

Gradient run(const Function& function, const std::vector<double>& parameters) {
  Call call;
  call.unconstrained = parameters;
  interpret(function, call);
  REQUIRE_FALSE(call.failure);
  REQUIRE(call.tape_left == 0);
  return {call.log_density, call.gradient, call.executed};
}

} // namespace

Gradient run_density(const Model& model, const std::vector<double>& parameters) {
  return run(*model.find("log_density"), parameters);
}

Gradient run_gradient(const Model& model, const std::vector<double>& parameters) {
  return run(*model.find("log_density_gradient"), parameters);
}

std::vector<double> differences(const Model& model, const std::vector<double>& parameters) {
  std::vector<double> result;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto central = [&](double step) {
      auto at = [&](double shift) {
        std::vector<double> moved = parameters;
        moved[i] += shift;
        return run_density(model, moved).log_density;
      };
      return (at(step) - at(-step)) / (2 * step);
    };
    const double h = 1e-3 * std::max(1.0, std::abs(parameters[i]));
    const double a = central(h), b = central(h / 2), c = central(h / 4); // errors of order h^2, then h^4, then h^6
    const double ab = b + (b - a) / 3, bc = c + (c - b) / 3;
    result.push_back(bc + (bc - ab) / 15);
  }
  return result;
}

void require_gradient(const Model& model, const std::vector<double>& parameters, double tolerance) {
  const Model differentiated = with_gradient(model);
  INFO(to_string(differentiated));
  const Gradient density = run_density(differentiated, parameters);
  const Gradient gradient = run_gradient(differentiated, parameters);
  REQUIRE(std::isfinite(density.log_density));
  REQUIRE(gradient.log_density == Approx(density.log_density).epsilon(1e-14));
  const std::vector<double> expected = differences(differentiated, parameters);
  REQUIRE(gradient.gradient.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("parameter " << i << ": gradient " << gradient.gradient[i] << ", differences " << expected[i]);
    REQUIRE(std::abs(gradient.gradient[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])));
  }
}

} // namespace sibyl::test
