// The examples' models, compiled for benchmarks.
#pragma once

#include "compiler/compile.hpp"
#include "tests/performance/figures.hpp"

#include <memory>
#include <string>

namespace sibyl::bench {

std::string read_file(const std::string& path);

// An example by its path: "01_linear_regression/linear_regression.sib". Its text is known to be right.
std::shared_ptr<CompiledModel> compile_example(const Places& places, const std::string& path);

std::size_t variable(const CompiledModel& model, const std::string& name);

} // namespace sibyl::bench
