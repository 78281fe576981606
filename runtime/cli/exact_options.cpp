#include "runtime/cli/exact_options.hpp"

#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/options.hpp"

namespace sibyl::cli {

void add_model_and_data(Command& command, ExactRequest& request) {
  add_model_options(command, request.model, "model text, or library (.so)");
  add_prior_option(command, request.priors);
  command.add_option("data", request.data, "data: Stan JSON, CSV or NPZ");
}

void add_exact_options(Command& command, ExactRequest& request, std::uint64_t& seed, const std::string& beginning,
                       const std::string& for_each) {
  command
      .add_option("--init", request.init,
                  beginning +
                      ": a radius R (unconstrained parameters uniform between -R and R), or a JSON file of "
                      "parameters" +
                      for_each)
      .shows_default();
  command.add_option("--seed", seed, "random seed").shows_default();
  command.add_flag("--all", request.all, "also transformed parameters and generated quantities in the table");
  command.add_flag("--json", request.json, "the table as JSON");
}

void add_threads_option(Command& command, int& threads) {
  threads = default_threads();
  command.add_option("--threads", threads, "number of threads").shows_default();
}

} // namespace sibyl::cli
