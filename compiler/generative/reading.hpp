// The generative reading of a model text (README.md, "The language"): what every variable is, and in which order the
// statements simulate it.
//
// `x ~ D` draws x where x has no value yet. Statements are put in dependency order: whoever draws a variable comes
// before whoever uses it; statements that assign the same variable keep their textual order.
#pragma once

#include "compiler/generative/computed_data.hpp"
#include "compiler/generative/summed_out.hpp"
#include "compiler/interface/facts.hpp"
#include "lang/typed.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sibyl::generative {

struct Reading {
  std::vector<Role> roles;                // by VariableId; meaningless for locals
  std::vector<bool> is_latent;            // by VariableId: a local that is drawn
  std::vector<bool> is_input;             // by VariableId: a design variable that a data file gives
  std::vector<typed::VariableId> flat;    // parameters that no statement draws, of proper flat density
  ComputedData computed;                  // what is observed through transformed data
  std::set<typed::VariableId> given_once; // the simulation must check that no element gets a value twice
  std::map<typed::VariableId, GivenElements> given_elements; // where not all surely get a value
  std::set<typed::VariableId> point_masses;                  // computed data that have a density nevertheless
  std::map<const typed::Statement*, SummedOut> sums;         // by the draw of a latent whose values a density sums over
  std::optional<Reason> not_generative;
  std::optional<Reason> no_data_simulation; // given the parameters; not by what their priors alone lack
  std::optional<Reason> no_density;
  std::vector<Remark> remarks;
};

Reading read(const typed::Program& program);

// The statements in an order that simulates: stable, so that a text in order stays as it is. Nothing where there is a
// cycle; then `cycle` is a statement on it.
std::optional<std::vector<typed::StatementPtr>> simulation_order(const std::vector<typed::StatementPtr>& statements,
                                                                 const typed::Program& program, const Reading& reading,
                                                                 typed::StatementPtr* cycle = nullptr);

// All statements that a simulation runs, declarations of drawn variables included, in textual order: data (without
// inputs), transformed data (without what is drawn instead), design, parameters, transformed parameters, model.
std::vector<typed::StatementPtr> simulated_statements(const typed::Program& program, const Reading& reading);

// What simulates the data alone, with design and parameters given, in order. Statements on the parameters are among it;
// what they draw or add to the density is to be left out (is_simulated_given_parameters).
std::optional<std::vector<typed::StatementPtr>>
data_simulation_order(const typed::Program& program, const Reading& reading, typed::StatementPtr* cycle = nullptr);

// Transformed data that are computed from observed data, directly or through others: of simulated data they are others.
std::set<typed::VariableId> computed_from_observed(const typed::Program& program, const Reading& reading);

// Whether a draw of the variable is one of data or latents.
bool is_simulated_given_parameters(const Reading& reading, typed::VariableId id);

} // namespace sibyl::generative
