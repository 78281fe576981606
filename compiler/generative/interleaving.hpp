// Statements that need each other position by position, as a volatility that depends on the last shock:
//
//   for (t in 2:T) s[t] = f(y[t - 1], s[t - 1]);        for (t in 1:T) {
//   y ~ normal(mu, s);                                    if (2 <= t && t <= T) s[t] = f(y[t - 1], s[t - 1]);
//                                                         y[t] ~ normal(mu, s[t]);
//                                                       }
//
// No order of whole statements simulates these; one loop over the positions does, where each position needs only what
// has been made at it or before it. What needs each other at one position (a trial's count of the dog's answers before
// it) is interleaved in a loop within it likewise.
#pragma once

#include "lang/typed.hpp"

#include <optional>
#include <vector>

namespace sibyl::generative {

// Adds the loop variables of `program.simulation.positions`.
void add_positions(typed::Program& program);

// One loop over the positions that does what the statements do, with the declarations among them before it; nothing
// where the text does not show that there is one. `statements` in textual order, all of them on cycles.
std::optional<std::vector<typed::StatementPtr>> interleaved(const std::vector<typed::StatementPtr>& statements,
                                                            const typed::Program& program);

// The element of a container at `position` (counted from 1), taken into elementwise operations so that it needs no
// other element; null where it cannot be. A scalar is its own element.
typed::ExpressionPtr element_of(const typed::ExpressionPtr& container, const typed::ExpressionPtr& position);

} // namespace sibyl::generative
