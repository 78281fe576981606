// Which of several models made a data set, learned from simulations of all: posterior probabilities of the models for
// texts with and without a density, amortized over data sets.
//
// A classifier trained with the cross-entropy on simulations of models in equal shares has the posterior probabilities
// under equal priors as its optimum; the Bayes factors that they contain serve any other priors (Elsemüller, Schnuerch,
// Bürkner and Radev 2024, "A deep learning method for comparing Bayesian hierarchical models", Psychological Methods).
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/inputs/input_encoder.hpp"
#include "runtime/networks/network_config.hpp"
#include "runtime/networks/weights.hpp"
#include "runtime/posterior/trained_range.hpp"
#include "runtime/trust/typical_set.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

struct ClassifiedModel {
  std::string name, text, library; // library: its path, where the model came as one
  TypicalSet typical;              // of its simulations' summaries
};

// How good a classifier is on fresh simulations of models in equal shares.
struct ClassifierCalibration {
  std::size_t simulations = 0;
  double accuracy = 0;  // share whose most probable model is theirs
  double log_score = 0; // mean log probability of the true model, nats
  // Mean distance between the probability of the most probable model and how often it is the true one, over 15 bins of
  // that probability (Guo et al. 2017, "On calibration of modern neural networks", ICML); and what it would be on
  // average, by chance alone, were all probabilities right.
  double expected_error = 0, expected_error_by_chance = 0;
};

// All that a file holds.
struct ModelClassifierFile {
  std::vector<ClassifiedModel> models;
  std::size_t reference = 0; // the model whose facts data sets are read by
  InputEncoder encoder;
  NetworkConfig config;
  Weights weights;
  TrainedRange trained_range;
  double temperature = 1; // the networks' logits are divided by it
  ClassifierCalibration calibration;
  nlohmann::json history;
};

void write_model_classifier(const std::string& path, const ModelClassifierFile& file);
// Whether a file says that it is one, damaged or not; false where it cannot be read.
bool is_model_classifier(const std::string& path);
// Throws UserError where it is none, damaged, or of another version.
ModelClassifierFile read_model_classifier(const std::string& path);
ModelClassifierFile parse_model_classifier(std::string_view bytes, const std::string& name); // as messages call them

// What is said of its calibration: the models' names, and the numbers of ClassifierCalibration.
nlohmann::ordered_json calibration_json(const ModelClassifierFile& file);

struct Classification {
  std::string label;
  std::vector<double> probabilities; // of the models, in the file's order
  // How far the data set's summaries lie from each model's simulations: the share of these that lie as far out.
  std::vector<double> p_values;
  std::vector<bool> outside;         // further out than any simulation, by half
  std::vector<std::string> warnings; // what is outside of the range in training

  bool is_unlike_all() const; // rare (p < 0.01) under every model: the probabilities mean nothing then
};

class ModelClassifier {
 public:
  // `reference`: the model that the file says. Throws UserError where the networks want other data than it has.
  ModelClassifier(std::shared_ptr<const CompiledModel> reference, ModelClassifierFile file);

  const ModelClassifierFile& file() const { return file_; }
  const CompiledModel& reference() const { return *reference_; }

  // `prior`: of the models, positive or zero, summing to what it may; empty: equal. Throws UserError where it does not
  // fit, and where a data set has other values than those that were fixed in training.
  std::vector<Classification> classify(std::span<const DataSet> data_sets, std::span<const double> prior = {}) const;

  // The networks' numbers for a batch of the reference's data: [data set][model] and [data set][summary].
  struct Outputs {
    std::vector<double> logits;
    std::vector<float> summaries;
  };
  Outputs evaluate(const DataBatch& batch) const;

 private:
  std::shared_ptr<const CompiledModel> reference_;
  ModelClassifierFile file_;
};

// exp(logits / temperature) prior, normalized.
std::vector<double> to_probabilities(std::span<const double> logits, double temperature, std::span<const double> prior);

// Of probabilities [data set][class] whose true classes are known.
ClassifierCalibration judge_classifier(std::span<const double> probabilities, std::span<const std::size_t> truth,
                                       std::size_t classes);

// The temperature of the least mean negative log probability of the truth, between 1/20 and 20.
double fit_temperature(std::span<const double> logits, std::span<const std::size_t> truth, std::size_t classes);

// The data sets of one model's simulations as another model, which has the same data variables, reads them.
DataBatch read_as(const Facts& reference, const Facts& own, DataBatch batch);

} // namespace sibyl
