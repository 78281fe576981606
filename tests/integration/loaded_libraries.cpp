// Which libraries the program loads for what: LibTorch's start-up takes most of a second, so only `train` may load it.
#include "compiler/build/process.hpp"
#include "tests/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using Catch::Contains;
using sibyl::test::TemporaryDirectory;

namespace {

// What the dynamic linker says about the files that the program opened, then and later.
std::string loads(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"env", "LD_DEBUG=files", SIBYL_PROGRAM});
  const auto result = sibyl::build::run_process(arguments);
  INFO(result.output);
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.output, Contains("libstdc++.so")); // the linker does report
  return result.output;
}

const std::string model = SIBYL_SOURCE_DIR "/examples/01_linear_regression/linear_regression.sib";

} // namespace

TEST_CASE("only training loads LibTorch; a sampler of a library loads that library") {
  const TemporaryDirectory folder;
  setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1); // nothing was compiled before
  CHECK_THAT(loads({"check", model}), !Contains("libtorch") && !Contains("libnetcdf"));
  CHECK_THAT(loads({"simulate", model, "-n", "2", "-o", folder / "sims.csv"}), !Contains("libtorch"));

  CHECK_THAT(loads({"train", model, "-o", folder / "text.sibyl", "--steps", "5"}), Contains("libtorch"));
  CHECK_THAT(loads({"sample", folder / "text.sibyl", folder / "sims.csv", "--by", "set", "-n", "50"}),
             !Contains("libtorch"));

  loads({"compile", "--shared", model, "-o", folder / "model.so"});
  CHECK_THAT(loads({"train", folder / "model.so", "-o", folder / "library.sibyl", "--steps", "5"}),
             Contains("libtorch"));
  const std::string sampling = loads(
      {"sample", folder / "library.sibyl", folder / "sims.csv", "--by", "set", "-n", "50", "-o", folder / "draws.csv"});
  CHECK_THAT(sampling, !Contains("libtorch"));
  CHECK_THAT(sampling, !Contains("libnetcdf")); // which writing draws.nc loads
  CHECK_THAT(sampling, Contains(folder / "model.so"));
  std::ifstream draws(folder / "draws.csv");
  CHECK(std::count(std::istreambuf_iterator<char>(draws), {}, '\n') == 101);
}
