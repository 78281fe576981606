// The No-U-Turn sampler as Stan has it: draws from a trajectory's points by their weights (multinomial, with a bias to
// what was added last), and the generalized criterion over the trajectory and across its halves (Betancourt 2017, "A
// conceptual introduction to Hamiltonian Monte Carlo", appendix A; Hoffman and Gelman 2014).
#pragma once

#include "runtime/mcmc/log_density.hpp"
#include "runtime/mcmc/metric.hpp"
#include "runtime/mcmc/random_numbers.hpp"

#include <Eigen/Dense>

#include <atomic>
#include <cstdint>
#include <vector>

namespace sibyl::mcmc {

// Of one iteration, under the names of Stan's columns: log_density lp__, acceptance accept_stat__, and so on.
struct Transition {
  double log_density = 0; // of the new point
  double acceptance = 0;  // mean over the trajectory of the Metropolis acceptance probabilities
  double step_size = 0;
  int tree_depth = 0;
  int leapfrog_steps = 0;
  bool is_divergent = false; // the energy's error exceeded 1000
  double energy = 0;         // of the new point with its momentum
};

// Either may ask to stop, by being not zero: the program, and another chain that failed.
struct StopFlags {
  const std::atomic<std::int32_t>* program = nullptr;
  const std::atomic<std::int32_t>* failure = nullptr;
  bool is_raised() const { return (program && *program) || (failure && *failure); }
};

class Nuts {
 public:
  // The density and the numbers must outlive it. `max_depth`: at least 1; trajectories have at most 2^max_depth - 1
  // steps.
  Nuts(LogDensity& density, RandomNumbers& random, MetricKind kind, int max_depth);

  // Where the chain is; the log density must be finite there. Returns it.
  double set_point(const double* point);
  const Eigen::VectorXd& point() const { return current_.position; }

  Metric& metric() { return metric_; }
  const Metric& metric() const { return metric_; }
  double step_size() const { return step_size_; }
  void set_step_size(double step_size) { step_size_ = step_size; }
  // Doubles or halves the step size until one step's acceptance crosses 0.8. Throws RuntimeError where none does: an
  // improper posterior, or a density with jumps.
  void find_step_size();

  // One iteration. False, with the chain where it was, where it was asked to stop.
  bool transition(Transition& result, const StopFlags& stop = {});

 private:
  struct State {
    Eigen::VectorXd position, momentum, gradient;
    double log_density = 0;
  };
  // What a draw needs of a point.
  struct Proposal {
    Eigen::VectorXd position, gradient;
    double log_density = 0, energy = 0;
  };
  // One end of a (sub)tree, and a subtree with both, the sum of its momenta and the logarithm of its weight. Begin: the
  // end at which it was started.
  struct End {
    Eigen::VectorXd momentum, velocity;
  };
  struct Tree {
    End begin, end;
    Eigen::VectorXd momentum_sum;
    double log_weight = 0;
  };
  // Memory of one level of the recursion.
  struct Level {
    Tree first, second;
    Proposal second_proposal;
  };

  double energy(const State& state);
  void leapfrog(State& state, double step);
  // Extends the trajectory from `frontier_` by 2^depth steps. False where it diverged or turned.
  bool build(int depth, double direction, Tree& tree, Proposal& proposal);
  bool keeps_going(const Eigen::VectorXd& velocity, const Eigen::VectorXd& other, const Eigen::VectorXd& momentum_sum);
  bool keeps_going(const Tree& first, const Tree& second);

  LogDensity& density_;
  RandomNumbers& random_;
  Metric metric_;
  int max_depth_;
  double step_size_ = 1;
  State current_, frontier_, forward_, backward_;
  Proposal sample_, proposal_;
  Tree whole_, extension_;
  std::vector<Level> levels_;
  Eigen::VectorXd velocity_, sum_;
  // Of the transition that is being made.
  double start_energy_ = 0, acceptance_sum_ = 0;
  int steps_ = 0;
  bool diverged_ = false, was_stopped_ = false;
  StopFlags stop_;
};

} // namespace sibyl::mcmc
