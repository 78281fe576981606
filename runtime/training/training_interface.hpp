// Training, seen from outside: no tensor library here. The library behind it (runtime/training/) loads LibTorch and is
// itself loaded only when something is trained: LibTorch's start-up takes most of a second.
#pragma once

#include "runtime/networks/batch.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/training/self_consistency.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sibyl {

// Whichever comes first; zero: no limit of that kind. The learning rate's cosine runs over the nearest.
struct TrainingBudget {
  double seconds = 0;
  std::int64_t steps = 0;
};

struct TrainingProgress {
  std::int64_t step = 0, simulations = 0; // simulations: a fixed one counts once for each epoch
  std::int64_t epoch = 0;                 // whole ones; 0 without a fixed set
  double loss = 0;            // running mean of the training loss, nats
  double validation_loss = 0; // the last one of the averaged weights
  double seconds = 0, seconds_left = 0;
};

// Milliseconds of a mean step and how they divide. On an accelerator a step is handed over in `forward` and
// `optimizer`, and `backward` is what the processor waits until it is done.
struct StepTimes {
  double waiting = 0, forward = 0, backward = 0, optimizer = 0;
};

struct TrainingJob {
  NetworkConfig config;
  // More than one: not a posterior is learned but which of so many classes a data set is of (networks/classifier.hpp).
  // The batches' z is that class, from 0, as one number; the family of `config` means nothing.
  std::size_t classes = 0;
  TrainingBudget budget;
  std::size_t batch_size = 256;
  double learning_rate = 1.5e-3;
  double weight_decay = 1e-4;
  double gradient_clip = 5; // norm
  std::uint64_t seed = 1;
  std::string device = "cpu";
  bool as_accelerator = false; // on the processor too as on an accelerator, which tests do
  int threads = 1;
  std::string checkpoint;          // path; empty: none
  std::string checkpoint_identity; // what the checkpoint must have been made for: model, setup, options
  std::string checkpoint_plan;     // that it carries along, for whoever resumes
  bool resume = false;             // go on from the checkpoint
  NetworkBatch validation;
  // Steps after which the data sets are the same again, those of a fixed set; 0: no data set comes twice. With a fixed
  // set training may end before the budget does: where the validation set gains no more.
  std::int64_t epoch_steps = 0;
  std::function<NetworkBatch(std::int64_t step)> batch; // the same step gives the same batch
  SelfConsistency self_consistency;
  std::function<void(const TrainingProgress&)> progress;
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: stop with what there is
};

struct ValidationPoint {
  std::int64_t step;
  double seconds, loss;
};

struct TrainingResult {
  Weights weights; // of the best validation loss, the weighted term of self-consistency included
  double validation_loss = 0, untrained_validation_loss = 0;
  std::vector<double> validation_losses; // of these weights, by data set
  std::int64_t steps = 0, simulations = 0, best_step = 0;
  std::int64_t epochs = 0; // whole ones; 0 without a fixed set
  std::int64_t left_out = 0; // data sets whose loss was not finite, in batches that were used without them
  std::int64_t skipped = 0;  // steps whose loss or gradient was not finite for half of the batch or more
  SelfConsistencyResult self_consistency;
  bool has_diverged = false; // ended early: hardly a step was finite any more
  bool was_interrupted = false;
  double seconds = 0;
  StepTimes times;
  std::vector<ValidationPoint> history;
};

// Losses are mean negative log densities of z, in nats. One that is far beyond what any fitted posterior gives (some
// hundred nats) counts by its logarithm, in training and validation alike: no single data set decides what is learned,
// or which weights are the best. Throws UserError for an unusable device or checkpoint, RuntimeError where not one step
// was finite: then nothing was learned.
using TrainFunction = TrainingResult (*)(const TrainingJob&);

// Sets environment variables that LibTorch's BLAS and OpenMP read when they are loaded, where they are not set:
// training is up to several times faster with them. For `main` of a program, before it has threads: a library must not
// do it, since other threads may read the environment meanwhile.
void set_training_environment();

// Opens libsibyl_training.so (lang/files/installed_file.hpp says where). Throws UserError naming what is missing.
TrainFunction load_training();

} // namespace sibyl
