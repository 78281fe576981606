// A text whose prior and likelihood are raised to powers that the data give: `prior_power` and `likelihood_power`, both
// one where a data set says nothing of them. A sampler of such a text answers for all powers between 0.5 and 2
// (Elsemüller, Olischläger, Schmitt, Bürkner, Köthe and Radev 2024, "Sensitivity-aware amortized Bayesian inference",
// TMLR), also where there is no density to reweight draws by.
//
// How a distribution looks to a power p is in its own file of stdlib/distributions/, as the first line of
// its body,
//   //^ normal(mu, sigma / sqrt(p)); sigma
// where the names behind the semicolon are arguments that the constant of proportionality depends on: where one of them
// is not given by the data, the density to a power is not one of the family's, and the statement stays as it is.
#pragma once

#include "lang/source.hpp"

#include <string>
#include <vector>

namespace sibyl {

inline constexpr const char* prior_power_name = "prior_power";
inline constexpr const char* likelihood_power_name = "likelihood_power";

struct TextWithPowers {
  std::string text;
  bool has_prior = false, has_likelihood = false; // at least one statement of it is raised
  std::vector<std::string> notes;                 // which statements are not, and why
};

// The text is edited, so that all that is made of it shows the model that was used; its lines stay where they are. A
// text that cannot be parsed comes back as it is: compiling it says why. Throws UserError where no statement can be
// raised, or one of the names is taken.
TextWithPowers with_powers(const Source& source);

} // namespace sibyl
