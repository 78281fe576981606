#include "compiler/codegen/machine.hpp"

#include "lang/errors.hpp"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

#include <algorithm>
#include <vector>

namespace sibyl::codegen {

namespace {

Machine detect_host() {
  Machine machine;
  machine.cpu = llvm::sys::getHostCPUName().str();
  std::vector<std::string> features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
    if (!feature.second) continue;
    if (feature.first() == "avx2") machine.vector_bits = std::max(machine.vector_bits, 256);
    if (feature.first() == "avx512dq") machine.vector_bits = 512;
  }
  std::sort(features.begin(), features.end()); // a hash table's order is not stable
  for (const std::string& feature : features) machine.features += (machine.features.empty() ? "" : ",") + feature;
  return machine;
}

} // namespace

const Machine& host_machine() {
  static const Machine machine = detect_host();
  return machine;
}

Machine machine_named(const std::string& level) {
  if (level == "native") return host_machine();
  if (level == "x86-64" || level == "x86-64-v2") return {level, "", 128, ""};
  if (level == "x86-64-v3") return {level, "", 256, ""};
  if (level == "x86-64-v4") return {level, "", 512, ""};
  throw UserError("there is no processor level `" + level +
                  "`: choose native, x86-64, x86-64-v2, x86-64-v3 or x86-64-v4");
}

Machine browser_machine() { return {"generic", "+simd128", 128, "wasm32-wasi"}; }

int preferred_lanes(const Machine& machine, Precision precision) {
  return machine.vector_bits / (precision == Precision::f32 ? 32 : 64) < 4
             ? 4
             : machine.vector_bits / (precision == Precision::f32 ? 32 : 64);
}

} // namespace sibyl::codegen
