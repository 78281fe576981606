/* The posterior of one data set that the program holds as arrays. */
#include "sibyl_sampler.h"

#include <stdio.h>

int main(void) {
  const double n = 6;
  const double x[] = {-1.2, -0.4, 0.1, 0.5, 0.9, 1.6};
  const double y[] = {0.3, 1.4, 2.1, 2.2, 3.3, 3.9};
  const int64_t extent = 6;
  const sibyl_array data[] = {{"N", &n, NULL, 0}, {"x", x, &extent, 1}, {"y", y, &extent, 1}};
  const sibyl_options options = {.draws = 2000, .seed = 1};

  const sibyl_posteriors* posteriors = sibyl_sampler_sample_arrays(data, 3, &options);
  if (!posteriors) {
    fprintf(stderr, "error: %s\n", sibyl_sampler_last_error());
    return 1;
  }
  const sibyl_posterior* one = &posteriors->items[0];
  printf("%s\n%-10s %8s %8s\n", one->verdict, "parameter", "mean", "sd");
  for (size_t c = 0; c < one->column_count; ++c)
    printf("%-10s %8.3f %8.3f\n", one->columns[c], one->summaries[5 * c], one->summaries[5 * c + 1]);
  sibyl_sampler_free(posteriors);
  return 0;
}
