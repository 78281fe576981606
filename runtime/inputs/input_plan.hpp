// Which networks read which variables: the facts' decision table (exchangeable rows: a set network; sequences: a
// sequence network; fixed values: none or a residual network), made once per sampler, printed, stored with it, and
// overridable.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/model/data_batch.hpp"
#include "runtime/networks/catalogue.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sibyl {

// How a value becomes inputs of a network.
enum class Encoding {
  value,     // one number
  size,      // the logarithm of an integer
  indicators // integers of a small range: one number per level, or one alone where there are two levels
};

// One value of each data set (or of each of its rows).
struct InputColumn {
  std::string variable;
  std::vector<std::int64_t> element; // 0-based subscripts; in a source of rows those behind the row's
  Encoding encoding = Encoding::value;
  std::int64_t first_level = 0, level_count = 0; // indicators
  bool observed = false;                         // may be missing
  double center = 0, scale = 1;                  // value: of the pilot simulations, robust

  // How many inputs, not counting the one that tells a missing value.
  std::size_t width() const {
    return encoding == Encoding::indicators && level_count > 2 ? static_cast<std::size_t>(level_count) : 1;
  }
};

// What one summary network reads. A source of fixed values is a single row.
struct InputSource {
  std::string network = "set"; // a name of the catalogue
  std::string size;            // of its rows, as written: "N"
  std::string reason;
  std::vector<InputColumn> columns;

  RowOrder order() const { return find_summary_network(network).reads; }
};

struct InputPlan {
  std::vector<InputColumn> direct; // straight into the posterior network
  std::vector<InputSource> sources;
  bool allows_missing = false;    // every observed column has an input that tells whether it is missing
  std::vector<std::string> notes; // what the user should know about a choice
};

struct PlanOptions {
  bool allows_missing = false;
  std::map<std::string, std::string> networks; // by variable: the network of the source that reads it
  std::size_t largest_direct = 64;             // fixed values up to this many need no summary network
  std::int64_t largest_level_count = 64;       // integers of a larger range are numbers
};

// `pilot`: simulated data sets, which tell what varies and on what scale. Throws UserError where no network here can
// read a variable, and says which.
InputPlan make_input_plan(const Facts& facts, const DataBatch& pilot, const PlanOptions& options = {});

// One line per source and one for the direct inputs, for people.
std::string describe(const InputPlan& plan);

void to_json(nlohmann::json& json, const InputPlan& plan);
void from_json(const nlohmann::json& json, InputPlan& plan);

} // namespace sibyl
