#include "runtime/cli/model_with_powers.hpp"

#include "lang/errors.hpp"
#include "runtime/terminal/terminal.hpp"

#ifdef SIBYL_WITH_COMPILER
#include "lang/given_priors.hpp"
#include "lang/powers.hpp"
#endif

#include <fmt/format.h>

#include <filesystem>

namespace sibyl::cli {

std::shared_ptr<CompiledModel> open_model_with_powers(const ModelFile& model,
                                                      [[maybe_unused]] const std::vector<std::string>& priors) {
  if (std::filesystem::path(model.path).extension() == ".so")
    throw UserError(fmt::format("--sensitivity changes a model's text, and {} is a library", model.path));
#ifdef SIBYL_WITH_COMPILER
  const TextWithPowers found =
      with_powers(Source(model.path, with_priors(Source(model.path, read_text(model)), priors)));
  for (const std::string& note : found.notes) print_note(note);
  return compile_text(model.path, found.text);
#else
  return compile_text(model.path, read_text(model));
#endif
}

} // namespace sibyl::cli
