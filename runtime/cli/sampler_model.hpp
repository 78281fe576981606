// A trained sampler from its file, with the model that the file holds compiled or loaded.
#pragma once

#include "runtime/posterior/sampler_file.hpp"

#include <string>

namespace sibyl::cli {

// `path`: what messages call the file. Throws UserError where the model's library has changed since.
PosteriorSampler open_sampler(const SamplerFile& file, const std::string& path);

} // namespace sibyl::cli
