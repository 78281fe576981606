// Several models at once: a classifier over them, trained and asked.
#pragma once

#include "runtime/training/train_classifier.hpp"

#include <span>
#include <string>
#include <vector>

namespace sibyl::cli {

// `models` by path, of which all are there. Writes `output`; `json`: the calibration on standard output, all else on
// standard error.
void train_model_classifier(std::span<const CandidateModel> models, ClassifierTrainingOptions options,
                            const std::string& output, bool json);

struct ClassifyRequest {
  std::string file, data, by;
  std::vector<double> prior; // of the models; empty: equal
  bool json = false;
};
// Prints a row for each data set and model.
void compare_by_classifier(const ClassifyRequest& request);

} // namespace sibyl::cli
