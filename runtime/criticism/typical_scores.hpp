// How far out a data set is by several scores at once, against simulated data sets that were scored as it was.
//
// Each score becomes minus the logarithm of its tail probability among one half of the simulated data sets; beyond
// their tenth, the tail is a generalized Pareto distribution. The largest of these is compared with that of the other
// half, which nothing was fitted to: the share that is as large is a p-value whatever the scores are (a split conformal
// p-value; Vovk, Gammerman and Shafer 2005).
#pragma once

#include "runtime/trust/importance.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sibyl {

class TypicalScores {
 public:
  TypicalScores() = default;
  // `scores`: [data set][score], not negative, of data sets that the model made; at least twenty.
  TypicalScores(std::span<const double> scores, std::size_t score_count);

  struct Place {
    double p_value = 1;
    std::size_t worst = 0;        // the score that is furthest out
    std::vector<double> p_values; // of each score by itself
  };
  Place place(std::span<const double> scores) const;
  // What the score is of the simulated data set with this share of them at or beyond it.
  double value_beyond(std::size_t score, double share) const;
  std::size_t count() const { return sorted_.empty() ? 0 : sorted_.front().size() + largest_.size(); }

 private:
  double surprise(std::size_t score, double value) const; // minus the logarithm of its tail probability

  std::vector<std::vector<double>> sorted_, all_; // of each score: those of the first half; of both
  std::vector<ParetoTail> tails_;
  std::vector<double> largest_; // surprises of the second half, sorted
};

} // namespace sibyl
