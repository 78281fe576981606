// What `sibyl sample` does with a sampler: read the data, draw, print the table, write the draws. A standalone sampler
// (runtime/standalone) does the same with the sampler inside it, under the same options.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace sibyl::cli {

class Command; // runtime/terminal/command_line.hpp

struct SampleDataOptions {
  std::string data, by, output, at, time = "30s";
  std::size_t draws = 4000;
  std::uint64_t seed = 1;
  int threads = 1;
  bool density = false, exact = false, json = false;
  bool verifies = false; // whether `draw` of sample_data is a Verifier's
};

// The positional argument `data` and all flags. The options must live until the command line is parsed.
void add_sampling_options(Command& command, SampleDataOptions& options);

using DrawFunction = std::function<std::vector<Posterior>(std::span<const DataSet>, const SampleOptions&)>;

// Throws UserError where the data or the output are not usable, and RuntimeError after an interrupt: what was finished
// until then is printed and written first. `draw`: what draws, PosteriorSampler::sample where it
// is empty.
void sample_data(const PosteriorSampler& sampler, const SampleDataOptions& options, const DrawFunction& draw = {});

} // namespace sibyl::cli
