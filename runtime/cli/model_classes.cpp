#include "runtime/cli/model_classes.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/terminal/classifier_text.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/terminal/training_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

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
  if (json) fmt::print("{}\n", calibration_json(file).dump(2));
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
  const std::vector<Classification> found = classifier.classify(read.data_sets, request.prior);
  if (!request.json) {
    fmt::print("{}{}", classification_table(classifier.file(), found, request.by),
               describe(classifier.file().calibration, classifier.file().temperature));
    return;
  }
  auto all = nlohmann::ordered_json::array();
  for (const Classification& one : found) {
    auto entries = nlohmann::ordered_json::array();
    for (std::size_t m = 0; m < one.probabilities.size(); ++m)
      entries.push_back({{"model", classifier.file().models[m].name},
                         {"probability", one.probabilities[m]},
                         {"p_value", one.p_values[m]},
                         {"outside", static_cast<bool>(one.outside[m])}});
    all.push_back({{"data", one.label},
                   {"unlike_all", one.is_unlike_all()},
                   {"outside_of_training", one.warnings},
                   {"models", std::move(entries)}});
  }
  fmt::print("{}\n", all.dump(2));
}

} // namespace sibyl::cli
