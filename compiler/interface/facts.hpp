// What the compiler proved about a model: the one description that everything downstream decides from.
//
// The compiler fills it (compiler/facts/), `sibyl check` prints it, and it travels as JSON inside every compiled model,
// so that the runtime needs no compiler to know what a model's variables are, which summary network suits its data, and
// what can be checked about its posterior.
#pragma once

#include "lang/source.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sibyl {

// underlying: data that the model sees only through transformed data that it draws; simulation gives them no values.
enum class Role { parameter, transformed_parameter, observed, design, underlying, transformed_data, generated };

// How the model treats the positions of a dimension.
// exchangeable: the joint density is invariant under permuting it, together with all dimensions of the same plate;
// sequential: a value depends on earlier ones, or on a state carried along; fixed: neither.
enum class DimensionKind { exchangeable, sequential, fixed };
// In words, as messages and tables name them.
const char* name_of(Role role);
const char* name_of(DimensionKind kind);

// Elements of a data variable that no statement gives a value to are design, from a data file: surely some, or the text
// does not tell whether there are any.
enum class GivenElements { none, perhaps, some };

struct DimensionFact {
  std::string size;                          // as written: "N", "2", "N - 1"
  std::optional<std::int64_t> constant_size; // where it is a constant
  DimensionKind kind = DimensionKind::fixed;
  std::string reason; // one clause: "iterations of the loop over n are independent"
  int plate = -1;     // index into Facts::plates, -1: in none
};

// Dimensions that are indexed together: permuting one permutes all.
struct Plate {
  std::string size;          // as written: "N"
  int parent = -1;           // the plate that this one is nested in, -1: none
  std::string size_variable; // the data variable that is its size, "" when it is an expression
};

struct VariableFact {
  std::string name;
  Role role = Role::design;
  bool is_integer = false;
  int array_rank = 0;                                   // array dimensions
  std::string base;                                     // "int", "real", "vector", "row_vector", "matrix"
  std::string type;                                     // as written: "array[N] vector<lower=0>[K]"
  std::vector<DimensionFact> dimensions;                // arrays' first
  std::string transform = "identity";                   // the constraint's file in stdlib/transforms/: "simplex"
  bool is_constrained_type = false;                     // it is transformed as a whole, each element of an array of it
  std::string lower, upper;                             // bounds as written, "" when absent
  std::optional<double> constant_lower, constant_upper; // where they are constants
  bool has_design_distribution = false;                 // design: drawn anew for each simulated data set
  bool is_computed = false;                             // observed: by the transformed data, from underlying data
  bool is_size = false;                                 // some variable's extent depends on it
  GivenElements given_elements = GivenElements::none;
  std::string unconstrained_size; // parameters: how many unconstrained numbers, as an expression of the data
  std::string varies_with;        // parameters: the design variable that is drawn anew for each data set and that the
                                  // size depends on, "" where all data sets have the same size
  bool only_generated = false;    // data: nothing but generated quantities depends on it
  bool has_late_bound = false;    // parameters: a bound depends on data that are drawn given the parameter
  Span span;                      // the declaration
  Span drawn;                     // parameters, data: the first statement that gives it values in a simulation
};

// Why something is not so: the statement that decides and one sentence; empty sentence: it is so.
struct Reason {
  Span span;
  std::string text;
};

// A way in which the simulated joint differs from Stan's density reading, worth telling the user.
struct Remark {
  Span span;
  std::string text;
};

struct Facts {
  std::vector<VariableFact> variables; // in order of declaration; locals (latents) are not among them
  std::vector<Plate> plates;
  std::vector<std::string> latents; // local variables that are drawn: simulation integrates them out, a density sums
  bool is_generative = true;
  Reason not_generative;
  bool simulates_data = true; // given the parameters: so is what lacks a prior alone
  Reason no_data_simulation;
  bool has_density = true;
  Reason no_density;
  bool allows_single_precision = false; // simulation in float is good enough for this text
  Reason needs_double;                  // why not
  std::vector<Remark> remarks;

  int find(const std::string& name) const; // index into variables, or -1
  // The first parameter with a bound that depends on data which are drawn given it; null where there is none.
  const VariableFact* with_late_bound() const;
};

void to_json(nlohmann::json& json, const Facts& facts);
void from_json(const nlohmann::json& json, Facts& facts);

} // namespace sibyl
