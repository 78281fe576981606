#include "runtime/cli/model_classes.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/terminal/training_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl::cli {

namespace {

std::string describe(const ClassifierCalibration& calibration, double temperature) {
  return fmt::format("on {} fresh simulations of all models in equal shares:\n"
                     "accuracy {:.3f}, mean log probability of the true model {:.4f}\n"
                     "expected calibration error {:.3f} (by chance alone {:.3f}), temperature {:.2f}\n",
                     calibration.simulations, calibration.accuracy, calibration.log_score, calibration.expected_error,
                     calibration.expected_error_by_chance, temperature);
}

nlohmann::ordered_json to_json(const ModelClassifierFile& file) {
  auto names = nlohmann::ordered_json::array();
  for (const ClassifiedModel& one : file.models) names.push_back(one.name);
  return {{"models", std::move(names)},
          {"simulations", file.calibration.simulations},
          {"accuracy", file.calibration.accuracy},
          {"log_score", file.calibration.log_score},
          {"expected_calibration_error", file.calibration.expected_error},
          {"expected_calibration_error_by_chance", file.calibration.expected_error_by_chance},
          {"temperature", file.temperature}};
}

std::string remark(const Classification& found) {
  std::vector<std::string> parts;
  if (found.is_unlike_all()) parts.emplace_back("UNLIKE the simulations of all models: the probabilities mean nothing");
  parts.insert(parts.end(), found.warnings.begin(), found.warnings.end());
  return fmt::format("{}", fmt::join(parts, "; "));
}

} // namespace

void train_model_classifier(std::span<const CandidateModel> models, ClassifierTrainingOptions options,
                            const std::string& output, bool json) {
  ProgressLine line;
  std::FILE* out = json ? stderr : stdout;
  options.interrupted = interrupt_flag();
  options.doing = [&](const std::string& what) { line.show(what); };
  options.note = [&](const std::string& note) {
    line.finish();
    fmt::print(out, "{}{}", note, note.ends_with('\n') ? "" : "\n");
  };
  options.progress = [&](const TrainingProgress& at) { line.show(progress_text(at)); };
  options.trained = [&](const TrainingResult& trained) {
    line.finish();
    fmt::print(out, "{}", training_summary(trained));
  };
  const ModelClassifierFile file = train_classifier(models, options);
  line.finish();
  write_model_classifier(output, file);
  if (json) fmt::print("{}\n", to_json(file).dump(2));
  else fmt::print("{}", describe(file.calibration, file.temperature));
  fmt::print(out, "wrote {}\n", output);
}

void compare_by_classifier(const ClassifyRequest& request) {
  ModelClassifierFile file = read_model_classifier(request.file);
  const ClassifiedModel& reference = file.models[file.reference];
  const auto model =
      reference.library.empty() ? compile_text(reference.name, reference.text) : open_model({reference.library, {}});
  if (model->text() != reference.text)
    throw UserError(fmt::format("{} was trained on another version of {}", request.file, reference.library));
  const ReadResult read = read_data_sets(request.data, model->facts(), {.by = request.by});
  for (const std::string& note : read.notes) print_note(note);
  const ModelClassifier classifier(model, std::move(file));
  const std::vector<ClassifiedModel>& models = classifier.file().models;
  std::vector<std::vector<std::string>> rows;
  auto all = nlohmann::ordered_json::array();
  for (const Classification& one : classifier.classify(read.data_sets, request.prior)) {
    auto entries = nlohmann::ordered_json::array();
    for (std::size_t m = 0; m < models.size(); ++m) {
      rows.push_back({m == 0 ? one.label : "", models[m].name, fmt::format("{:.4f}", one.probabilities[m]),
                      one.outside[m] ? "outside" : fmt::format("{:.3f}", one.p_values[m]),
                      m == 0 ? "  " + remark(one) : ""});
      entries.push_back({{"model", models[m].name},
                         {"probability", one.probabilities[m]},
                         {"p_value", one.p_values[m]},
                         {"outside", static_cast<bool>(one.outside[m])}});
    }
    all.push_back({{"data", one.label},
                   {"unlike_all", one.is_unlike_all()},
                   {"outside_of_training", one.warnings},
                   {"models", std::move(entries)}});
  }
  if (request.json) {
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{}", format_table({request.by.empty() ? "data" : request.by, "model", "probability", "p", "  remarks"},
                                rows, 2));
  fmt::print("p: the share of the model's simulations whose summaries lie as far out\n{}",
             describe(classifier.file().calibration, classifier.file().temperature));
}

} // namespace sibyl::cli
