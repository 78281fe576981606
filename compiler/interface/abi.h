/* The C interface of compiled models: what generated code is called with.
 *
 * Every function of a model is compiled for a precision (f32, f64: the type of `real`) and a number of lanes, and is
 * found under the name sibyl_<function>_<precision>_x<lanes>, for instance sibyl_simulate_f32_x16. Each has the type
 * sibyl_function. It runs for `lanes` data sets (draws, chains) at once; see compiler/ir/ir.hpp for the functions and
 * what they read and write. A library has all of them for as many lanes as fill a register, in double (simulate in
 * float too), and for one lane those that BridgeStan's clients call.
 *
 * Beside them a library has (compiled into the object as data)
 *   const char sibyl_metadata[]      JSON: abi version, compiler version, model name and text, facts, messages, entries
 * (names)
 *
 * This header is C, so that any language can call a compiled model.
 */
#ifndef SIBYL_MODEL_ABI_H
#define SIBYL_MODEL_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A pointer takes eight bytes, in a page's 32-bit memory too: one layout serves all targets. */
#define SIBYL_POINTER __attribute__((aligned(8)))

#define SIBYL_ABI_VERSION 4
#define SIBYL_MAX_RANK 8
#define SIBYL_MAX_REPORTED_VALUES 64

/* An interface variable. Values are laid out [flat index][lane]; the flat index is row-major over the declared
 * dimensions (array dimensions first, then rows, then columns) with the extents `capacity`, which are the same for all
 * lanes. Lane l uses the first sizes[d * lanes + l] positions of dimension d. An integer variable holds int32_t, a real
 * one the precision's type. Inputs are filled by the caller; outputs point into the arena after the call. */
typedef struct sibyl_variable {
  SIBYL_POINTER void* values;
  SIBYL_POINTER int32_t* sizes; /* [dimension][lane]; unused for scalars */
  int64_t capacity[SIBYL_MAX_RANK];
} sibyl_variable;

typedef struct sibyl_call {
  SIBYL_POINTER sibyl_variable* variables; /* one per variable of the facts, in their order */
  /* Free memory, 64-byte aligned, for outputs and temporaries; moved past the outputs on return. */
  SIBYL_POINTER char* arena;
  SIBYL_POINTER char* arena_end;
  SIBYL_POINTER char* tape; /* likewise, for what the reverse sweep needs; unchanged on return */
  SIBYL_POINTER char* tape_end;
  uint64_t seed;
  uint64_t first_index; /* the data set's (or draw's) index of lane 0; lane l has first_index + l */
  int32_t active_lanes; /* lanes 0 .. active_lanes - 1 take part */
  int32_t include_jacobian;
  /* In or out, [parameter][lane], the precision's type. In: set by the caller. Out: in the arena. */
  SIBYL_POINTER void* unconstrained;
  int64_t unconstrained_count;           /* in: number of unconstrained parameters given; out: number written */
  SIBYL_POINTER void* log_density;       /* out, [lane] */
  SIBYL_POINTER void* gradient;          /* out, [parameter][lane]; memory of the caller */
  SIBYL_POINTER int32_t* failed_message; /* out, [lane]: -1, or the number of the message of the check that failed */
  SIBYL_POINTER double* failed_values;   /* out, [lane][SIBYL_MAX_REPORTED_VALUES] */
  /* Polled in while loops, by atomic loads: another thread may store there. Not zero: stop and return
   * SIBYL_INTERRUPTED. */
  SIBYL_POINTER const int32_t* interrupted;
  SIBYL_POINTER void (*print)(const struct sibyl_call* call, int32_t message, int32_t lane, const double* values,
                              int32_t count);
  SIBYL_POINTER void* user; /* the caller's */
  /* Out, [declared parameter][lane]: how many unconstrained numbers each has; in the arena. */
  SIBYL_POINTER int32_t* block_sizes;
} sibyl_call;

/* What a function returns. */
#define SIBYL_OK 0
#define SIBYL_SOME_LANES_FAILED 1 /* see failed_message */
#define SIBYL_ARENA_EXHAUSTED 2   /* call again with more memory */
#define SIBYL_TAPE_EXHAUSTED 3
#define SIBYL_INTERRUPTED 4

typedef int32_t (*sibyl_function)(sibyl_call* call);

/* Code that is linked into a program ahead of time (`sibyl build`), one of these for each level of processors:
 * sibyl_code_128, sibyl_code_256 and sibyl_code_512. */
typedef struct sibyl_linked_function {
  const char* symbol; /* "sibyl_constrain_f64_x4"; null: the end of the list */
  sibyl_function code;
} sibyl_linked_function;

typedef struct sibyl_linked_code {
  int32_t vector_bits; /* that the processor must have */
  int32_t lanes_f32, lanes_f64;
  const sibyl_linked_function* functions;
} sibyl_linked_code;

#ifdef __cplusplus
}
#endif
#endif
