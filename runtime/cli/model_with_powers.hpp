// A model text whose prior and likelihood are raised to powers that the data give (lang/powers.hpp).
#pragma once

#include "runtime/cli/model_file.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl::cli {

// As open_model does; prints which statements are not raised. Throws UserError for a library.
std::shared_ptr<CompiledModel> open_model_with_powers(const ModelFile& model, const std::vector<std::string>& priors);

} // namespace sibyl::cli
