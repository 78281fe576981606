#include "runtime/cli/sampler_model.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

PosteriorSampler open_sampler(const SamplerFile& file, const std::string& path) {
  const auto model = file.model_library.empty() ? compile_text(file.model_name + ".sib", file.model_text)
                                                : open_model({file.model_library, {}});
  if (model->text() != file.model_text)
    throw UserError(fmt::format("{} was trained on another version of {}", path, file.model_library));
  return make_sampler(model, file);
}

} // namespace sibyl::cli
