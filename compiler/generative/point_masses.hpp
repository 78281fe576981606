// Data that the model computes have a density where the computed value is fixed by the data alone: a point mass there,
// which adds nothing to the log density where the data have that value, and minus infinity where they have not
// (`if (z[n] == 1) y[n] = 0; else y[n] ~ poisson(theta);`).
#pragma once

#include "lang/typed.hpp"

#include <set>
#include <vector>

namespace sibyl::generative {

class PointMasses {
 public:
  // `latents`: by VariableId, local variables that are drawn.
  PointMasses(const typed::Program& program, const std::vector<bool>& latents);

  // Whether all that the model assigns to the data variable are point masses. Of reals, the data must also tell where
  // there is one: a mass beside a density, chosen by parameters, is no density.
  bool contain(typed::VariableId id) const { return !refused_.contains(id); }

 private:
  void see(const typed::StatementPtr& statement, bool condition_varies);
  bool varies(const typed::ExpressionPtr& expression) const;
  bool varies(const std::vector<typed::IndexItem>& items) const;

  const typed::Program& program_;
  std::set<typed::VariableId> varying_; // what depends on parameters or latents
  std::set<typed::VariableId> refused_; // data variables
};

} // namespace sibyl::generative
