// Compilation in memory, and what is kept of it on disk.
#include "compiler/ir/build.hpp"
#include "compiler/jit/fingerprint.hpp"
#include "compiler/jit/jit_source.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/errors.hpp"
#include "tests/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using namespace sibyl;
using namespace sibyl::ir;
using Catch::Contains;
using test::TemporaryDirectory;

namespace {

// log density: -x^2 / scale
Model quadratic(double scale) {
  Model model;
  Function function;
  function.name = "log_density";
  Builder b(function);
  const ArrayId x = b.array("u", Type::real, 1, Binding::unconstrained_in);
  const ArrayId density = b.array("lp", Type::real, 0, Binding::log_density);
  const ValueId value = b.load(x, {b.integer(0)});
  b.store(density, b.divide(b.negate(b.multiply(value, value)), b.real(scale)), {});
  model.functions.push_back(function);
  model.facts.is_generative = false;
  model.facts.not_generative.text = "`target +=` of an expression cannot be simulated";
  return model;
}

double evaluate(sibyl_function code, double x) {
  sibyl_call call{};
  double density = 0, reported[SIBYL_MAX_REPORTED_VALUES];
  std::int32_t failed = 0;
  call.unconstrained = &x;
  call.unconstrained_count = 1;
  call.log_density = &density;
  call.active_lanes = 1;
  call.failed_message = &failed;
  call.failed_values = reported;
  REQUIRE(code(&call) == SIBYL_OK);
  return density;
}

double compile_and_run(const Model& model, const std::string& cache, std::string* note = nullptr) {
  jit::JitOptions options;
  options.cache_directory = cache;
  options.note = [&](const std::string& text) {
    if (note) *note = text;
  };
  return evaluate(jit::make_jit_source(model, options)->find("log_density", Precision::f64, 1), 3);
}

std::vector<fs::path> files(const fs::path& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator(folder)) result.push_back(entry.path());
  return result;
}

} // namespace

TEST_CASE("a function is compiled once and then comes from the cache") {
  const TemporaryDirectory folder;
  const Model model = quadratic(4);
  CHECK(compile_and_run(model, folder.path.string()) == -2.25);
  const auto kept = files(folder.path);
  REQUIRE(kept.size() == 1);
  // What the cache holds is what runs: another object under the same key shows.
  const TemporaryDirectory other;
  compile_and_run(quadratic(1), other.path.string());
  fs::copy_file(files(other.path).front(), kept.front(), fs::copy_options::overwrite_existing);
  CHECK(compile_and_run(model, folder.path.string()) == -9);
}

TEST_CASE("the cache's key depends on all that the code depends on") {
  const Model model = quadratic(4);
  const codegen::Machine& host = codegen::host_machine();
  const std::string key = jit::fingerprint(model, model.functions[0], {Precision::f64, 1}, host);
  CHECK(key == jit::fingerprint(quadratic(4), quadratic(4).functions[0], {Precision::f64, 1}, host));
  CHECK(key != jit::fingerprint(quadratic(5), quadratic(5).functions[0], {Precision::f64, 1}, host));
  CHECK(key != jit::fingerprint(model, model.functions[0], {Precision::f32, 1}, host));
  CHECK(key != jit::fingerprint(model, model.functions[0], {Precision::f64, 4}, host));
  CHECK(key != jit::fingerprint(model, model.functions[0], {Precision::f64, 1}, codegen::machine_named("x86-64-v2")));
}

TEST_CASE("the cache's key depends on the callees") {
  const auto calling = [](double number) {
    Function function{.name = "log_density"}, callee{.name = "f", .results = {Type::real}};
    Builder b(callee), caller(function);
    b.give({b.real(number)});
    const ArrayId density = caller.array("log_density", Type::real, 0, Binding::log_density);
    caller.store(density, caller.call(0, Type::real, {}), {});
    Model model;
    model.functions.push_back(std::move(function));
    model.callees.push_back(std::move(callee));
    verify(model);
    return model;
  };
  const TemporaryDirectory folder;
  for (const double number : {1.5, 2.5}) CHECK(compile_and_run(calling(number), folder.path.string()) == number);
  CHECK(files(folder.path).size() == 2);
}

