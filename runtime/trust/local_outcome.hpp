// What the local classifier test (local_test.hpp) found at one data set: whether its draws are told from the
// posterior's, and whether the difference is one that a user of the draws would see. With many simulations the p-value
// alone finds errors that matter to nobody.
#pragma once

#include <cstddef>
#include <string>

namespace sibyl {

// How far a parameter's draws are from the posterior's, as the classifier sees it, and how far that can be chance: one
// standard error, of tests of draws that are right. In units of the draws' normal scores, so that the tails of skewed
// posteriors do not decide.
struct LocalDifference {
  std::string parameter;                // its column
  double shift = 0, shift_error = 0;    // of the draws' mean, in sds
  double sd_ratio = 1, ratio_error = 0; // the draws' sd over the posterior's; the error is that of its logarithm

  // Beyond one standard error, in units of what is tolerated: a fifth of an sd, a fifth of the sd.
  double size() const;
};

struct LocalOutcome {
  static constexpr double unlikely = 0.05; // p-values below it: the draws are not the posterior's
  static constexpr double largest_good_c2st = 0.6;

  double p_value = 1;          // uniform where the draws are the posterior's
  std::size_t simulations = 0; // that the classifier was learned from
  bool is_near = false;        // whether these were made near the data set's draws, with its design
  // The accuracy of the best classifier between draws and posterior, estimated and corrected for chance: 0.5 where they
  // are alike (classifier two-sample test).
  double c2st = 0.5;
  LocalDifference difference; // the largest of all parameters

  // Not: told from the posterior's, and by as much as matters.
  bool is_good() const;
  std::string text() const;
};

// The p-value of the smallest of several: uniform where they are, and independent (Sidak); else too large, if anything.
double p_value_of_smallest(double smallest, std::size_t count);

// Of two tests of the same draws: what that one tells which finds them wrong, or has the smaller p-value. Its p-value
// pays for the choice.
LocalOutcome join(const LocalOutcome& a, const LocalOutcome& b);

} // namespace sibyl
