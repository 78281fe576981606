// The benchmarks: one line of JSON a figure on standard output. `sibyl_bench [--quick] [GROUP]`.
#include "lang/errors.hpp"
#include "runtime/training/training_interface.hpp"
#include "tests/performance/compilation.hpp"
#include "tests/performance/figures.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace sibyl::bench;

struct Group {
  const char* name;
  void (*run)(const Effort&, const Places&);
};
constexpr Group groups[] = {{"simulation", bench_simulation},
                            {"density", bench_density},
                            {"compilation", bench_compilation},
                            {"training", bench_training},
                            {"programs", bench_programs}};

int usage() {
  std::fprintf(stderr, "usage: sibyl_bench [--quick] [GROUP]\ngroups:");
  for (const Group& group : groups) std::fprintf(stderr, " %s", group.name);
  std::fprintf(stderr, "\n");
  return 2;
}

struct Scratch {
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sibyl-bench-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw sibyl::RuntimeError("cannot make a folder in the temporary directory");
    path = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

int run(std::vector<std::string> arguments) {
  if (arguments.size() == 5 && arguments[0] == "--compilation") {
    const CompilationTime time = time_compilation(arguments[1], arguments[2], arguments[3], arguments[4]);
    std::printf("%.6f %.6f\n", time.processor, time.wall);
    return 0;
  }
  Effort effort;
  if (!arguments.empty() && arguments[0] == "--quick") {
    effort = {.turns = 1, .seconds = 0.01, .quick = true};
    arguments.erase(arguments.begin());
  }
  const std::string wanted = arguments.empty() ? "" : arguments[0];
  const auto is_wanted = [&](const Group& group) { return wanted.empty() || wanted == group.name; };
  if (arguments.size() > 1 || std::none_of(std::begin(groups), std::end(groups), is_wanted)) return usage();
  const Scratch scratch;
  const Places places{SIBYL_SOURCE_DIR "/examples", SIBYL_PROGRAM, scratch.path};
  for (const Group& group : groups)
    if (is_wanted(group)) group.run(effort, places);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  sibyl::set_training_environment();
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sibyl_bench: %s\n", error.what());
    return 1;
  }
}
