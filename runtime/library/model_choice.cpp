#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/library/state.hpp"
#include "runtime/training/train_classifier.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sibyl {

namespace library {

struct ModelChoiceState {
  std::vector<std::string> names;
  ModelClassifier classifier;

  explicit ModelChoiceState(ModelClassifier of) : classifier(std::move(of)) {
    for (const ClassifiedModel& one : classifier.file().models) names.push_back(one.name);
  }
};

namespace {

std::vector<ModelProbabilities> compare(const ModelChoiceState& state, std::span<const DataSet> data_sets,
                                        const std::vector<double>& prior) {
  std::vector<ModelProbabilities> result;
  for (Classification& found : state.classifier.classify(data_sets, prior)) {
    ModelProbabilities one;
    one.is_unlike_all = found.is_unlike_all();
    one.label = std::move(found.label);
    one.probabilities = std::move(found.probabilities);
    for (std::size_t m = 0; m < found.p_values.size(); ++m)
      one.p_values.push_back(found.outside[m] ? 0 : found.p_values[m]);
    one.warnings = std::move(found.warnings);
    result.push_back(std::move(one));
  }
  return result;
}

std::vector<ModelProbabilities> compare(const ModelChoiceState& state, const ReadResult& read,
                                        const std::vector<double>& prior, const NoteFunction& note) {
  if (note)
    for (const std::string& one : read.notes) note(one);
  return compare(state, read.data_sets, prior);
}

} // namespace

} // namespace library

ModelChoice ModelChoice::train(const std::vector<Model>& models, const ModelChoiceSettings& settings,
                               const ProgressFunction& progress) {
  if (models.size() < 2) throw UserError("there are no several models to choose from");
  if (!(settings.missing_share >= 0 && settings.missing_share <= 0.9))
    throw UserError(fmt::format("the missing share is {}, it must be between 0 and 0.9", settings.missing_share));
  std::vector<CandidateModel> candidates;
  for (const Model& model : models) {
    CandidateModel one;
    one.model = model.state_->compiled;
    one.library = model.state_->path;
    // Models of texts have one name, where they were given none.
    const auto has_name = [&](const std::string& name) {
      return std::ranges::find(candidates, name, &CandidateModel::name) != candidates.end();
    };
    one.name = model.name();
    for (int number = 2; has_name(one.name); ++number) one.name = fmt::format("{} ({})", model.name(), number);
    one.design = library::to_design(*one.model, settings.design);
    candidates.push_back(std::move(one));
  }
  ClassifierTrainingOptions options;
  options.budget = {settings.seconds, settings.steps};
  if (settings.seconds <= 0 && settings.steps <= 0) options.budget = {.seconds = 120};
  if (settings.batch_size > 0) options.batch_size = settings.batch_size;
  options.learning_rate = settings.learning_rate;
  options.missing_share = settings.missing_share;
  options.networks = settings.networks;
  options.seed = settings.seed;
  options.threads = library::thread_count(settings.threads);
  options.device = settings.device;
  options.interrupted = settings.stop;
  options.note = settings.note;
  if (progress)
    options.progress = [&](const TrainingProgress& at) {
      progress({at.step, at.simulations, at.loss, at.validation_loss, at.seconds, at.seconds_left});
    };
  ModelClassifierFile file = train_classifier(candidates, options);
  const auto reference = candidates[file.reference].model;
  return ModelChoice(
      std::make_shared<const library::ModelChoiceState>(ModelClassifier(reference, std::move(file))));
}

ModelChoice ModelChoice::load(const std::string& path) {
  ModelClassifierFile file = read_model_classifier(path);
  const ClassifiedModel& reference = file.models[file.reference];
  const Model model =
      reference.library.empty() ? Model(reference.text, reference.name) : Model::from_file(reference.library);
  if (model.text() != reference.text)
    throw UserError(fmt::format("{} was trained on another version of {}", path, reference.library));
  return ModelChoice(
      std::make_shared<const library::ModelChoiceState>(ModelClassifier(model.state_->compiled, std::move(file))));
}

void ModelChoice::save(const std::string& path) const { write_model_classifier(path, state_->classifier.file()); }
const std::vector<std::string>& ModelChoice::models() const { return state_->names; }
std::string ModelChoice::calibration() const { return calibration_json(state_->classifier.file()).dump(2); }

ModelProbabilities ModelChoice::compare(const Arrays& data, const std::vector<double>& prior) const {
  return compare_each({data}, prior).front();
}

std::vector<ModelProbabilities> ModelChoice::compare_each(const std::vector<Arrays>& data_sets,
                                                          const std::vector<double>& prior) const {
  std::vector<DataSet> sets;
  for (const Arrays& data : data_sets) {
    sets.push_back(library::to_model_data(state_->classifier.reference(), data));
    sets.back().label = std::to_string(sets.size());
  }
  return library::compare(*state_, sets, prior);
}

std::vector<ModelProbabilities> ModelChoice::compare_table(std::string_view csv, const std::string& by,
                                                           const std::vector<double>& prior,
                                                           const NoteFunction& note) const {
  const Facts& facts = state_->classifier.reference().facts();
  return library::compare(*state_, to_data_sets(parse_csv(csv, "the table"), facts, {.by = by}), prior, note);
}

std::vector<ModelProbabilities> ModelChoice::compare_file(const std::string& path, const std::string& by,
                                                          const std::vector<double>& prior,
                                                          const NoteFunction& note) const {
  const Facts& facts = state_->classifier.reference().facts();
  return library::compare(*state_, read_data_sets(path, facts, {.by = by}), prior, note);
}

} // namespace sibyl
