// print and reject write every value, and the user's braces as they are.
#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "runtime/model/model_call.hpp"
#include "runtime/model/simulator.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using Catch::Contains;

namespace {

std::string printed;
void keep(const char* text, std::size_t length) { printed.append(text, length); }

std::shared_ptr<CompiledModel> model(const std::string& statements) {
  const CompileResult result =
      compile(Source("model.sib", "parameters { real a; } model { a ~ normal(0, 1); " + statements + " }"));
  REQUIRE(result.model);
  return result.model;
}

std::string printed_by(const std::string& statements) {
  printed.clear();
  set_print_sink(keep);
  Simulator(model(statements), {.precision = Precision::f64, .lanes = 1}).simulate(0, 1, 1);
  set_print_sink(nullptr);
  return printed;
}

std::string rejected_by(const std::string& statements) {
  try {
    Simulator(model(statements), {.precision = Precision::f64, .lanes = 1}).simulate(0, 1, 1);
  } catch (const RuntimeError& error) {
    return error.what();
  }
  return "";
}

} // namespace

TEST_CASE("print writes all of its values") {
  CHECK(printed_by("print(\"v\", 1, \" \", 2, \" \", 3, \" \", 4, \" \", 5, \" \", 6);") == "v1 2 3 4 5 6\n");
  std::string list = "0", expected = "[0";
  for (int i = 1; i < 20; ++i) {
    list += ", " + std::to_string(i);
    expected += "," + std::to_string(i);
  }
  expected += "]";
  CHECK(printed_by("print({" + list + "}, {" + list + "}, {" + list + "});") == expected + expected + expected + "\n");
}

TEST_CASE("lists of any shape are printed, long ones a line for each element") {
  CHECK(printed_by("print([[1, 2], [3, 4]], {[1, 2]'}, {{5}});") == "[[1,2],[3,4]][[1,2]][[5]]\n");
  // Lengths that the text does not give.
  const std::string n = "int n = a < 100 ? 2 : 3; ";
  CHECK(printed_by(n + "vector[n] x = rep_vector(0.5, n); x[2] = 7; print(\"x is \", x, \", n \", n);") ==
        "x is [2 elements], n 2\n  x[1] = 0.5\n  x[2] = 7\n");
  CHECK(printed_by(n + "print(rep_matrix(n, n, 1));") == "[2 x 1 elements]\n  [1,1] = 2\n  [2,1] = 2\n");
  CHECK(printed_by(n + "array[n - 2] real x; print(x);") == "[0 elements]\n");
  std::string lines = "[21 elements]\n";
  for (int i = 1; i <= 20; ++i) lines += "  x[" + std::to_string(i) + "] = 1\n";
  CHECK(printed_by("vector[21] x = rep_vector(1, 21); print(x);") == lines);
  CHECK_THAT(rejected_by(n + "vector[n] x = rep_vector(0.5, n); if (a < 100) reject(\"at \", x);"),
             Contains("at [2 elements]"));
}

TEST_CASE("reject reports all of its values") {
  CHECK_THAT(rejected_by("if (a < 100) reject(1, \",\", 2, \",\", 3, \",\", 4, \",\", 5, \",\", 6.5);"),
             Contains("1,2,3,4,5,6.5"));
}

TEST_CASE("braces of a printed string are no places for values") {
  CHECK(printed_by("print(\"{} {{}} } {\", 7, \"{}\");") == "{} {{}} } {7{}\n");
  CHECK_THAT(rejected_by("if (a < 100) reject(\"set {\", 3, \"} {}\");"), Contains("set {3} {}"));
}

TEST_CASE("whole numbers are printed in full") {
  CHECK(printed_by("print(2147483647, \" \", 1234567, \" \", 0.1, \" \", 1e300);") ==
        "2147483647 1234567 0.1 1e+300\n");
}

TEST_CASE("more values than a message holds are refused while compiling") {
  std::string values = "1";
  for (int i = 0; i < 64; ++i) values += ", a";
  for (const std::string call : {"print(", "reject("}) {
    const Source source("model.sib", "parameters { real a; } model { a ~ normal(0, 1); " + call + values + "); }");
    const Frontend frontend = compile_to_ir(source);
    CHECK_FALSE(frontend.model);
    CHECK(std::any_of(frontend.diagnostics.begin(), frontend.diagnostics.end(),
                      [](const Diagnostic& one) { return one.code == "printed-values"; }));
  }
}
