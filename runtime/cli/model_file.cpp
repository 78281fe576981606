#include "runtime/cli/model_file.hpp"

#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "runtime/model/load_library.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#ifdef SIBYL_WITH_COMPILER
#include "compiler/compile.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/given_priors.hpp"
#endif

#include <fmt/format.h>

#include <filesystem>

namespace sibyl::cli {

void add_include_option(Command& command, std::vector<std::string>& directories) {
  command.add_option("-I,--include", directories, "where else to look for files that a text includes")
      .type_name("DIRECTORY")
      .one_at_a_time();
}

void add_model_options(Command& command, ModelFile& model, const std::string& description) {
  command.add_option("model", model.path, description).required();
  add_include_option(command, model.include_directories);
}

std::string read_text(const ModelFile& model) { return read_model_text(model.path, model.include_directories); }

#ifdef SIBYL_WITH_COMPILER

void print_diagnostics(const Diagnostics& diagnostics, const Source& source) {
  if (!diagnostics.empty())
    fmt::print(stderr, "{}\n",
               render(diagnostics, {&source}, stderr_is_terminal() ? RenderStyle::colour : RenderStyle::plain));
}

std::shared_ptr<CompiledModel> compile_text(const std::string& name, const std::string& text) {
  const Source source(name, text);
  CompileResult result = compile(source, {.cache_directory = jit::default_cache_directory()});
  print_diagnostics(result.diagnostics, source);
  if (!result.model) throw AlreadyReported();
  return result.model;
}

std::string text_with_priors(const ModelFile& model, const std::vector<std::string>& priors) {
  return with_priors(Source(model.path, read_text(model)), priors);
}

#else

std::string text_with_priors(const ModelFile& model, const std::vector<std::string>&) { return read_text(model); }

std::shared_ptr<CompiledModel> compile_text(const std::string& name, const std::string&) {
  throw UserError(fmt::format("{} is a model text, and this build of Sibyl has no compiler; "
                              "give a library written by `sibyl compile --shared`",
                              name));
}

#endif

std::shared_ptr<CompiledModel> open_model(const ModelFile& model, const std::vector<std::string>& priors) {
  if (std::filesystem::path(model.path).extension() == ".so") {
    if (!priors.empty())
      throw UserError(fmt::format("--prior changes a model's text, and {} is a library", model.path));
    return load_compiled_model(model.path);
  }
  return compile_text(model.path, text_with_priors(model, priors));
}

void add_prior_option(Command& command, std::vector<std::string>& priors) {
  command
      .add_option(
          "--prior", priors,
          "a prior in the place of the text's own, or where it has none: NAME=DISTRIBUTION, as in \"alpha=normal(0, "
          "10)\"; again for others")
      .one_at_a_time();
}

} // namespace sibyl::cli
