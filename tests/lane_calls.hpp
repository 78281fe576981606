// Runs a compiled function for a list of data sets, any number of lanes at a time, for tests of the code generator.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "compiler/ir/ir.hpp"
#include "tests/ir_interpreter.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::test {

// One data set: what goes in, and after the run what came out.
struct DataSet {
  std::map<std::uint32_t, Tensor> variables; // inputs by index into the facts; outputs are added
  std::vector<double> unconstrained;         // in or out
  double log_density = 0;
  std::vector<double> gradient;
  std::optional<Report> failure;
};

struct LaneOptions {
  Precision precision = Precision::f64;
  int lanes = 1;
  std::uint64_t seed = 1;
  std::uint64_t first_index = 0; // of the first data set
  bool include_jacobian = true;
  std::size_t arena_bytes = 1 << 20;
  std::size_t tape_bytes = 1 << 20;
  std::int32_t interrupted = 0;
  std::string processor = "native"; // a level that this machine has
};

// A model of one function, compiled without a cache. Variables are described by the function's arrays alone.
std::vector<DataSet> run_lanes(const ir::Function& function, std::vector<DataSet> data_sets,
                               const LaneOptions& options);

// What the call returned last: SIBYL_OK and kin.
int last_status();
// What `print` has written since the last run, one report per lane and statement.
const std::vector<Report>& printed();

// Bit for bit, NaN equal to NaN.
bool same(const std::vector<DataSet>& a, const std::vector<DataSet>& b);

} // namespace sibyl::test
