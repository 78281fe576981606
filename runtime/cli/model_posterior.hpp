// Posteriors for commands that take a trained sampler or a model: from the sampler's draws, or by Markov chains.
#pragma once

#include "runtime/criticism/weighted_posterior.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::cli {

class Command; // runtime/terminal/command_line.hpp

struct ModelPosteriors {
  std::string name; // of the model
  std::shared_ptr<const CompiledModel> model;
  std::vector<DataSet> data_sets;
  std::optional<PosteriorSampler> sampler; // where it is not `by_chains`
  std::vector<WeightedPosterior> posteriors;
  bool by_chains = false;
};

struct PosteriorRequest {
  std::string file, data, by;
  std::size_t draws = 4000;
  std::uint64_t seed = 1;
  int threads = 1;
  bool json = false;                            // what is printed
  std::vector<std::string> include_directories; // for what a model's text includes
};
// The sampler or model and its data, and where included files are.
void add_file_and_data(Command& command, PosteriorRequest& request);
// --by, --draws, --seed, --threads, --json.
void add_request_options(Command& command, PosteriorRequest& request);


// `file`: a sampler, or a model (.sib, .stan, .so), for whose data sets the No-U-Turn sampler is run. Verdicts of
// chains say in words what is wrong with them. Throws UserError where the model has no density.
ModelPosteriors find_posteriors(const PosteriorRequest& request);
// The same without posteriors.
ModelPosteriors open_request(const PosteriorRequest& request);
SampleOptions sampling_options(const PosteriorRequest& request);

} // namespace sibyl::cli
