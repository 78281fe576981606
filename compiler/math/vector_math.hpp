// Elementary and special functions over lanes, written in LLVM's IR.
//
// LLVM's own vector libraries fall back to scalar calls at 512 bits for doubles, and a GPU has no library at all; so
// these are polynomials of our own, the same operations for every width: the same bits for one lane and for sixteen.
// Each function is made once per module, as an internal function, and called. Accuracy and ranges are in ulp_table.md,
// which a test remakes.
#pragma once

#include "compiler/ir/math.hpp"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/IR/IRBuilder.h>

namespace sibyl {

// The function of arguments that are all float or double, or all vectors of one of them. The result has their type.
llvm::Value* emit_math(llvm::IRBuilderBase& builder, ir::MathFunction function, llvm::ArrayRef<llvm::Value*> arguments);

} // namespace sibyl
