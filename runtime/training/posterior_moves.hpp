// Further draws of the posteriors of simulated data sets.
//
// The parameters that made a data set are one draw of its posterior, which Markov moves that leave the posterior as it
// is turn into others (as Gilks and Berzuini 2001 move particles). A network that meets a data set of a fixed set in
// every epoch so learns all of its posterior, not one point of it by heart: what is limited is the number of data sets.
//
// The moves are Barker proposals (Livingstone and Zanella 2022, "The Barker proposal: combining robustness and
// efficiency in gradient-based MCMC", JRSS-B, algorithm 1): along the gradient, and at no risk where it is far too
// steep for their scale. They go on in the data sets' frames, where affine maps leave densities alone.
#pragma once

#include "runtime/frames/frame.hpp"
#include "runtime/model/density.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

namespace sibyl {

// Simulated data sets, complete, with their frames: what their posteriors are known by.
struct SimulatedPosteriors {
  std::shared_ptr<const DataBatch> data;
  FrameBatch frames;
};

// Not for several threads at once.
class PosteriorMoves {
 public:
  // `z`: [data set][parameter], the parameters that made each data set, in its frame. Throws UserError where the model
  // has no density.
  PosteriorMoves(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const SimulatedPosteriors> posteriors,
                 std::span<const float> z, std::uint64_t seed);

  // Tries `moves` moves of each of these data sets. What comes out depends on the calls before it, in their order.
  void move(std::span<const std::size_t> which, int moves);

  std::span<const double> z(std::size_t data_set) const {
    return std::span(z_).subspan(data_set * dimension_, dimension_);
  }
  std::int64_t tried() const { return tried_; }
  std::int64_t accepted() const { return accepted_; }

 private:
  void choose_scales();
  void bind(std::span<const std::size_t> which);
  // The density and its gradient in the frames of the data sets that are bound, at `lane_z_`.
  void evaluate(std::span<const std::size_t> which, std::vector<double>& values, std::vector<double>& gradients);
  void move_lanes(std::span<const std::size_t> which, int moves);

  Density density_;
  std::shared_ptr<const SimulatedPosteriors> posteriors_;
  std::size_t dimension_, width_;
  std::vector<double> z_;
  std::vector<double> scales_;     // of a move, by parameter
  double log_step_ = 0;            // multiplies them: follows the acceptance
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
  std::int64_t tried_ = 0, accepted_ = 0;
  double rounds_ = 0;

  std::vector<double> here_, lane_z_, theta_; // [lane][parameter]
};

} // namespace sibyl
