#include "runtime/cli/model_file.hpp"

#include "lang/errors.hpp"
#include "runtime/model/load_library.hpp"
#include "runtime/terminal/terminal.hpp"

#ifdef SIBYL_WITH_COMPILER
#include "compiler/compile.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/given_priors.hpp"
#endif

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sibyl::cli {

std::string read_text(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw UserError(fmt::format("{} is a directory, not a model file", path));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UserError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

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

std::string text_with_priors(const std::string& path, const std::vector<std::string>& priors) {
  return with_priors(Source(path, read_text(path)), priors);
}

#else

std::string text_with_priors(const std::string& path, const std::vector<std::string>&) { return read_text(path); }

std::shared_ptr<CompiledModel> compile_text(const std::string& name, const std::string&) {
  throw UserError(fmt::format("{} is a model text, and this build of Sibyl has no compiler; "
                              "give a library written by `sibyl compile --shared`",
                              name));
}

#endif

std::shared_ptr<CompiledModel> open_model(const std::string& path, const std::vector<std::string>& priors) {
  if (std::filesystem::path(path).extension() == ".so") {
    if (!priors.empty()) throw UserError(fmt::format("--prior changes a model's text, and {} is a library", path));
    return load_compiled_model(path);
  }
  return compile_text(path, text_with_priors(path, priors));
}

void add_prior_option(CLI::App& command, std::vector<std::string>& priors) {
  command
      .add_option(
          "--prior", priors,
          "a prior in the place of the text's own, or where it has none: NAME=DISTRIBUTION, as in \"alpha=normal(0, "
          "10)\"; again for others")
      ->allow_extra_args(false);
}

} // namespace sibyl::cli
