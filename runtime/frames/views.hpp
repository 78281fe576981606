// How a data set's density looks from a few fixed points of its frame: told to the networks beside the data.
//
// What data say about parameters is in their density alone: its slopes at fixed points are close to sufficient
// statistics (Alsing and Wandelt 2018, "Generalized massive optimal data compression"; exactly so in an exponential
// family), and they do not move with what tells nothing, however many values that has. A network that sees only data
// must learn from simulations which functions of them matter, and learns few simulations by heart instead.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/model/density.hpp"

#include <memory>
#include <span>
#include <vector>

namespace sibyl {

// Points of a frame from which densities are looked at, [point][parameter]: the frame's coordinates of the parameters
// that made the first of these data sets, as many as suit the dimension, and none where it is too high.
std::vector<double> choose_viewpoints(const FrameBatch& frames, std::span<const double> unconstrained);

// Numbers of a view: at each point the slopes along the frame's axes, and but for the first how much higher the log
// density is than there.
std::size_t view_size(std::size_t viewpoint_numbers, std::size_t dimension);

// Not for several threads at once.
class Views {
 public:
  // Throws UserError where the model has no density.
  Views(std::shared_ptr<const CompiledModel> model, std::vector<double> viewpoints);

  // Sets the frames' `views`, on a logarithmic scale far from zero. What is not finite there is zero.
  void add(const DataBatch& batch, FrameBatch& frames);

 private:
  Density density_;
  std::vector<double> viewpoints_;
};

} // namespace sibyl
