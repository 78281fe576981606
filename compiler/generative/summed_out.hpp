// Latent ints whose values a density can sum over: a local of finitely many values, drawn once, and used only by the
// statements behind its draw.
//
//   int z;  z ~ categorical(theta);  y[n] ~ normal(mu[z], sigma);
//
// has the density  sum over k of theta[k] normal(y[n] | mu[k], sigma):  the statements that depend on z are a part of
// the density that is evaluated for each k. All others stay outside of the sum.
#pragma once

#include "compiler/interface/facts.hpp"
#include "lang/typed.hpp"

#include <map>
#include <optional>
#include <vector>

namespace sibyl::generative {

// What is summed from one draw on.
struct SummedOut {
  typed::Tilde draw;
  typed::VariableId latent = 0;
  std::vector<typed::IndexItem> place; // of an array: loop variables, one for each dimension
  std::size_t dependents = 0;          // statements behind the draw, in its sequence, that are evaluated for each value
  std::vector<typed::VariableId> restored; // numbers that these change: each value starts from what they were
};

struct SumsFound {
  std::map<const typed::Statement*, SummedOut> by_draw;
  std::map<typed::VariableId, Reason> refusals; // of the others: why the data have no density
};

// `latents`, by VariableId: the locals of the model that are drawn.
SumsFound find_sums(const typed::Program& program, const std::vector<bool>& latents);

} // namespace sibyl::generative
