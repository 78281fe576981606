#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/library/state.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/predictor.hpp"
#include "runtime/training/train_sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace sibyl {

namespace library {

namespace {

constexpr char density_column[] = "log_density__";

PosteriorDraws to_posterior(const Posterior& posterior, const DataSet& data) {
  const Draws& draws = posterior.draws;
  PosteriorDraws result;
  result.label = draws.label;
  result.verdict = posterior.verdict.text();
  result.is_fine = posterior.verdict.is_fine();
  result.not_checked = posterior.verdict.unchecked;
  if (const auto& check = posterior.verdict.check) {
    result.k_hat = check->k_hat;
    result.effective_size = check->effective_size;
    result.no_evidence = check->no_evidence;
    if (check->log_evidence) {
      result.log_evidence = *check->log_evidence;
      result.log_evidence_error = check->log_evidence_error;
    }
  }
  if (const auto& verification = posterior.verdict.verification; verification && verification->local) {
    result.local_p_value = verification->local->p_value;
    result.local_c2st = verification->local->c2st;
  }
  if (const auto& verification = posterior.verdict.verification; verification && verification->data_unchecked.empty()) {
    result.data_p_value = verification->data.p_value;
    result.data_worst = verification->data.worst;
  }
  result.data = to_arrays(data.variables);
  std::map<std::string, Tensor> tensors;
  for (const DrawsVariable& variable : draws.variables) tensors[variable.name] = variable_draws(draws, variable);
  result.draws = to_arrays(std::move(tensors));
  for (const ColumnSummary& one : summarize(draws))
    result.summaries.push_back({one.column, one.mean, one.sd, one.q5, one.median, one.q95});
  if (!draws.columns.empty() && draws.columns.back() == density_column)
    for (std::size_t row = 0; row < draws.row_count; ++row)
      result.log_density.push_back(draws.at(row, draws.columns.size() - 1));
  return result;
}

// `count` rows: those of `values` at their places, the others missing. `extents`: of one row, where there are no
// values.
Tensor with_missing(const Tensor& values, const std::vector<std::int64_t>& extents,
                    const std::vector<std::size_t>& places, std::size_t count) {
  Tensor result{false, {static_cast<std::int64_t>(count)}, {}};
  if (places.empty()) result.extents.insert(result.extents.end(), extents.begin(), extents.end());
  else result.extents.insert(result.extents.end(), values.extents.begin() + 1, values.extents.end());
  result.values.assign(static_cast<std::size_t>(element_count(result.extents)),
                       std::numeric_limits<double>::quiet_NaN());
  const std::size_t stride = places.empty() ? 0 : values.values.size() / places.size();
  for (std::size_t i = 0; i < places.size(); ++i)
    std::copy_n(values.values.begin() + static_cast<std::ptrdiff_t>(i * stride), stride,
                result.values.begin() + static_cast<std::ptrdiff_t>(places[i] * stride));
  return result;
}

// Data simulated anew, one data set for each draw, so that both have the same number; one that fails is missing.
void predict_each(const std::shared_ptr<const CompiledModel>& model, const DataSet& data, const Draws& draws,
                  std::uint64_t seed, PosteriorDraws& result) {
  std::vector<std::size_t> rows(draws.row_count);
  std::iota(rows.begin(), rows.end(), 0);
  const Prediction prediction = predict(model, data, draws, rows, seed);
  std::map<std::string, Tensor> tensors;
  if (prediction.data.count > 0) tensors = to_tensors(model->facts(), prediction.data);
  if (prediction.left_out.count() > 0) {
    for (const VariableFact& fact : model->facts().variables)
      if (fact.role == Role::observed)
        if (const auto observed = data.variables.find(fact.name); observed != data.variables.end())
          tensors[fact.name] =
              with_missing(tensors[fact.name], observed->second.extents, prediction.places, rows.size());
    const LeftOut& failed = prediction.left_out;
    result.verdict += fmt::format("; {} of {} predictions failed: {}", failed.count(), failed.tried(), failed.first());
    result.is_fine = false;
  }
  result.predictions = to_arrays(std::move(tensors));
}

void add_predictions(const SamplerState& state, const std::vector<DataSet>& data_sets,
                     const std::vector<Posterior>& posteriors, const SamplingSettings& settings,
                     std::vector<PosteriorDraws>& result) {
  const auto& model = state.compiled;
  DataBatch batch = gather(model->facts(), data_sets);
  compute_observed(model, batch);
  const DataBatch complete = complete_for_transform(model->facts(), batch);
  parallel_for(result.size(), thread_count(settings.threads), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      predict_each(model, extract(model->facts(), complete, i), posteriors[i].draws, settings.seed, result[i]);
  });
}

std::vector<PosteriorDraws> sample(const SamplerState& state, const std::vector<DataSet>& data_sets,
                                   const SamplingSettings& settings) {
  if (settings.draws == 0) throw UserError("no draws are asked for");
  if (settings.exact && settings.verify)
    throw UserError("both exact draws and verified ones are asked for: verified ones are exact where they can be");
  const SampleOptions options{.draws = settings.draws,
                              .seed = settings.seed,
                              .with_density = settings.with_log_density,
                              .exact = settings.exact,
                              .exact_seconds = settings.exact_seconds,
                              .threads = thread_count(settings.threads)};
  const std::vector<Posterior> posteriors =
      settings.verify ? state.verifier->verify(data_sets, options) : state.sampler.sample(data_sets, options);
  std::vector<PosteriorDraws> result;
  for (std::size_t i = 0; i < posteriors.size(); ++i) result.push_back(to_posterior(posteriors[i], data_sets[i]));
  if (settings.with_predictions) add_predictions(state, data_sets, posteriors, settings, result);
  return result;
}

std::vector<PosteriorDraws> sample(const SamplerState& state, const ReadResult& read,
                                   const SamplingSettings& settings) {
  if (settings.note)
    for (const std::string& note : read.notes) settings.note(note);
  return sample(state, read.data_sets, settings);
}

} // namespace

