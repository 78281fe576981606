// Functions of the standard library that return containers: computed once where nothing has changed in between.
#include "compiler/compile.hpp"
#include "compiler/ir/traverse.hpp"
#include "runtime/model/density.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;

namespace {

Source text(const std::string& statements) {
  return Source("shared.stan", R"(
parameters { real<lower=0> s; real<lower=0> t; }
model {
  matrix[2, 2] a = [[2 + s, 1], [1, 3]];
  s ~ exponential(1);
  t ~ exponential(1);
  )" + statements + "\n}\n");
}

int loops_with_a_test(const std::string& statements) {
  const Frontend frontend = compile_to_ir(text(statements));
  REQUIRE(frontend.model);
  int count = 0;
  ir::for_each(frontend.model->find("log_density")->body,
               [&](const ir::Instruction& instruction) { count += instruction.op == ir::Op::while_; });
  return count;
}

} // namespace

TEST_CASE("values and vectors of one matrix are one decomposition, unless it changes in between") {
  const std::string first = "target += sum(eigenvalues_sym(a));", second = "target += eigenvectors_sym(a)[1, 1];";
  const int once = loops_with_a_test(first);
  REQUIRE(once > 0);
  CHECK(loops_with_a_test(first + second) == once);
  CHECK(loops_with_a_test(first + "a[1, 2] = t; a[2, 1] = t;" + second) == 2 * once);
  CHECK(loops_with_a_test(first + "if (s > 1) a[1, 1] = 5;" + second) == 2 * once);
  CHECK(loops_with_a_test(first + "matrix[2, 2] b = 2 * a; target += eigenvectors_sym(b)[1, 1];") == 2 * once);
  // What a loop's later statements change is another matrix in its next iteration.
  CHECK(loops_with_a_test(first + "for (i in 1:2) { " + second + " a[1, 1] = 2 * t; }") == 2 * once);
  CHECK(loops_with_a_test("if (s > 1) { " + first + " }" + second) == 2 * once);
}

TEST_CASE("a decomposition that is shared has the density of one that is not") {
  const auto density = [](const std::string& statements) {
    const CompileResult compiled = compile(text(statements), {});
    REQUIRE(compiled.model);
    Density one(compiled.model, 1);
    const sibyl::DataSet data;
    const std::size_t first = 0;
    one.bind(gather(compiled.model->facts(), std::span(&data, 1)), std::span(&first, 1));
    REQUIRE(one.parameter_count() == 2);
    one.points()[0] = 0.3;
    one.points()[1] = -0.2;
    one.evaluate(true);
    return std::vector<double>{one.value(0), one.gradient()[0], one.gradient()[1]};
  };
  const auto shared = density("target += eigenvalues_sym(a)[2] * eigenvectors_sym(a)[1, 2];");
  const auto apart = density(
      "matrix[2, 2] b = a; target += eigenvalues_sym(a)[2] * eigenvectors_sym(b)[1, 2];");
  for (std::size_t i = 0; i < shared.size(); ++i) CHECK(shared[i] == Approx(apart[i]).epsilon(1e-12));
}
