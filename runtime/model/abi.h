/* The C interface of compiled models: what generated code is called with.
 *
 * Every function of a model is compiled for a precision (f32, f64: the type of `real`) and a number of lanes, and is
 * found under the name sibyl_<function>_<precision>_x<lanes>, for instance sibyl_simulate_f32_x16. Each has the type
 * sibyl_function. It runs for `lanes` data sets (draws, chains) at once; see compiler/ir.hpp for the functions and what
 * they read and write.
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

#define SIBYL_ABI_VERSION 1
#define SIBYL_MAX_RANK 8
#define SIBYL_MAX_REPORTED_VALUES 4

/* An interface variable. Values are laid out [flat index][lane]; the flat index is row-major over the declared
 * dimensions (array dimensions first, then rows, then columns) with the extents `capacity`, which are the same for all
 * lanes. Lane l uses the first sizes[d * lanes + l] positions of dimension d. An integer variable holds int32_t, a real
 * one the precision's type. Inputs are filled by the caller; outputs point into the arena after the call. */
typedef struct sibyl_variable {
  void* values;
  int32_t* sizes; /* [dimension][lane]; unused for scalars */
  int64_t capacity[SIBYL_MAX_RANK];
} sibyl_variable;

typedef struct sibyl_call {
  sibyl_variable* variables; /* one per variable of the facts, in their order */
  char* arena; /* free memory, 64-byte aligned, for outputs and temporaries; moved past the outputs on return */
  char* arena_end;
  char* tape; /* likewise, for what the reverse sweep needs; unchanged on return */
  char* tape_end;
  uint64_t seed;
  uint64_t first_index; /* the data set's (or draw's) index of lane 0; lane l has first_index + l */
  int32_t active_lanes; /* lanes 0 .. active_lanes - 1 take part */
  int32_t include_jacobian;
  void*
      unconstrained; /* in or out, [parameter][lane], the precision's type. In: set by the caller. Out: in the arena */
  int64_t unconstrained_count;         /* in: number of unconstrained parameters given; out: number written */
  void* log_density;                   /* out, [lane] */
  void* gradient;                      /* out, [parameter][lane]; memory of the caller */
  int32_t* failed_message;             /* out, [lane]: -1, or the number of the message of the check that failed */
  double* failed_values;               /* out, [lane][SIBYL_MAX_REPORTED_VALUES] */
  const volatile int32_t* interrupted; /* polled in while loops; not zero: stop and return SIBYL_INTERRUPTED */
  void (*print)(const struct sibyl_call* call, int32_t message, int32_t lane, const double* values, int32_t count);
  void* user; /* the caller's */
} sibyl_call;

/* What a function returns. */
#define SIBYL_OK 0
#define SIBYL_SOME_LANES_FAILED 1 /* see failed_message */
#define SIBYL_ARENA_EXHAUSTED 2   /* call again with more memory */
#define SIBYL_TAPE_EXHAUSTED 3
#define SIBYL_INTERRUPTED 4

typedef int32_t (*sibyl_function)(sibyl_call* call);

#ifdef __cplusplus
}
#endif
#endif
