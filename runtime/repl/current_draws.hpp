// The draws that expressions and plots are about: of the prior, with the data that go with each draw, or of one data
// set's posterior.
#pragma once

#include "runtime/model/simulator.hpp"
#include "runtime/posterior/posterior_sampler.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::repl {

struct CurrentDraws {
  std::shared_ptr<const CompiledModel> model;
  std::string text;   // of the model, canonical
  std::string origin; // "1000 draws from the prior"
  bool is_prior = false;
  std::size_t count = 0;
  DataBatch varying; // one "data set" for each draw
  DataBatch fixed;   // one data set: what all draws share; without variables where there is nothing

  // Where variable number v has its values; null: it has none.
  const VariableBatch* find(std::size_t v) const;
  // The variable's values in a draw, in row-major order of its extents there.
  std::vector<double> values(std::size_t v, std::size_t draw) const;
  std::vector<std::int64_t> extents(std::size_t v, std::size_t draw) const;
};

struct PriorDraws {
  CurrentDraws draws;
  LeftOut left_out; // of the simulations
  LeftOut failed;   // draws without generated quantities
};

// Parameters, data and all that is computed from them, generated quantities too. Throws as Simulator does.
PriorDraws draw_prior(std::shared_ptr<const CompiledModel> model, std::size_t count, std::uint64_t seed,
                      const SimulatorOptions& options);

CurrentDraws posterior_draws(std::shared_ptr<const CompiledModel> model, const DataSet& data, const Draws& draws,
                             std::string origin);

} // namespace sibyl::repl
