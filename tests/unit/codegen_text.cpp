// The code of two small functions, as LLVM's text: a condition that lanes share, and one that they do not.
// UPDATE_GOLDEN=1 in the environment writes the golden files anew.
#include "compiler/codegen/codegen.hpp"
#include "compiler/ir/build.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace sibyl;
using namespace sibyl::ir;

namespace {

// log density: 2 u where the test holds, else -u.
Model branching(bool shared) {
  Model model;
  Function function;
  function.name = "log_density";
  Builder b(function);
  const ArrayId u = b.array("u", Type::real, 1, Binding::unconstrained_in);
  const ArrayId jacobian = b.array("jacobian", Type::integer, 0, Binding::include_jacobian);
  const ArrayId density = b.array("density", Type::real, 0, Binding::log_density);
  const CellId result = b.cell("result");
  const ValueId value = b.load(u, {b.integer(0)});
  const ValueId test =
      shared ? b.compare(Op::not_equal, b.load(jacobian, {}), b.integer(0)) : b.compare(Op::greater, value, b.real(0));
  b.if_(
      test, [&] { b.store_cell(result, b.multiply(value, b.real(2))); },
      [&] { b.store_cell(result, b.negate(value)); });
  b.store(density, b.load_cell(result), {});
  model.functions.push_back(function);
  return model;
}

void matches_golden(const Model& model, const std::string& name) {
  const std::string path = std::string(SIBYL_SOURCE_DIR) + "/tests/golden/llvm/" + name;
  const std::string text = codegen::emit_text(model, model.functions[0], {Precision::f32, 8},
                                              codegen::machine_named("x86-64-v3"), codegen::TextKind::llvm);
  if (std::getenv("UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::ifstream file(path);
  REQUIRE(file);
  std::stringstream expected;
  expected << file.rdbuf();
  CHECK(text == expected.str());
}

} // namespace

TEST_CASE("a condition that lanes share stays one boolean") { matches_golden(branching(true), "shared_branch.ll"); }

TEST_CASE("a branch that lanes do not share is a select of vectors") {
  matches_golden(branching(false), "varying_branch.ll");
}
