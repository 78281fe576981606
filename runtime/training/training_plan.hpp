// What is decided before networks are optimized: the setup (of which a frame that is left open is tried out), the data
// sets to learn from and to validate with, the networks.
#pragma once

#include "runtime/training/fixed_set.hpp"
#include "runtime/training/started_plan.hpp"
#include "runtime/training/train_sampler.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// One way to train: a setup and what follows from it.
struct TrainingPlan {
  std::shared_ptr<const CompiledModel> model;
  std::shared_ptr<const InferenceSetup> setup;
  std::shared_ptr<const SimulatedBatch> pilot; // the simulations that the setup was made from
  std::shared_ptr<const FixedSet> fixed;       // null: data sets are simulated as they are needed
  // Of the validation set: a negative log density of z less this is one of unconstrained parameters.
  std::vector<double> log_determinant;
  double mean_log_determinant = 0; // zero where the family's loss is another
  LeftOut left_out;                // of the validation set, or of the fixed set
  bool lets_come_again = false;    // data sets that are not a fixed set, where fresh ones are not ready
  int moves = 0;                   // of the fixed set's parameters, for each visit; 0: they stay
  std::int64_t most_steps = 0;     // worth doing with the fixed set; 0: any number
  TrainingJob job;                 // without its budget and its batches
};

// Where the user leaves the frame open and data sets can have their own, these and the prior frame are trained for a
// moment; what validates better stays, and `note` says so. Of a budget of seconds the trials take a share; where that
// is too short for them, the own frames are taken.
TrainingPlan choose_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                         TrainFunction train, const SamplerTrainingEvents& events, std::string& note);

// What a training that is resumed was begun with.
TrainingPlan make_started_plan(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                               const StartedPlan& started, const SamplerTrainingEvents& events);

// What became of the data sets that a training learned from.
struct LearnedFrom {
  LeftOut left_out;                                 // of the simulations that were made for it
  std::int64_t fresh = 0, came_again = 0;           // data sets, where they are not a fixed set
  std::int64_t moves_tried = 0, moves_accepted = 0; // of a fixed set's parameters
};

// `job` is the plan's with its budget.
TrainingResult carry_out(const TrainingPlan& plan, TrainFunction train, TrainingJob job, LearnedFrom& learned_from);

// How strongly a fixed set of so many data sets pulls the weights towards zero (AdamW's decay): few are learned by
// heart before all is learned that they tell. Measured with 10,000 simulations, in nats of held-out ones against a
// decay of 0.0001: slcp 0.22, bernoulli_glm 0.04, gaussian_mixture 0.00. Where their parameters move, half of it is
// better by 0.09 nats (slcp), a tenth worse by 0.3.
double weight_decay_for_fixed_set(std::size_t learned, bool is_moving);

// By how many nats a data set is better off with the second losses than with the first: the mean over data sets, less
// the twentieth of them at either end. What chooses between frames: one that has failed for a few data sets costs
// nothing at the others, and must not decide for them.
double usual_gain(std::span<const double> first, std::span<const double> second);

} // namespace sibyl
