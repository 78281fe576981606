// The intermediate representation: a model as a handful of structured functions over scalars and arrays.
//
// Each function of a model (simulate, log_density, ...) is a tree of blocks of instructions. What an instruction
// computes is an immutable value, visible in the rest of its block and in nested blocks. State that changes lives in
// cells (mutable scalars) and arrays. Control flow is structured: `if_`, `for_`, `while_` own blocks; there are no
// jumps but `break_` and `continue_`. Vector expressions are loops over scalars. Functions of the language are inlined,
// but those of scalars that are large or call themselves: they are callees, which read their `argument`s, end with
// `give`, and have no interface, draws or prints.
//
// One body, many lanes. The text of a function is that of ONE data set (or draw, or chain). The code generator runs it
// for W of them at once: every value is W values, varying control flow is done by masks, and an array is laid out [flat
// index][lane]. Nothing in this representation knows W. Sizes may differ from lane to lane; an array's storage has the
// largest.
//
// Semantics
// - `real` is double in densities and gradients, float or double in simulation (the code generator's choice); `integer`
// is 32 bits,
//   wraps on overflow; integer division truncates and must not divide by zero (lowering emits a check).
// - Floating-point follows IEEE 754 without reassociation; contraction to fused multiply-add is allowed.
// - Array indices are 0-based, one per dimension, row-major over the declared dimensions; lowering emits a `check`
// where they could
//   be out of range. A lane whose check fails stops there: it takes no part in what follows.
// - `for_` runs from operand 0 to operand 1, both inclusive (not at all when first > last); bounds are evaluated once.
// - Draws are counter-based: a draw's value depends on the seed, the data set's index, its site, and how often the
// enclosing
//   loops have iterated, and on nothing else; not on lanes, batches or threads.
#pragma once

#include "compiler/interface/facts.hpp"
#include "compiler/ir/math.hpp"
#include "compiler/ir/operations.hpp"
#include "lang/source.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sibyl::ir {

enum class Type : std::uint8_t { none, real, integer, boolean };

using ValueId = std::uint32_t;
using CellId = std::uint32_t;
using ArrayId = std::uint32_t;
inline constexpr std::uint32_t none = 0xffffffffu;
// Of an array of several dimensions: 32 bits count the elements of 16 lanes.
inline constexpr std::int32_t most_elements = (1 << 27) - 1;

struct Instruction;
using Block = std::vector<Instruction>;

struct Instruction {
  Op op = Op::constant;
  Type type = Type::none;  // of the result
  ValueId result = none;   // numbered per function, unique in it
  std::uint32_t id = none; // cell, array, MathFunction, site or message, by op
  double number = 0;       // constant, dimension, flag, by op
  std::vector<ValueId> operands;
  std::vector<Block> blocks;
  Span span;
};

struct Cell {
  std::string name;
  Type type = Type::real; // starts as zero
};

// Where an array's storage is.
enum class Binding : std::uint8_t {
  local,    // the call's arena, from its `declare` to the end of the enclosing block's iteration
  variable, // the interface variable `variable` of Facts: an input where the function does not `declare` it, else an
            // output
  unconstrained_in,  // rank 1: the unconstrained parameters
  unconstrained_out, // rank 1: likewise, written
  block_sizes,       // rank 1, integer, written: how many unconstrained numbers each declared parameter has
  gradient,          // rank 1, written: d log density / d unconstrained parameters
  log_density,       // rank 0, real, written
  include_jacobian,  // rank 0, integer, read: not zero if the log density is that of the unconstrained parameters
};

struct Array {
  std::string name;
  Type element = Type::real;
  int rank = 0; // 0: one element
  Binding binding = Binding::local;
  std::uint32_t variable = none; // index into Facts::variables where binding is `variable`
};

struct Function {
  std::string name; // see below
  std::vector<Cell> cells;
  std::vector<Array> arrays;
  std::uint32_t value_count = 0; // values are numbered below this
  Block body;
  // Of a callee: at least one result.
  std::vector<Type> arguments = {}, results = {};
  // Of a callee that computes, behind the results of another callee, the derivatives of its first result: which callee,
  // and by argument whether it is wanted.
  std::uint32_t derivative_of = none;
  std::vector<bool> wanted = {};
};

// A text with places for values: "sigma is {}, must be > 0". The code only stores the message's number and the values.
struct Message {
  std::string text; // "{}" stands for the next reported value, "{{" and "}}" for braces
  Span span;
};

// The functions of a model, by name; those that do not exist for a model are absent (no density: no log_density).
//   sizes          inputs: data. Declares (but does not fill) parameters, transformed parameters, generated quantities;
//                  and writes block_sizes: tells every output's extents and how many unconstrained numbers each
//                  parameter has.
//   transform_data inputs: data. Outputs: transformed data; checks the data's bounds.
//   transform_simulated_data, only where transformed data are drawn: the same for simulated data sets, whose observed
//                  transformed data are inputs and whose underlying data have no values.
//   simulate       inputs: design without a design statement. Outputs: all other variables but generated quantities,
//                  unconstrained_out and block_sizes.
//   log_density    inputs: data, transformed data, unconstrained_in, include_jacobian. Output: log_density.
//   log_prior_mass, of generative models with a density: inputs: data, transformed data, unconstrained_in. Output:
//                  log_density, which is not one: the mass that the priors have within the declared bounds, which
//                  Stan's density does not divide by; NaN where it is not known.
//   log_density_gradient  likewise, and gradient. Made by compiler/passes/reverse_mode from log_density, or where
//                  lowering writes a function of this name, from that: it computes beside what solvers find the
//                  derivatives of it.
//   constrain      inputs: data, transformed data, unconstrained_in. Outputs: parameters, transformed parameters,
//                  generated quantities (these draw).
//   log_jacobian   inputs: data, transformed data, unconstrained_in. Output: log_density, which holds
//                  log |d parameters / d unconstrained|.
//   unconstrain    inputs: data, transformed data, parameters. Outputs: unconstrained_out and block_sizes.
//   predict        inputs: design, transformed data, parameters. Outputs: the observed variables (and transformed
//                  parameters): simulate with the parameters given, latents drawn anew. Generative models have it.
//   log_prior      of models with a density whose data can be simulated: log_density without what draws the data.
//   log_likelihood, of the same models: inputs: data, transformed data, parameters. Output: unconstrained_out, which
//                  are no parameters: the terms of the log likelihood, one for each element of each observed variable
//                  in the facts' order, row-major; of what is drawn whole (a multivariate normal row) the first
//                  element's holds it and the others are zero.
struct Model {
  Facts facts;
  std::vector<Function> functions;
  std::vector<Function> callees;
  std::vector<Message> messages;
  std::uint32_t site_count = 0; // draw sites are numbered below this

  const Function* find(std::string_view name) const {
    for (const Function& function : functions)
      if (function.name == name) return &function;
    return nullptr;
  }
};

// Text for `--emit ir` and golden tests (compiler/ir/print.cpp).
std::string to_string(const Function& function, const Model& model);
std::string to_string(const Model& model);

// Throws InternalError naming the function and instruction where an invariant of this page is broken
// (compiler/ir/verify.cpp).
void verify(const Model& model);

} // namespace sibyl::ir
