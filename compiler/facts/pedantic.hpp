// Advice on a text that is right: what often is a mistake, or makes inference hard. `sibyl check --pedantic` gives it.
//
// After the pedantic mode of Stan's compiler (Stan user's guide, "Pedantic mode"): parameters that are unused, without
// a prior or with several; priors whose support is not what the parameter's bounds say; hard bounds and uniform priors;
// constants that a distribution cannot have, or far from unit scale; branches on parameters; nonlinear left sides
// without their Jacobian. (Division of integers is always told.)
#pragma once

#include "compiler/generative/reading.hpp"
#include "lang/diagnostic.hpp"

namespace sibyl {

// Warnings, sorted by place.
Diagnostics pedantic_advice(const typed::Program& program, const generative::Reading& reading);

} // namespace sibyl
