// The processor that code is generated for, without LLVM: what the cache's keys and the choice of lanes need.
#pragma once

#include "compiler/interface/compiled_model.hpp"

#include <string>

namespace sibyl::codegen {

struct Machine {
  std::string cpu;      // LLVM's name: "znver5", "x86-64-v3"
  std::string features; // LLVM's list: "+avx512f,-avx512er"; empty for a CPU level
  int vector_bits = 128;
  std::string triple; // LLVM's name of the target; empty: this machine's
};

// The machine that this program runs on.
const Machine& host_machine();

// "native", "x86-64", "x86-64-v2", "x86-64-v3" or "x86-64-v4"; UserError names them for anything else.
Machine machine_named(const std::string& level);

// A page's: WebAssembly with its 128-bit vectors.
Machine browser_machine();

// Lanes that fill one vector register.
int preferred_lanes(const Machine& machine, Precision precision);

} // namespace sibyl::codegen
