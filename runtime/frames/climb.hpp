// The way up to a mode by gradients alone, in all lanes of a density at once.
//
// A quasi-Newton method (Broyden, Fletcher, Goldfarb and Shanno; Nocedal and Wright 2006, algorithm 6.1) learns the
// curvature on its way, where each of Newton's steps takes two gradients for every parameter to measure it. Newton's
// method then has one or two steps left, at the end of the best way only. Lanes go on independently: what one finds
// does not depend on the others.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/model/density.hpp"

#include <vector>

namespace sibyl {

// Not for several threads at once.
class Climb {
 public:
  explicit Climb(PriorFrame prior); // which gives the scales of the first steps

  // From `points`, [parameter][lane], which become the highest points reached; in lanes from `active` on nothing
  // moves. A lane that starts where the density is not finite stays there.
  void run(Density& density, std::size_t active, std::vector<double>& points);

  // Of the last run: the log density, and whether next to nothing was left to gain by what is known of the curvature.
  double value(std::size_t lane) const { return lanes_[lane].value; }
  bool arrived(std::size_t lane) const { return lanes_[lane].arrived; }

 private:
  // All in coordinates of the prior frame.
  struct Lane {
    std::vector<double> at, gradient, direction, inverse; // the last: of minus the Hessian, as far as it is known
    double value = 0, slope = 0, share = 1;               // slope: along the direction; share: of it, that is tried
    int trials = 0;                                       // of this direction
    bool is_done = false, arrived = false, knows_scale = false;
  };

  void read(const Density& density, std::size_t lane, std::vector<double>& gradient) const;
  void write(Density& density, std::size_t lane, const std::vector<double>& at, double share,
             const std::vector<double>& direction);
  void turn(Lane& lane);                       // chooses the next direction, or ends
  void try_point(Lane& lane, double value);    // with its gradient in `trial_`
  void learn(Lane& lane);                      // from `step_` and `change_`

  PriorFrame prior_;
  std::size_t dimension_;
  std::vector<Lane> lanes_;
  std::vector<double> trial_, step_, change_, image_, theta_; // one lane's
};

} // namespace sibyl
