// Random numbers for lanes: Philox4x32-10, and what is made of its words.
//
// Counter-based (Salmon, Moraes, Dror and Shaw 2011): four 32-bit words of counter and two of key give four random
// words, without any state. A value depends on its counter alone, so lanes, batches and threads do not matter.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <array>
#include <vector>

namespace sibyl {

// All values are i32, or vectors of i32 of one width.
std::array<llvm::Value*, 4> emit_philox(llvm::IRBuilderBase& builder, std::array<llvm::Value*, 4> counter,
                                        std::array<llvm::Value*, 2> key);

// Uniform on the open interval (0, 1). `real`: float or double. Four floats (23 bits each) or two doubles (52 bits).
std::vector<llvm::Value*> emit_uniforms(llvm::IRBuilderBase& builder, const std::array<llvm::Value*, 4>& words,
                                        llvm::Type* real);

// Standard normal by Box and Muller (1958): four floats or two doubles. The radius comes from 32 bits in float (so
// draws reach 6.7 standard deviations) and 53 in double (8.6).
std::vector<llvm::Value*> emit_normals(llvm::IRBuilderBase& builder, const std::array<llvm::Value*, 4>& words,
                                       llvm::Type* real);

} // namespace sibyl
