// A model given on the command line: a text (.sib, .stan), compiled just in time, or a library that `sibyl compile
// --shared` wrote.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "lang/diagnostic.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl::cli {

class Command; // runtime/terminal/command_line.hpp

// The model that a command is given, and where else to look for the files that it includes.
struct ModelFile {
  std::string path;
  std::vector<std::string> include_directories;
};
// -I, and with the model's own argument.
void add_include_option(Command& command, std::vector<std::string>& directories);
void add_model_options(Command& command, ModelFile& model, const std::string& description);

// The whole text, with what it includes. Throws UserError naming the file where it cannot be read.
std::string read_text(const ModelFile& model);

// On standard error, with colour on a terminal.
void print_diagnostics(const Diagnostics& diagnostics, const Source& source);

// Prints the diagnostics of a text (warnings too) and throws AlreadyReported when it has errors. `priors`, as
// lang/given_priors.hpp has them, take the place of the text's own; UserError for a library.
std::shared_ptr<CompiledModel> open_model(const ModelFile& model, const std::vector<std::string>& priors = {});

// --prior NAME=DISTRIBUTION, any number of times.
void add_prior_option(Command& command, std::vector<std::string>& priors);

// Compiles a text that came inside a sampler file; `name` is what messages call it.
std::shared_ptr<CompiledModel> compile_text(const std::string& name, const std::string& text);

} // namespace sibyl::cli
