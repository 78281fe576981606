// Training a classifier over models (model_classifier.hpp): their simulations in equal shares, networks that read data
// sets as a sampler's do, a temperature, and how good the probabilities are on fresh simulations.
#pragma once

#include "runtime/training/model_classifier.hpp"
#include "runtime/training/training_interface.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// A model to tell from others. `design`: values of the design variables that its text does not draw.
struct CandidateModel {
  std::shared_ptr<const CompiledModel> model;
  std::string name;    // as the user calls it
  std::string library; // the path that it came from, where it is no text
  std::optional<DataSet> design;
};

struct ClassifierTrainingOptions {
  TrainingBudget budget;
  std::size_t batch_size = 256;                // data sets of all models together
  double learning_rate = 0;                    // the highest; 0: the default
  double missing_share = 0;                    // of the observed values, dropped at random
  std::map<std::string, std::string> networks; // by variable: the summary network of the source that reads it
  std::uint64_t seed = 1;
  int threads = 1;
  std::string device = "cpu";
  const std::atomic<std::int32_t>* interrupted = nullptr; // not zero: end training with what there is
  // What the caller hears meanwhile, on its own thread; each may be empty.
  std::function<void(const std::string&)> doing, note;
  std::function<void(const TrainingProgress&)> progress;
  std::function<void(const TrainingResult&)> trained;
};

// A budget of seconds is that of all of it. Throws UserError where the models have not the same data variables, or
// their designs differ, naming the difference.
ModelClassifierFile train_classifier(std::span<const CandidateModel> models, const ClassifierTrainingOptions& options);

// Why data sets of the second model cannot be told to be of the first, as one sentence; "" where they can: other
// variables, types, dimensions, or roles.
std::string different_data(const Facts& first, const std::string& first_name, const Facts& second,
                           const std::string& second_name);

} // namespace sibyl
