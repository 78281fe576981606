// `:compare`: which of several models made the data.
#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "lang/words.hpp"
#include "runtime/repl/commands.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/terminal/classifier_text.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/terminal/training_text.hpp"
#include "runtime/training/train_classifier.hpp"

#include <fmt/format.h>

#include <cctype>
#include <filesystem>

namespace sibyl::repl {

namespace {

constexpr const char* usage = "`:compare OTHER.sib [MORE.sib] [30s] [to models.sibyl]`, or `:compare models.sibyl`";

struct Wanted {
  std::vector<std::string> files;
  std::string time = "30s", output;
};

Wanted parse(std::string_view argument) {
  Wanted result;
  while (!argument.empty()) {
    const std::size_t end = std::min(argument.find_first_of(" \t"), argument.size());
    const std::string word(argument.substr(0, end));
    argument = trimmed(argument.substr(end));
    if (word == "to") {
      if (argument.empty()) throw UserError(fmt::format("which file? {}", usage));
      result.output = std::string(argument);
      break;
    }
    if (std::isdigit(static_cast<unsigned char>(word.front())) && !std::filesystem::exists(word)) result.time = word;
    else result.files.push_back(word);
  }
  return result;
}

std::shared_ptr<const CompiledModel> compile_text(const Workspace& workspace, const std::string& name,
                                                  const std::string& text) {
  const Source source(name, text);
  const CompileResult result = compile(source, {.cache_directory = workspace.surroundings().cache_directory});
  if (result.model) return result.model;
  workspace.show(result.diagnostics, source);
  throw cli::AlreadyReported();
}

std::shared_ptr<const CompiledModel> compile_file(const Workspace& workspace, const std::string& path) {
  return compile_text(workspace, path, read_model_text(path, workspace.surroundings().include_directories));
}

void train_on(Workspace& workspace, const Wanted& wanted) {
  std::vector<CandidateModel> models = {{workspace.model(), workspace.name(), "", {}}};
  for (const std::string& path : wanted.files) models.push_back({compile_file(workspace, path), path, "", {}});
  // What differs is said before designs are asked for that another text's data do not have.
  for (const CandidateModel& one : models)
    if (const std::string found =
            different_data(models[0].model->facts(), models[0].name, one.model->facts(), one.name);
        !found.empty())
      throw UserError(found);
  for (CandidateModel& one : models) one.design = workspace.given_design(*one.model);
  ClassifierTrainingOptions options;
  options.budget.seconds = cli::parse_duration(wanted.time);
  options.missing_share = workspace.settings.missing;
  options.seed = workspace.settings.seed;
  options.threads = workspace.settings.threads;
  options.interrupted = workspace.surroundings().interrupted;
  options.doing = [&](const std::string& what) { workspace.surroundings().progress(what); };
  options.progress = [&](const TrainingProgress& at) { workspace.surroundings().progress(cli::progress_text(at)); };
  options.trained = [&](const TrainingResult& trained) {
    workspace.surroundings().progress("");
    workspace.print(cli::training_summary(trained));
  };
  ModelClassifierFile file = train_classifier(models, options);
  workspace.surroundings().progress("");
  workspace.print(cli::describe(file.calibration, file.temperature));
  const auto reference = models[file.reference].model;
  workspace.classifier = std::make_shared<const ModelClassifier>(reference, std::move(file));
  if (wanted.output.empty()) return;
  write_model_classifier(wanted.output, workspace.classifier->file());
  workspace.print(fmt::format("wrote {}\n", wanted.output));
}

void read(Workspace& workspace, const std::string& path) {
  ModelClassifierFile file = read_model_classifier(path);
  const ClassifiedModel& reference = file.models[file.reference];
  if (!reference.library.empty())
    throw UserError(fmt::format("{} was trained on the library {}; `sibyl compare` reads it", path, reference.library));
  const auto model = compile_text(workspace, reference.name, reference.text);
  workspace.classifier = std::make_shared<const ModelClassifier>(model, std::move(file));
}

} // namespace

void compare(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const Wanted wanted = parse(argument);
  if (wanted.files.empty() && !workspace.classifier) throw UserError(fmt::format("which models? {}", usage));
  if (wanted.files.size() == 1 && is_model_classifier(wanted.files[0])) {
    if (!wanted.output.empty()) throw UserError("these models are in a file already");
    read(workspace, wanted.files[0]);
  } else if (!wanted.files.empty()) {
    for (const std::string& path : wanted.files)
      if (path.ends_with(".sibyl"))
        throw UserError(fmt::format("{} holds no models to compare; write {}. `sibyl compare` compares samplers", path,
                                    usage));
    train_on(workspace, wanted);
  }
  if (!workspace.has_data())
    return workspace.print("`:data FILE` chooses data, and `:compare` tells which of the models made them\n");
  const ModelClassifier& classifier = *workspace.classifier;
  const ChosenData& data = workspace.data();
  const std::string difference =
      different_data(workspace.model()->facts(), workspace.name(), classifier.reference().facts(),
                     classifier.file().models[classifier.file().reference].name);
  if (!difference.empty()) throw UserError(difference);
  workspace.print(cli::classification_table(classifier.file(), classifier.classify(data.sets), data.by));
}

} // namespace sibyl::repl
