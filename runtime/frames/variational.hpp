// The normal distribution that is closest to a posterior: a frame where the mode says little.
//
// The mode of a skewed posterior lies beside its mass, and that of a hierarchical scale may be far from it. The normal
// distribution q with the least Kullback-Leibler divergence to the posterior has its mean where the expected gradient
// under q is zero, and minus the expected Hessian as its precision (Opper and Archambeau 2009, eq. 14-15). Both
// expectations are taken at 2 n points at the distance sqrt(n) from the mean of q, in its own frame (the spherical
// cubature of third degree, Arasaratnam and Haykin 2009, along axes that are turned at random: each coordinate is then
// about a standard deviation away), from gradients alone; steps that keep
// the precision positive definite (Lin, Schmidt and Khan 2020) lead there.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/model/density.hpp"

#include <vector>

namespace sibyl {

// Not for several threads at once.
class VariationalFrames {
 public:
  explicit VariationalFrames(std::size_t dimension);

  // From the frames of the data sets first .. first + active - 1, to which the density's lanes are bound: they become
  // those of the closest normal distributions, and are `converged`. One for which the density is not finite around, or
  // no normal distribution is found, stays as it was; `only_converged`: those whose start is not converged, too.
  void improve(Density& density, std::size_t active, std::size_t first, bool only_converged, FrameBatch& frames);

 private:
  // too_wide: the density is not finite at some point around; the frame has to shrink first.
  enum class State { going, too_wide, found, failed };

  // Mean and slopes of the gradients around the centers of the lanes that are going.
  void look_around(Density& density, std::size_t first, const FrameBatch& frames);
  // Returns how far it went, in standard deviations; NaN where it could not.
  double step(std::size_t lane, std::size_t set, FrameBatch& frames);

  std::size_t dimension_;
  std::vector<double> axes_;     // orthonormal: [axis][coordinate]
  std::vector<double> mean_;     // of the gradients in the frames: [lane][coordinate]
  std::vector<double> slopes_;   // of the gradients along the axes: [lane][axis][coordinate]
  std::vector<double> change_, factor_, offset_, z_, gradient_; // one lane's
  std::vector<State> states_;                                    // by lane
  std::vector<double> kept_center_, kept_factor_, kept_determinant_; // what the lanes began with
};

} // namespace sibyl
