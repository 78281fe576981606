// What is said of a classifier over models and of its findings, by `sibyl train`, `sibyl compare` and the prompt alike.
#pragma once

#include "runtime/training/model_classifier.hpp"

#include <span>
#include <string>

namespace sibyl::cli {

// How good it is on fresh simulations, several lines.
std::string describe(const ClassifierCalibration& calibration, double temperature);

// A row for each data set and model, and what the columns are. `by`: what tells the data sets apart, "": one data set.
std::string classification_table(const ModelClassifierFile& file, std::span<const Classification> found,
                                 const std::string& by);

} // namespace sibyl::cli
