// The frames that a density gives. Laplace frames: for each data set the mode of the posterior of the unconstrained
// parameters, and the Cholesky factor of the negative Hessian there. The variational ones go on from there, or start
// from the prior.
//
// From several starts gradients lead up (climb.hpp), on as many data sets at once as the compiled density has lanes. To
// the best mode, and where the climb has not arrived, a damped Newton method goes the last steps, whose Hessians are
// central differences of the model's gradients.
#pragma once

#include "runtime/frames/climb.hpp"
#include "runtime/frames/frame.hpp"
#include "runtime/frames/variational.hpp"
#include "runtime/model/density.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sibyl {

struct LaplaceOptions {
  FrameKind kind = FrameKind::laplace; // or refined, or variational
  int starts = 3;          // per data set: the prior mean and the best of the candidates
  int max_iterations = 40; // of Newton's method from each
  int lanes = 0;           // 0: as many as run fastest
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: stop, and throw RuntimeError
};

// Not for several threads at once.
class LaplaceFrames {
 public:
  // `candidates`: points where starts are looked for, [point][parameter]; prior draws. Throws UserError where the model
  // has no density.
  LaplaceFrames(std::shared_ptr<const CompiledModel> model, PriorFrame prior, std::vector<double> candidates,
                LaplaceOptions options = {});

  // A data set for which none is found (all runs fail to converge; the density is not finite where the closest
  // normal distribution is looked for) has the prior frame, and `converged` says so.
  FrameBatch find(const DataBatch& batch) { return find(batch, 0, batch.count); }
  FrameBatch find(const DataBatch& batch, std::size_t first,
                  std::size_t count); // of the data sets first .. first + count - 1

  // The modes of one data set that are reached from the points, [point][parameter]: a frame for each that
  // is more than an sd from the others, all of them converged, by decreasing density.
  FrameBatch find_from(const DataBatch& batch, std::size_t data_set, std::span<const double> points);

 private:
  void find_modes(std::size_t first_set, FrameBatch& frames);
  void choose_starts();
  // Newton's method from `point_`, in the lanes that are not done; sets `converged_`, and `lane_factor_` where it is.
  void newton();
  // Moves lane `lane` by the last undamped step and ends its run where what is left to gain is negligible.
  bool finish(std::size_t lane);
  // Solves for the damped step of a lane, raising its damping until the matrix is positive definite.
  void propose(std::size_t lane);
  void keep_best(std::size_t first_set, FrameBatch& frames) const;
  void set_objectives(std::size_t first_set, FrameBatch& frames);

  Density density_;
  PriorFrame prior_;
  std::vector<double> candidates_; // the first is the prior mean
  LaplaceOptions options_;
  std::size_t dimension_, width_;
  std::size_t active_ = 0; // lanes in use
  ParameterExtents extents_; // of the parameters of all data sets

  std::vector<std::vector<std::size_t>> starts_; // [lane][start]: candidates
  std::vector<double> point_, gradient_;         // [parameter][lane]
  std::vector<double> hessian_;                  // of the log density, [row][column][lane]
  std::vector<double> value_, damping_;          // [lane]
  std::vector<char> done_, converged_, pending_; // [lane]
  std::vector<double> lane_factor_;              // [lane][row][column]
  std::vector<double> matrix_, step_;            // one lane's
  Climb climb_;
  VariationalFrames variational_;
};

} // namespace sibyl
