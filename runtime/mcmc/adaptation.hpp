// What warm-up learns: the step size by dual averaging (Hoffman and Gelman 2014, "The No-U-Turn sampler", algorithm 5),
// and in which of its iterations the metric is learned, as Stan's windows have it (Stan reference manual, "HMC
// algorithm parameters").
#pragma once

#include <cstddef>

namespace sibyl::mcmc {

class StepSizeAdaptation {
 public:
  // `target`: the acceptance statistic to reach, between 0 and 1.
  explicit StepSizeAdaptation(double target) : target_(target) {}

  // Forgets what was learned; the search then starts from ten times this step size.
  void restart(double step_size);
  // The step size for the next iteration.
  double update(double acceptance);
  // The one to go on with: a weighted mean over the iterations since `restart`. NaN where there was none.
  double final_step_size() const;

 private:
  double target_, start_ = 0, gap_ = 0, mean_log_ = 0;
  std::size_t count_ = 0;
};

// A fast phase for the step size alone, windows for the metric that double in length, and again a fast phase.
class WarmupWindows {
 public:
  // 75, 25, ..., 50 iterations; 15% and 10% at the ends where there are fewer than 150. Below 20 the metric is not
  // learned.
  explicit WarmupWindows(std::size_t iterations);

  // Of the iteration with this number: whether its draw counts for the metric, and whether it is the last of a window.
  bool is_slow(std::size_t iteration) const { return iteration >= first_slow_ && iteration < behind_slow_; }
  bool ends_window(std::size_t iteration) const { return is_slow(iteration) && iteration == window_end_; }
  // After the last iteration of a window.
  void open_next_window();

 private:
  std::size_t first_slow_ = 0, behind_slow_ = 0;
  std::size_t window_ = 0, window_end_ = 0; // length, and number of its last iteration
};

} // namespace sibyl::mcmc
