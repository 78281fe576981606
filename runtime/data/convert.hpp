// From what a file holds to what a model wants: the facts name the data variables, their types, dimensions and sizes.
//
// Every mismatch is a UserError that names the file and the variable, and the row and value where there are such.
// Bounds are not checked here: the compiled model's transform_data does, with the bound's own place in the text.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/data/table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// What is needed of a data set.
enum class Wanted {
  data,        // every data variable: for densities and for sampling
  given_design // what no statement gives: design variables, and variables that have such elements: for simulation
};

// What a data file may hold: observed, design and underlying variables. Observed ones that the model computes may be
// there too (simulations have them).
bool is_data(const VariableFact& variable);
bool may_be_missing(const VariableFact& variable); // single values of it
bool is_wanted(const VariableFact& variable, Wanted wanted);

struct ReadOptions {
  std::string by;               // the column whose values tell data sets apart; "": all rows are one data set
  Wanted wanted = Wanted::data; // variables beyond these are not read
  bool require_observed = true; // false: an observed variable that the file lacks is left out (`--at` checks)
};

bool may_be_absent(const VariableFact& variable, const ReadOptions& options); // as a whole

struct ReadResult {
  std::vector<DataSet> data_sets;
  std::vector<std::string> notes; // for the user: how text was read as levels, which columns were not used
};

// Reads FILE.json, FILE.csv (.tsv, .txt) or FILE.npz.
ReadResult read_data_sets(const std::string& path, const Facts& facts, const ReadOptions& options = {});

// Likewise from a text, JSON (its first character is { or [) or CSV; `name` is what messages call it.
ReadResult parse_data_sets(std::string_view text, const std::string& name, const Facts& facts,
                           const ReadOptions& options = {});

// The rows of a table, split by the `by` column in order of first appearance. A vector takes its column's rows; columns
// `x.1`, `x.2` (or `x[1]`, `x[2]`) are the last dimensions; a scalar takes a constant column; a size without a column
// is the number of rows; text is read as levels 1, 2, ... in alphabetical order over the whole table.
ReadResult to_data_sets(const Table& table, const Facts& facts, const ReadOptions& options = {});

// Checks types, ranks and lengths of named tensors (from JSON, NPZ or code), and gives each the extents it is declared
// with: an empty array gets all its dimensions. Keeps only wanted variables. `file` is what messages call it.
DataSet conform(DataSet data, const Facts& facts, const std::string& file, const ReadOptions& options = {});
// All of a file whose data sets are separate already: `by` has no meaning for them.
ReadResult conform_all(std::vector<DataSet> sets, const Facts& facts, const std::string& file,
                       const ReadOptions& options = {});

// The extent of a dimension as the declaration says, where the data set's variables decide it.
std::optional<std::int64_t> declared_extent(const DimensionFact& dimension, const DataSet& data);

// The candidate that the user most likely meant by a misspelt name; "" when none is near.
std::string nearest_candidate(const std::string& name, const std::vector<std::string>& candidates);

} // namespace sibyl
