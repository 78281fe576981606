// What the commands of the exact methods share: a model, one data set, where the method begins, what is printed.
#pragma once

#include "runtime/cli/model_file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sibyl::cli {

class Command; // runtime/terminal/command_line.hpp

struct ExactRequest {
  ModelFile model;
  std::string data, output, init = "2";
  std::vector<std::string> priors;
  bool json = false, all = false;
};

// The model with its priors, and the data.
void add_model_and_data(Command& command, ExactRequest& request);
// --init, --seed, --all, --json. `beginning`: "where chains begin", `for_each`: "; an array: one object for each
// chain".
void add_exact_options(Command& command, ExactRequest& request, std::uint64_t& seed, const std::string& beginning,
                       const std::string& for_each);
void add_threads_option(Command& command, int& threads);

} // namespace sibyl::cli
