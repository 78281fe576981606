// Training from a compiled model to a sampler file: setup, simulation on producer threads, optimization, calibration.
// What the command line, the REPL and the library share; it prints nothing, and tells its caller of each step instead.
#pragma once

#include "runtime/networks/catalogue.hpp"
#include "runtime/posterior/posterior_sampler.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/training/calibrate.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/training_interface.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct SamplerTrainingOptions {
  SetupOptions setup; // its seed, threads and interrupt flag serve all of training
  // Around whose posterior to train, instead of over the priors: for flat priors and very wide ones.
  std::optional<DataSet> around;
  TrainingBudget budget;
  // A fixed set of so many simulations, of which a tenth is held out: they are made once and learned from in epochs
  // until those held out gain no more (the budget may end it before). 0: data sets are simulated as they are needed;
  // with a budget of seconds they come again where fresh ones are not ready (online_batches.hpp).
  std::int64_t simulations = 0;
  // Of the parameters of each data set of a fixed set, whenever it is learned from again (posterior_moves.hpp): Markov
  // moves, where the model has a density. 0: they stay what the data were simulated from.
  int moves = 4;
  // The weight of the self-consistency term (self_consistency.hpp); nothing: none, or 0.1 where there are real data
  // sets.
  std::optional<double> self_consistency;
  std::vector<DataSet> real; // data sets without parameters, on which this term is evaluated as well; none: no such
  std::string family{list_posterior_families().front().name};
  std::size_t batch_size = 0; // data sets in a step; 0: 64 to 256, by their rows
  double learning_rate = 0;   // the highest; 0: the default
  std::string device = "cpu";
  std::string model_library; // path of the library that the model came from; empty: it came as a text
  std::string checkpoint;    // path; empty: none
  bool resume = false;       // go on from the checkpoint
};

// What the caller hears meanwhile, on its own thread. Losses are those of parameters in unconstrained space, in nats:
// comparable between frames.
struct SamplerTrainingEvents {
  // What is being done where it is not optimization, for a line of progress.
  std::function<void(const std::string&)> doing;
  std::function<void(const InferenceSetup&)> prepared;
  std::function<void(const TrainingProgress&)> progress;
  std::function<void(const TrainingResult&)> trained;
  // The trained sampler, before anything runs that can fail or be interrupted: to be put where it is safe. The one that
  // is returned has its typical set and calibration too.
  std::function<void(const SamplerFile&)> keep;
};

struct TrainedSampler {
  SamplerFile file;
  TrainingResult training;
  std::optional<Calibration> calibration; // nothing where it failed or was interrupted
  std::vector<std::string> notes;         // what the user should know of training and calibration
};

// A budget of seconds is that of all of it: preparing, training (at least a third of it), calibration.
//
// With the frame left open (FrameChoice::automatic), a budget that is long enough also pays for trials of both frames.
// Throws UserError where the model has no simulator (and there is no data set to train around), no network fits, or the
// checkpoint is missing or another model's. An interrupted run returns what it has, calibrated; a calibration that
// fails or is interrupted takes nothing from the sampler. The checkpoint stays: its owner removes it when the sampler
// file is safely written.
TrainedSampler train_sampler(std::shared_ptr<const CompiledModel> model, const SamplerTrainingOptions& options,
                             const SamplerTrainingEvents& events = {});

} // namespace sibyl
