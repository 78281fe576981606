#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "runtime/library/state.hpp"
#include "runtime/model/load_library.hpp"
#include "runtime/model/simulator.hpp"
#include "runtime/training/train_sampler.hpp"
#include "runtime/training/training_interface.hpp"

#ifdef SIBYL_WITH_COMPILER
#include "compiler/compile.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/given_priors.hpp"
#include "lang/powers.hpp"
#endif

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>

namespace sibyl {

namespace library {

#ifdef SIBYL_WITH_COMPILER

std::shared_ptr<const ModelState> compile_text(std::string_view text, const std::string& name) {
  const Source source(name, std::string(text));
  CompileResult result = compile(source, {.cache_directory = jit::default_cache_directory()});
  std::string messages = render(result.diagnostics, {&source}, RenderStyle::plain);
  if (!result.model) throw ModelError(messages);
  return std::make_shared<const ModelState>(ModelState{std::move(result.model), std::move(messages), ""});
}

std::shared_ptr<const ModelState> compile_with_priors(const ModelState& model, const std::vector<std::string>& priors) {
  const std::string& name = model.compiled->name();
  return compile_text(sibyl::with_priors(Source(name, model.compiled->text()), priors), name);
}

std::shared_ptr<const ModelState> compile_with_powers(const ModelState& model, const NoteFunction& note) {
  const std::string& name = model.compiled->name();
  const TextWithPowers found = sibyl::with_powers(Source(name, model.compiled->text()));
  if (note)
    for (const std::string& one : found.notes) note(one);
  return compile_text(found.text, name);
}

#else

std::shared_ptr<const ModelState> compile_with_powers(const ModelState& model, const NoteFunction&) {
  throw UserError(fmt::format("{}: powers change a model's text, and this build of Sibyl has no compiler",
                              model.compiled->name()));
}

std::shared_ptr<const ModelState> compile_with_priors(const ModelState& model, const std::vector<std::string>&) {
  throw UserError(fmt::format("{}: other priors change a model's text, and this build of Sibyl has no compiler",
                              model.compiled->name()));
}

std::shared_ptr<const ModelState> compile_text(std::string_view, const std::string& name) {
  throw UserError(fmt::format("{} is a model text, and this build of Sibyl has no compiler; load a library written by "
                              "`sibyl compile --shared`",
                              name));
}

#endif

namespace {

SamplerTrainingOptions training_options(const CompiledModel& model, const TrainingSettings& settings) {
  SamplerTrainingOptions options;
  options.setup.frame = settings.frame == Frame::prior         ? FrameChoice::prior
                        : settings.frame == Frame::laplace     ? FrameChoice::laplace
                        : settings.frame == Frame::variational ? FrameChoice::variational
                                                               : FrameChoice::automatic;
  if (!(settings.missing_share >= 0 && settings.missing_share <= 0.9))
    throw UserError(fmt::format("the missing share is {}, it must be between 0 and 0.9", settings.missing_share));
  options.setup.missing_share = settings.missing_share;
  options.setup.plan.allows_missing = settings.missing_share > 0;
  options.setup.design = to_design(model, settings.design);
  if (!settings.around.empty()) {
    if (!settings.design.empty()) throw UserError("the design is that of the data to train around: give one of them");
    options.around = to_model_data(model, settings.around);
  }
  options.setup.seed = settings.seed;
  options.setup.threads = thread_count(settings.threads);
  options.setup.interrupted = settings.stop;
  options.setup.plan.networks = settings.networks;
  if (!std::isnan(settings.self_consistency)) options.self_consistency = settings.self_consistency;
  for (std::size_t i = 0; i < settings.real.size(); ++i) {
    options.real.push_back(to_model_data(model, settings.real[i]));
    options.real.back().label = std::to_string(i + 1);
  }
  if (!settings.posterior.empty()) options.family = settings.posterior;
  options.budget = {settings.seconds, settings.steps};
  options.simulations = settings.simulations;
  if (settings.moves < 0) throw UserError("the number of moves must be 0 or more");
  options.moves = settings.moves;
  if (settings.seconds <= 0 && settings.steps <= 0 && settings.simulations <= 0) options.budget = {.seconds = 120};
  options.batch_size = settings.batch_size;
  options.learning_rate = settings.learning_rate;
  options.device = settings.device;
  return options;
}

} // namespace

} // namespace library

Model::Model(std::string_view text, const std::string& name) : state_(library::compile_text(text, name)) {}

Model Model::from_file(const std::string& path, const std::vector<std::string>& include_directories) {
  if (std::filesystem::path(path).extension() == ".so")
    return Model(std::make_shared<const library::ModelState>(
        library::ModelState{load_compiled_model(path), "", std::filesystem::absolute(path).string()}));
  return Model(library::compile_text(read_model_text(path, include_directories), path));
}

const std::string& Model::name() const { return state_->compiled->name(); }
Model Model::with_priors(const std::vector<std::string>& priors) const {
  return Model(library::compile_with_priors(*state_, priors));
}

Model Model::with_powers(const NoteFunction& note) const { return Model(library::compile_with_powers(*state_, note)); }

const std::string& Model::text() const { return state_->compiled->text(); }
const std::string& Model::warnings() const { return state_->warnings; }
bool Model::is_generative() const { return state_->compiled->facts().is_generative; }
bool Model::has_density() const { return state_->compiled->facts().has_density; }
std::string Model::facts() const { return nlohmann::json(state_->compiled->facts()).dump(2); }

std::vector<Variable> Model::variables() const {
  std::vector<Variable> result;
  for (const VariableFact& variable : state_->compiled->facts().variables)
    result.push_back({variable.name, name_of(variable.role), variable.type});
  return result;
}

Simulations Model::simulate(const SimulationSettings& settings) const {
  const auto& compiled = state_->compiled;
  Simulator simulator(compiled, {.threads = library::thread_count(settings.threads),
                                 .design = library::to_design(*compiled, settings.design),
                                 .keep_all = true,
                                 .interrupted = settings.stop});
  const SimulatedBatch batch = simulator.simulate(0, settings.count, settings.seed);
  return {batch.data.count, batch.left_out.count(), batch.left_out.first(),
          library::to_arrays(to_tensors(compiled->facts(), batch.data))};
}

ModelDensity Model::density(const Arrays& data) const {
  return ModelDensity(
      std::make_shared<library::DensityState>(state_->compiled, library::to_model_data(*state_->compiled, data)));
}

void Model::set_training_environment() { sibyl::set_training_environment(); }

Sampler Model::train(const TrainingSettings& settings, const ProgressFunction& progress) const {
  const auto& compiled = state_->compiled;
  SamplerTrainingEvents events;
  if (settings.note)
    events.prepared = [&](const InferenceSetup& setup) {
      settings.note(describe(setup.encoder.plan()));
      for (const std::string& note : setup.notes) settings.note(note);
    };
  if (progress)
    events.progress = [&](const TrainingProgress& at) {
      progress({at.step, at.simulations, at.loss, at.validation_loss, at.seconds, at.seconds_left});
    };
  SamplerTrainingOptions options = library::training_options(*compiled, settings);
  options.model_library = state_->path;
  TrainedSampler trained = train_sampler(compiled, options, events);
  if (settings.note)
    for (const std::string& note : trained.notes) settings.note(note);
  return Sampler(library::make_sampler_state(std::move(trained.file), *this, compiled));
}

} // namespace sibyl
