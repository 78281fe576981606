// What `sibyl sample` does with a sampler: read the data, draw, print the table, write the draws. A standalone sampler
// (runtime/standalone) does the same with the sampler inside it, under the same options.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace sibyl::cli {

struct SampleDataOptions {
  std::string data, by, output, at;
  std::size_t draws = 4000;
  std::uint64_t seed = 1;
  int threads = 1;
  bool density = false, exact = false, json = false;
};

// The positional argument `data` and all flags. The options must live until the command line is parsed.
void add_sampling_options(CLI::App& command, SampleDataOptions& options);

// Throws UserError where the data or the output are not usable.
void sample_data(const PosteriorSampler& sampler, const SampleDataOptions& options);

} // namespace sibyl::cli
