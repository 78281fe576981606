// A model's library: what it says about itself, what it refuses, how failures read.
#include "compiler/build/shared_library.hpp"
#include "compiler/interface/metadata.hpp"
#include "compiler/ir/build.hpp"
#include "lang/errors.hpp"
#include "runtime/model/load_library.hpp"
#include "tests/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using namespace sibyl;
using namespace sibyl::ir;
using Catch::Contains;
using test::TemporaryDirectory;

namespace {

const std::string text = "parameters { real mu; }\nmodel {\n  mu ~ normal(0, 1);\n}\n";

Model one_parameter() {
  Model model;
  VariableFact mu;
  mu.name = "mu";
  mu.role = Role::parameter;
  mu.base = mu.type = "real";
  mu.constant_lower = -1.5;
  model.facts.variables.push_back(mu);
  model.facts.is_generative = false;
  model.facts.not_generative.text = "`mu` has no prior";
  model.messages.push_back({"mu is {}, must be < {}", {34, 36, 0}});
  Function function;
  function.name = "log_density";
  Builder b(function);
  const ArrayId x = b.array("u", Type::real, 1, Binding::unconstrained_in);
  const ArrayId density = b.array("lp", Type::real, 0, Binding::log_density);
  const ValueId value = b.load(x, {b.integer(0)});
  b.check(b.compare(Op::less, value, b.real(10)), 0, {value, b.real(10)});
  b.store(density, b.multiply(b.real(-0.5), b.multiply(value, value)), {});
  model.functions.push_back(function);
  return model;
}

std::string build_library(const Model& model, const TemporaryDirectory& folder) {
  const std::string path = folder / "model.so";
  build::build_shared_library(model, "one", text, path, {.processor = "native"});
  return path;
}

} // namespace

TEST_CASE("a library carries the model's facts, text and messages, and its code") {
  const TemporaryDirectory folder;
  const auto model = load_compiled_model(build_library(one_parameter(), folder));
  CHECK(model->name() == "one");
  CHECK(model->text() == text);
  REQUIRE(model->facts().variables.size() == 1);
  CHECK(model->facts().variables[0].name == "mu");
  CHECK(model->facts().variables[0].role == Role::parameter);
  CHECK(model->facts().variables[0].constant_lower == -1.5);
  CHECK_FALSE(model->facts().variables[0].constant_upper.has_value());

  const int lanes = model->preferred_lanes(Precision::f64);
  for (const int width : {1, lanes}) {
    std::vector<double> x(static_cast<std::size_t>(width), 2), density(x.size()),
        reported(SIBYL_MAX_REPORTED_VALUES * x.size());
    x.back() = 12;
    std::vector<std::int32_t> failed(x.size());
    sibyl_call call{};
    call.unconstrained = x.data();
    call.unconstrained_count = 1;
    call.log_density = density.data();
    call.active_lanes = width;
    call.failed_message = failed.data();
    call.failed_values = reported.data();
    CHECK(model->function("log_density", Precision::f64, width)(&call) == SIBYL_SOME_LANES_FAILED);
    if (width > 1) CHECK(density[0] == -2);
    REQUIRE(failed.back() == 0);
    CHECK(model->describe_failure(0, &reported[SIBYL_MAX_REPORTED_VALUES * (x.size() - 1)]) ==
          "one.sib:3:3: mu is 12, must be < 10");
  }
  CHECK_THROWS_WITH(model->function("simulate", Precision::f32, 1), Contains("`mu` has no prior"));
}

TEST_CASE("a library has code for one lane where BridgeStan's clients call it") {
  const TemporaryDirectory folder;
  Model both = one_parameter();
  both.facts.is_generative = true;
  both.functions.push_back({.name = "simulate"});
  const auto model = load_compiled_model(build_library(both, folder));
  for (const Precision precision : {Precision::f64, Precision::f32}) {
    const int lanes = model->preferred_lanes(precision);
    CHECK(model->function("simulate", precision, lanes));
    CHECK_THROWS_WITH(model->function("simulate", precision, 1), Contains("has code of `simulate` for"));
  }
  CHECK(model->function("log_density", Precision::f64, 1));
}

TEST_CASE("what is not a model's library is refused in a sentence") {
  const TemporaryDirectory folder;
  CHECK_THROWS_WITH(load_compiled_model(folder / "none.so"), Contains("there is no file"));
  std::ofstream(folder / "text.so") << "hello";
  CHECK_THROWS_WITH(load_compiled_model(folder / "text.so"), Contains("cannot be loaded"));
  CHECK_THROWS_WITH(load_compiled_model("/lib/x86_64-linux-gnu/libm.so.6"), Contains("sibyl compile --shared"));
}

TEST_CASE("metadata of another version of the interface are refused") {
  Metadata metadata;
  metadata.compiler = "sibyl 9.9";
  metadata.abi_version = SIBYL_ABI_VERSION + 1;
  CHECK_THROWS_AS(metadata_from_text(metadata_to_text(metadata), "m.so"), UserError);
  CHECK_THROWS_WITH(metadata_from_text(metadata_to_text(metadata), "m.so"), Contains("compile the model again"));
  CHECK_THROWS_AS(metadata_from_text("{}", "m.so"), UserError);
}

TEST_CASE("an unknown processor level is refused, and the known ones named") {
  const TemporaryDirectory folder;
  CHECK_THROWS_WITH(build::build_shared_library(one_parameter(), "one", text, folder / "m.so", {.processor = "z80"}),
                    Contains("x86-64-v3"));
}

TEST_CASE("without a linker the error says what is missing") {
  const TemporaryDirectory folder;
  const std::string path = std::getenv("PATH");
  setenv("PATH", folder.path.c_str(), 1);
  CHECK_THROWS_WITH(build_library(one_parameter(), folder), Contains("cc"));
  setenv("PATH", path.c_str(), 1);
}
