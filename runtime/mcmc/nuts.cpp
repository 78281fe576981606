#include "runtime/mcmc/nuts.hpp"

#include "lang/errors.hpp"

#include <cmath>
#include <limits>

namespace sibyl::mcmc {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest_energy_error = 1000;

double log_sum(double a, double b) {
  if (a == -infinity) return b;
  if (b == -infinity) return a;
  return a > b ? a + std::log1p(std::exp(b - a)) : b + std::log1p(std::exp(a - b));
}

} // namespace

Nuts::Nuts(LogDensity& density, RandomNumbers& random, MetricKind kind, int max_depth)
    : density_(density), random_(random), metric_(kind, density.dimension()), max_depth_(max_depth),
      levels_(static_cast<std::size_t>(max_depth)) {
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(density.dimension()));
  const State state{zero, zero, zero};
  current_ = frontier_ = forward_ = backward_ = state;
  const Proposal proposal{zero, zero};
  sample_ = proposal_ = proposal;
  const Tree tree{{zero, zero}, {zero, zero}, zero};
  whole_ = extension_ = tree;
  for (Level& level : levels_) level = {tree, tree, proposal};
  velocity_ = sum_ = zero;
}

double Nuts::set_point(const double* point) {
  current_.position = Eigen::Map<const Eigen::VectorXd>(point, current_.position.size());
  return current_.log_density = density_.evaluate(current_.position.data(), current_.gradient.data());
}

double Nuts::energy(const State& state) {
  metric_.velocity(state.momentum, velocity_);
  const double result = 0.5 * state.momentum.dot(velocity_) - state.log_density;
  return std::isnan(result) ? infinity : result;
}

void Nuts::leapfrog(State& state, double step) {
  state.momentum += 0.5 * step * state.gradient;
  metric_.velocity(state.momentum, velocity_);
  state.position += step * velocity_;
  state.log_density = density_.evaluate(state.position.data(), state.gradient.data());
  state.momentum += 0.5 * step * state.gradient;
}

void Nuts::find_step_size() {
  constexpr double goal = 0.8, largest = 1e7;
  int direction = 0;
  for (;;) {
    frontier_.position = current_.position;
    frontier_.gradient = current_.gradient;
    frontier_.log_density = current_.log_density;
    metric_.draw_momentum(random_, frontier_.momentum);
    const double before = energy(frontier_);
    leapfrog(frontier_, step_size_);
    const bool is_accepted = before - energy(frontier_) > std::log(goal);
    if (direction == 0) direction = is_accepted ? 1 : -1;
    else if (is_accepted != (direction > 0)) return;
    step_size_ *= direction > 0 ? 2 : 0.5;
    if (step_size_ > largest)
      throw RuntimeError("steps of any length are accepted: the posterior is improper (a parameter that neither prior "
                         "nor data bound)");
    if (step_size_ == 0)
      throw RuntimeError("no step is small enough to be accepted: the log density seems to jump, or its gradient is "
                         "not finite around the chain's point");
  }
}

bool Nuts::keeps_going(const Eigen::VectorXd& velocity, const Eigen::VectorXd& other,
                       const Eigen::VectorXd& momentum_sum) {
  return velocity.dot(momentum_sum) > 0 && other.dot(momentum_sum) > 0;
}

// Over both together, and over each with the nearest point of the other: without these a trajectory of twice a period's
// half goes unnoticed.
bool Nuts::keeps_going(const Tree& first, const Tree& second) {
  sum_ = first.momentum_sum + second.momentum_sum;
  if (!keeps_going(first.begin.velocity, second.end.velocity, sum_)) return false;
  sum_ = first.momentum_sum + second.begin.momentum;
  if (!keeps_going(first.begin.velocity, second.begin.velocity, sum_)) return false;
  sum_ = second.momentum_sum + first.end.momentum;
  return keeps_going(first.end.velocity, second.end.velocity, sum_);
}

bool Nuts::build(int depth, double direction, Tree& tree, Proposal& proposal) {
  if (depth == 0) {
    if (stop_.is_raised()) {
      was_stopped_ = true;
      return false;
    }
    leapfrog(frontier_, direction * step_size_);
    ++steps_;
    const double reached = energy(frontier_), gain = start_energy_ - reached;
    tree.log_weight = gain;
    acceptance_sum_ += gain > 0 ? 1 : std::exp(gain);
    if (!(-gain <= largest_energy_error)) {
      diverged_ = true;
      return false;
    }
    proposal.position = frontier_.position;
    proposal.gradient = frontier_.gradient;
    proposal.log_density = frontier_.log_density;
    proposal.energy = reached;
    tree.begin.momentum = tree.end.momentum = tree.momentum_sum = frontier_.momentum;
    tree.begin.velocity = tree.end.velocity = velocity_; // of `energy`, just before
    return true;
  }
  Level& level = levels_[static_cast<std::size_t>(depth - 1)];
  Tree &first = level.first, &second = level.second;
  if (!build(depth - 1, direction, first, proposal)) return false;
  if (!build(depth - 1, direction, second, level.second_proposal)) return false;
  tree.log_weight = log_sum(first.log_weight, second.log_weight);
  if (random_.uniform() < std::exp(second.log_weight - tree.log_weight)) std::swap(proposal, level.second_proposal);
  if (!keeps_going(first, second)) return false;
  tree.momentum_sum = first.momentum_sum + second.momentum_sum;
  std::swap(tree.begin, first.begin);
  std::swap(tree.end, second.end);
  return true;
}

bool Nuts::transition(Transition& result, const StopFlags& stop) {
  stop_ = stop;
  diverged_ = was_stopped_ = false;
  steps_ = 0;
  acceptance_sum_ = 0;
  metric_.draw_momentum(random_, current_.momentum);
  start_energy_ = energy(current_);
  forward_ = backward_ = current_;
  sample_.position = current_.position;
  sample_.gradient = current_.gradient;
  sample_.log_density = current_.log_density;
  sample_.energy = start_energy_;
  // `whole_` begins at the backward end.
  whole_.begin.momentum = whole_.end.momentum = whole_.momentum_sum = current_.momentum;
  whole_.begin.velocity = whole_.end.velocity = velocity_;
  whole_.log_weight = 0;

  int depth = 0;
  while (depth < max_depth_) {
    const bool goes_forward = random_.uniform() > 0.5;
    State& frontier = goes_forward ? forward_ : backward_;
    std::swap(frontier_, frontier);
    const bool is_valid = build(depth, goes_forward ? 1 : -1, extension_, proposal_);
    std::swap(frontier_, frontier);
    if (was_stopped_) return false;
    if (!is_valid) break;
    ++depth;
    // Biased towards the extension: always where it weighs more than all before.
    if (random_.uniform() < std::exp(extension_.log_weight - whole_.log_weight)) std::swap(sample_, proposal_);
    whole_.log_weight = log_sum(whole_.log_weight, extension_.log_weight);
    if (!goes_forward) {
      std::swap(extension_.begin, extension_.end); // now both run from backward to forward
      std::swap(whole_, extension_);
      whole_.log_weight = extension_.log_weight;
    }
    const bool keeps = keeps_going(whole_, extension_);
    whole_.momentum_sum += extension_.momentum_sum;
    std::swap(whole_.end, extension_.end);
    if (!keeps) break;
  }
  current_.position = sample_.position;
  current_.gradient = sample_.gradient;
  current_.log_density = sample_.log_density;
  result = {sample_.log_density, steps_ > 0 ? acceptance_sum_ / steps_ : 0, step_size_, depth, steps_, diverged_,
            sample_.energy};
  return true;
}

} // namespace sibyl::mcmc
