// The stages of the compiler as text, of models that have one construct each: so small that a golden file can be read.
//
// tests/golden/emit/NAME.sib begins with what is printed of it and what it shows, as in
//   // ir of log_density: a branch on a parameter is an `if` that stores to a cell
// and NAME.ir has that text.
#include "tests/golden.hpp"

#include "compiler/emit.hpp"
#include "lang/errors.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <regex>
#include <set>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

const fs::path root = SIBYL_SOURCE_DIR;
const fs::path constructs = root / "tests/golden/emit";

Source open(const fs::path& path) { return Source(path.filename().string(), test::read_golden(path.string())); }

std::vector<fs::path> files() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(constructs)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

struct Wanted {
  std::string stage, function;
};

Wanted wanted(const Source& source) {
  static const std::regex first_line("// (\\w+)(?: of (\\w+))?: [^\n]+");
  const std::string text(source.text().substr(0, source.text().find('\n')));
  std::smatch match;
  REQUIRE(std::regex_match(text, match, first_line));
  return {match[1], match[2]};
}

// What is printed last of the function.
std::string last_text(const std::string& log, const std::string& function) {
  const std::size_t begin = log.rfind("function " + function + " {"), end = log.find("\n}\n", begin);
  REQUIRE(begin != std::string::npos);
  return log.substr(begin, end + 3 - begin);
}

} // namespace

TEST_CASE("each construct prints as its golden file says") {
  std::set<fs::path> goldens;
  std::set<std::string> stages;
  for (const fs::path& path : files()) {
    if (path.extension() != ".sib") continue;
    INFO(path.filename().string());
    const Source source = open(path);
    const auto [stage, function] = wanted(source);
    const std::string text = emit(source, stage, function).text;
    INFO(text);
    const fs::path golden = fs::path(path).replace_extension(stage);
    CHECK(test::matches_golden(golden.string(), text));
    CHECK(std::count(text.begin(), text.end(), '\n') <= 75); // it is to be read
    goldens.insert(golden);
    stages.insert(stage);
  }
  CHECK(stages == std::set<std::string>{"ast", "ir", "passes", "typed"});
  for (const fs::path& path : files())
    if (path.extension() != ".sib") {
      INFO(path.filename().string());
      CHECK(goldens.count(path) == 1);
    }
}

TEST_CASE("the last text of all passes is the representation that machine code is made of") {
  const Source source = open(root / "examples/03_drift_diffusion/drift_diffusion.sib");
  const std::string log = emit(source, "passes").text, ir = emit(source, "ir").text;
  for (const std::string function : {"sizes", "simulate", "predict"}) {
    INFO(function);
    CHECK(ir.find(last_text(log, function)) != std::string::npos);
  }
  CHECK(log.find("after structure_loops of log_density_gradient: (unchanged)\n") != std::string::npos);
}

TEST_CASE("of one function, only the passes that run on it are shown") {
  const Source source = open(root / "examples/01_linear_regression/linear_regression.sib");
  const std::string log = emit(source, "passes", "log_density_gradient").text;
  CHECK(log.find("function log_density {") == std::string::npos);
  CHECK(log.find("hoist_guarded") == std::string::npos);
  CHECK(log.find("after reverse_mode of log_density_gradient:\n") != std::string::npos);
  CHECK(emit(source, "ir", "log_density_gradient").text == last_text(log, "log_density_gradient"));
  CHECK_THROWS_AS(emit(source, "passes", "nothing"), UserError);
}

TEST_CASE("machine code prints") {
  for (const char* model :
       {"01_linear_regression/linear_regression", "02_two_moons/two_moons", "03_drift_diffusion/drift_diffusion"}) {
    const fs::path path = root / "examples" / (std::string(model) + ".sib");
    // It depends on the processor: only that it is there can be held.
    CHECK(emit(open(path), "llvm", "simulate").text.find("define") != std::string::npos);
    CHECK(emit(open(path), "asm", "simulate").text.find("sibyl_simulate_f") != std::string::npos);
  }
  CHECK_THROWS_AS(emit(open(root / "examples/02_two_moons/two_moons.sib"), "ptx"), UserError);
}
