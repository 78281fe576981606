/* A trained sampler as a library: posterior draws for new data sets.
 *
 * The model, its networks and their weights are inside the library that `sibyl build --lib` wrote beside this header;
 * there is nothing to open. Data are read as `sibyl sample` reads them, and the same seed gives the same draws.
 *
 *   sibyl_options options = {.draws = 1000, .seed = 1, .by = "person"};
 *   const sibyl_posteriors* all = sibyl_sampler_sample_text(csv, &options);
 *   if (!all) fprintf(stderr, "%s\n", sibyl_sampler_last_error());
 *   for (size_t i = 0; i < all->count; ++i) printf("%s: %s\n", all->items[i].label, all->items[i].verdict);
 *   sibyl_sampler_free(all);
 *
 * Every library of this kind has these names: a program that uses several opens them with dlopen. The functions may be
 * called from several threads at once. */
#ifndef SIBYL_SAMPLER_H
#define SIBYL_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero: the defaults. */
typedef struct sibyl_options {
  uint64_t draws;       /* for each data set; 0: 4000 */
  uint64_t seed;        /* 0: 1 */
  int32_t threads;      /* 0: one for each core */
  int32_t with_density; /* not 0: a last column log_density__, the amortized density of each draw */
  const char* by;       /* CSV: the column whose values tell data sets apart; null: all rows are one data set */
  int32_t exact; /* not 0: draws of the model's own posterior, by importance sampling or Markov chains; the verdict
                  * says which. An error where the model has no density. */
  double exact_seconds; /* with exact: what the Markov chains of each data set may take; 0: 30 */
} sibyl_options;

/* One data variable. Values are in row-major order; a missing one is NaN. A scalar has rank 0. */
typedef struct sibyl_array {
  const char* name;
  const double* values;
  const int64_t* extents;
  size_t rank;
} sibyl_array;

typedef struct sibyl_posterior {
  const char* label;   /* the data set's: its value in the column `by`, or its number */
  const char* verdict; /* whether it is like what the sampler was trained on, as a sentence */
  int32_t is_fine;     /* 0: the verdict is a warning */
  size_t draw_count;
  size_t column_count;
  const char* const* columns; /* "theta.1", "theta.2", ...: Stan's names, in Stan's order */
  const double* draws;        /* [draw][column]; NaN where the model's own checks refused what a draw computes */
  const double* summaries;    /* [column][5]: mean, standard deviation, 5%, 50% and 95% quantile of what is not NaN */
  /* Of the draws' importance weights by the model's density: k-hat (good up to 0.7), effective sample size, and the
   * logarithm of the data's evidence with its standard error; NaN where they are not known. */
  double k_hat, effective_size, log_evidence, log_evidence_error;
} sibyl_posterior;

typedef struct sibyl_posteriors {
  size_t count; /* data sets */
  const sibyl_posterior* items;
  const char* notes; /* how the data were read (columns that were not used, text as levels), one per line */
} sibyl_posteriors;

/* "0.1.0" */
const char* sibyl_sampler_version(void);

/* JSON: the model's name and text, its data variables and its parameters. Null on error. */
const char* sibyl_sampler_info(void);

/* Draws for the data sets of a text, Stan JSON or CSV. Null on error. `options` may be null. */
const sibyl_posteriors* sibyl_sampler_sample_text(const char* text, const sibyl_options* options);

/* Draws for one data set that is given as arrays. Null on error. */
const sibyl_posteriors* sibyl_sampler_sample_arrays(const sibyl_array* arrays, size_t count,
                                                    const sibyl_options* options);

void sibyl_sampler_free(const sibyl_posteriors* posteriors);

/* The log posterior density of given parameters: `parameters` is CSV with a row for each data set of `data`, matched by
 * the column `by` or, where that is null, in order. Writes one number for each data set to `result`, which has room
 * for `count`. The number of data sets; -1 on error. */
int64_t sibyl_sampler_densities(const char* data, const char* parameters, const char* by, double* result, size_t count);

/* What went wrong in this thread's last call that failed. */
const char* sibyl_sampler_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
