// What a sampler was trained for, beyond its networks: the design values that were the same in all of training, and the
// ranges of the sizes, the design values and the observed values that varied. A posterior for other values is a wrong
// answer that looks right.
#pragma once

#include "runtime/model/data_batch.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sibyl {

class TrainedRange {
 public:
  TrainedRange() = default;
  // `design`: what training was given; `pilot`: simulated data sets.
  TrainedRange(const Facts& facts, const std::optional<DataSet>& design, const DataBatch& pilot);

  // What is outside of the range that training saw, one sentence each: the sampler extrapolates there. Throws UserError
  // where a value differs from one that was fixed in training, naming both. `label`: what the message calls the data
  // set, "" where there is only one.
  std::vector<std::string> check(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                                 const std::string& label) const;

  friend void to_json(nlohmann::json& json, const TrainedRange& range);
  friend void from_json(const nlohmann::json& json, TrainedRange& range);

 private:
  struct Interval {
    std::string variable;
    int dimension; // whose extent; scalar_value or element_values
    double low, high;
  };
  static constexpr int scalar_value = -1, element_values = -2;
  // An interval of all elements of a variable, of those that are numbers; nothing where there are none.
  static std::optional<Interval> range_of_elements(const std::string& name, const VariableBatch& variable,
                                                   std::size_t first, std::size_t count);
  std::vector<Interval> intervals_;
  DataSet fixed_;
};

// A data set's values, whatever they are: JSON has no infinite numbers of its own.
nlohmann::json data_set_to_json(const DataSet& set);
DataSet data_set_from_json(const nlohmann::json& json);

} // namespace sibyl
