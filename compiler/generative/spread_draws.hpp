// Draws of lists are draws of what stands in them:
//
//   [alpha, beta] ~ normal(0, [1, 5]);       alpha ~ normal(0, 1);  beta ~ normal(0, 5);
//   append_row(u, v) ~ std_normal();         u ~ std_normal();  v ~ std_normal();
//
// where the distribution draws number by number. The density is the same before and after.
#pragma once

#include "lang/typed.hpp"

namespace sibyl::generative {

// Changes `program.model`.
void spread_draws(typed::Program& program);

} // namespace sibyl::generative