TEST_CASE("every target has code for functions that call themselves") {
  Function function{.name = "log_density"};
  Function callee{.name = "f", .arguments = {Type::real, Type::integer}, .results = {Type::real, Type::boolean}};
  {
    Builder b(callee);
    const ValueId x = b.argument(0), n = b.argument(1);
    b.check(b.emit({.op = Op::has_stack, .type = Type::boolean}), 0);
    const CellId result = b.cell("result");
    b.if_(
        b.compare(Op::greater, n, b.integer(0)),
        [&] { b.store_cell(result, b.add(x, b.call(0, Type::real, {x, b.subtract(n, b.integer(1))}))); },
        [&] { b.store_cell(result, x); });
    b.give({b.load_cell(result), b.boolean(true)});
  }
  Builder b(function);
  const ArrayId u = b.array("u", Type::real, 1, Binding::unconstrained_in);
  const ArrayId density = b.array("log_density", Type::real, 0, Binding::log_density);
  b.store(density, b.call(0, Type::real, {b.load(u, {b.integer(0)}), b.integer(4)}), {});
  Model model;
  model.messages.push_back({"no stack", {}});
  model.functions.push_back(std::move(function));
  model.callees.push_back(std::move(callee));
  verify(model);
  for (const codegen::Machine& machine :
       {codegen::browser_machine(), codegen::machine_named("x86-64"), codegen::machine_named("x86-64-v3")})
    for (const int lanes : {1, 2, 4})
      CHECK_FALSE(codegen::emit_object(model, {{&model.functions[0], {Precision::f64, lanes}}}, machine).empty());
  const TemporaryDirectory folder;
  CHECK(compile_and_run(model, folder.path.string()) == 15); // of 3, five times
}

TEST_CASE("damaged files in the cache are ignored and written anew") {
  const TemporaryDirectory folder;
  const Model model = quadratic(4);
  compile_and_run(model, folder.path.string());
  const fs::path file = files(folder.path).front();
  const auto size = fs::file_size(file);
  const auto damage = GENERATE(0, 1, 2);
  if (damage == 0) fs::resize_file(file, size / 2);
  if (damage == 1) fs::resize_file(file, 0);
  if (damage == 2) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(size / 2));
    stream.put('\x55').put('\x2a');
  }
  CHECK(compile_and_run(model, folder.path.string()) == -2.25);
  CHECK(fs::file_size(file) == size);
}

TEST_CASE("a cache that cannot be written is a note, not an error") {
  const TemporaryDirectory folder;
  const fs::path blocked = folder.path / "file";
  std::ofstream(blocked) << "in the way";
  std::string note;
  CHECK(compile_and_run(quadratic(4), (blocked / "cache").string(), &note) == -2.25);
  CHECK_THAT(note, Contains("cache"));
}

TEST_CASE("without a cache nothing is written") {
  jit::ObjectStore store("");
  CHECK(store.store("key", "bytes").empty());
  CHECK_FALSE(store.load("key"));
}

TEST_CASE("a function that a model lacks is refused with the reason") {
  const auto source = jit::make_jit_source(quadratic(4));
  CHECK_THROWS_AS(source->find("simulate", Precision::f32, 4), UserError);
  CHECK_THROWS_WITH(source->find("simulate", Precision::f32, 4), Contains("`target +=` of an expression"));
}

TEST_CASE("the two kinds of emitted text name the function") {
  const Model model = quadratic(4);
  const auto text = [&](codegen::TextKind kind) {
    return codegen::emit_text(model, model.functions[0], {Precision::f64, 8}, codegen::machine_named("x86-64-v4"),
                              kind);
  };
  CHECK_THAT(text(codegen::TextKind::llvm), Contains("@sibyl_log_density_f64_x8(ptr") && Contains("fmul <8 x double>"));
  CHECK_THAT(text(codegen::TextKind::assembly), Contains("sibyl_log_density_f64_x8:") && Contains("%zmm"));
}

TEST_CASE("the cache's keys depend on all that decides what code comes out and how it is called") {
  const std::string sources = " " + std::string(jit::hashed_sources());
  for (const char* name :
       {" abi.h ", " ir.hpp ", " operations.hpp ", " emit.cpp ", " emit_memory.cpp ", " philox.cpp "})
    CHECK_THAT(sources, Contains(name));
}

TEST_CASE("the cache gives up what was used least lately where there is too much of it") {
  const TemporaryDirectory directory;
  const jit::ObjectStore store(directory.path.string(), 10000);
  const auto key = [](int i) { return std::string(62, 'a') + std::to_string(10 + i); };
  const std::string object(2000, 'x');
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 4; ++i) {
    CHECK(store.store(key(i), object) == "");
    fs::last_write_time(store.path(key(i)), now - std::chrono::minutes(100 - i));
  }
  const fs::path other = directory.path / "notes.o", old = store.path(key(7)) + ".123.0",
                 young = store.path(key(8)) + ".4.0";
  for (const fs::path& path : {other, old, young}) std::ofstream(path) << std::string(9000, 'y');
  fs::last_write_time(old, now - std::chrono::hours(2));
  store.evict();
  CHECK_FALSE(fs::exists(old));
  for (int i = 0; i < 4; ++i) CHECK(store.load(key(i))); // 8 kB are few enough; this uses them in order
  CHECK(store.load(key(0)));
  for (int i = 4; i < 6; ++i) CHECK(store.store(key(i), object) == "");
  store.evict(); // of 12 kB, down to three quarters of 10
  CHECK(fs::exists(other));
  CHECK(fs::exists(young));
  CHECK(store.load(key(0)));
  CHECK_FALSE(store.load(key(1)));
  CHECK_FALSE(store.load(key(2)));
  CHECK_FALSE(store.load(key(3)));
  CHECK(store.load(key(4)));
  CHECK(store.load(key(5)));
}