std::shared_ptr<const SamplerState> make_sampler_state(SamplerFile file, const Model& model,
                                                       const std::shared_ptr<const CompiledModel>& compiled) {
  PosteriorSampler sampler = make_sampler(compiled, file);
  auto state = std::make_shared<SamplerState>(SamplerState{std::move(file), model, compiled, std::move(sampler)});
  state->verifier = std::make_shared<const Verifier>(state->sampler);
  return state;
}

} // namespace library

Sampler Sampler::load(const std::string& path) {
  SamplerFile file = read_sampler_file(path);
  const Model model = file.model_library.empty() ? Model(file.model_text, file.model_name + ".sib")
                                                 : Model::from_file(file.model_library);
  if (model.text() != file.model_text)
    throw UserError(fmt::format("{} was trained on another version of {}", path, file.model_library));
  return Sampler(library::make_sampler_state(std::move(file), model, model.state_->compiled));
}

void Sampler::save(const std::string& path) const { write_sampler_file(path, state_->file); }
const Model& Sampler::model() const { return state_->model; }
std::string Sampler::calibration() const { return state_->file.calibration.dump(2); }
std::string Sampler::history() const { return state_->file.history.dump(2); }

PosteriorDraws Sampler::sample(const Arrays& data, const SamplingSettings& settings) const {
  return sample_each({data}, settings).front();
}

std::vector<PosteriorDraws> Sampler::sample_each(const std::vector<Arrays>& data_sets,
                                                 const SamplingSettings& settings) const {
  std::vector<DataSet> sets;
  for (const Arrays& data : data_sets) {
    sets.push_back(library::to_model_data(*state_->compiled, data));
    sets.back().label = std::to_string(sets.size());
  }
  return library::sample(*state_, sets, settings);
}

std::vector<PosteriorDraws> Sampler::sample_table(std::string_view csv, const std::string& by,
                                                  const SamplingSettings& settings) const {
  const Facts& facts = state_->compiled->facts();
  return library::sample(*state_, to_data_sets(parse_csv(csv, "the table"), facts, {.by = by}), settings);
}

std::vector<PosteriorDraws> Sampler::sample_file(const std::string& path, const std::string& by,
                                                 const SamplingSettings& settings) const {
  const Facts& facts = state_->compiled->facts();
  return library::sample(*state_, read_data_sets(path, facts, {.by = by}), settings);
}

double Sampler::log_density(const Arrays& data, const Arrays& parameters) const {
  const DataSet data_set = library::to_model_data(*state_->compiled, data);
  const DataSet point = library::to_data_set(parameters);
  for (const auto& variable : state_->compiled->facts().variables)
    if (variable.role == Role::parameter && point.variables.count(variable.name) == 0)
      throw UserError(fmt::format("the parameter `{}` is missing", variable.name));
  return state_->sampler.density_at({&data_set, 1}, {&point, 1}).front();
}

} // namespace sibyl
