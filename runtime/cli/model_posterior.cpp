#include "runtime/cli/model_posterior.hpp"

#include "runtime/cli/model_file.hpp"
#include "runtime/cli/sampler_model.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace sibyl::cli {

namespace {

WeightedPosterior run_chains(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                             const PosteriorRequest& request) {
  mcmc::ModelChainsOptions options;
  options.draws = std::max<std::size_t>(1, request.draws / options.chains);
  options.seed = request.seed;
  options.threads = request.threads;
  options.interrupted = interrupt_flag();
  const mcmc::ModelChains chains = mcmc::sample_chains(model, data, options);
  for (const std::string& warning :
       mcmc::report(chains, model->facts(), options, Outputs::parameters, request.threads).warnings)
    print_note(data.label.empty() ? warning : "data set " + data.label + ": " + warning);
  WeightedPosterior result;
  result.draws = chains.draws.front();
  for (std::size_t i = 1; i < chains.draws.size(); ++i) {
    result.draws.values.insert(result.draws.values.end(), chains.draws[i].values.begin(), chains.draws[i].values.end());
    result.draws.row_count += chains.draws[i].row_count;
  }
  result.draws.label = data.label;
  const DataBatch batch = mcmc::prepare_data(model, data);
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  // The chains' draws as the model declares them, back in the space that they were made in.
  for (std::size_t row = 0; row < result.draws.row_count; ++row) {
    DataSet both = extract(model->facts(), batch, 0);
    for (const DrawsVariable& variable : result.draws.variables) {
      const int v = model->facts().find(variable.name);
      if (v < 0 || model->facts().variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
      Tensor tensor{false, variable.extents, {}};
      tensor.values.resize(static_cast<std::size_t>(element_count(variable.extents)));
      for (std::size_t i = 0; i < tensor.values.size(); ++i)
        tensor.values[row_major_position(i, variable.extents)] = result.draws.at(row, variable.first_column + i);
      both.variables[variable.name] = std::move(tensor);
    }
    const std::vector<double> point = transform.unconstrain(gather(model->facts(), std::span(&both, 1)), 0);
    result.unconstrained.insert(result.unconstrained.end(), point.begin(), point.end());
  }
  return result;
}

} // namespace

void add_file_and_data(Command& command, PosteriorRequest& request) {
  command.add_option("file", request.file, "sampler file, or model (.sib, .stan, .so), which is sampled by chains")
      .required();
  command.add_option("data", request.data, "data: Stan JSON, CSV or NPZ").required();
  add_include_option(command, request.include_directories);
}

void add_request_options(Command& command, PosteriorRequest& request) {
  request.threads = default_threads();
  command.add_option("--by", request.by, "the column whose values tell data sets apart");
  command.add_option("-n,--draws", request.draws, "draws for each data set").shows_default().between(100, 10000000);
  command.add_option("--seed", request.seed, "random seed").shows_default();
  command.add_option("--threads", request.threads, "number of threads").shows_default();
  command.add_flag("--json", request.json, "the table as JSON");
}

SampleOptions sampling_options(const PosteriorRequest& request) {
  return {.draws = request.draws, .seed = request.seed, .threads = request.threads, .interrupted = interrupt_flag()};
}

ModelPosteriors open_request(const PosteriorRequest& request) {
  ModelPosteriors result;
  const std::string ending = std::filesystem::path(request.file).extension();
  result.by_chains = ending == ".sib" || ending == ".stan" || ending == ".so";
  if (result.by_chains) {
    result.model = open_model({request.file, request.include_directories});
    result.name = result.model->name();
  } else {
    const SamplerFile file = read_sampler_file(request.file);
    result.sampler = open_sampler(file, request.file);
    result.model = result.sampler->shared_model();
    result.name = file.model_name;
  }
  ReadResult found = read_data_sets(request.data, result.model->facts(), {.by = request.by});
  for (const std::string& note : found.notes) print_note(note);
  result.data_sets = std::move(found.data_sets);
  return result;
}

ModelPosteriors find_posteriors(const PosteriorRequest& request) {
  ModelPosteriors result = open_request(request);
  if (result.by_chains)
    for (const DataSet& data : result.data_sets) result.posteriors.push_back(run_chains(result.model, data, request));
  else result.posteriors = weigh_posteriors(*result.sampler, result.data_sets, sampling_options(request));
  return result;
}

} // namespace sibyl::cli
