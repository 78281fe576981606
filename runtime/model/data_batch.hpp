// Many data sets as padded arrays, one per variable of the model: the form between simulator, densities and networks.
//
// Values are doubles whatever the model's types, as in Tensor: 32-bit integers and floats fit exactly, and one form
// means one path for simulated and for real data.
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/data_set.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct VariableBatch {
  bool present = false;
  std::vector<std::int64_t> capacity; // extents of the storage of one data set: the largest of all
  std::vector<std::int32_t> sizes;    // [data set][dimension]
  std::vector<double> values;         // [data set][row-major over capacity]; what lies beyond `sizes` means nothing
  bool is_shared = false;             // `values` has one row, which is every data set's (share_equal_rows)

  // Elements of one data set's storage. Asked for each row: whether they are too many is asked once, by make_room.
  std::size_t stride() const {
    std::size_t count = 1;
    for (const std::int64_t extent : capacity) count *= static_cast<std::size_t>(extent);
    return count;
  }
  std::size_t rank() const { return capacity.size(); }
  std::int32_t size(std::size_t data_set, std::size_t dimension) const { return sizes[data_set * rank() + dimension]; }
  const double* row(std::size_t data_set) const { return values.data() + (is_shared ? 0 : data_set * stride()); }
  double* row(std::size_t data_set) { return values.data() + (is_shared ? 0 : data_set * stride()); }

  // Storage for so many data sets of the present capacity. Throws RuntimeError where no memory holds one.
  void make_room(std::size_t data_sets, double value = 0) {
    values.assign(static_cast<std::size_t>(element_count(capacity)) * data_sets, value);
  }
};

struct DataBatch {
  std::size_t count = 0;
  std::vector<VariableBatch> variables; // one per variable of the facts, in their order
};

// The data sets side by side; variables that a data set lacks must be lacking in all.
DataBatch gather(const Facts& facts, std::span<const DataSet> data_sets);

// Variables some of whose elements a data file may give, where the batch lacks them: without elements, so that a
// simulation can see that nothing is given.
void add_without_elements(const Facts& facts, DataBatch& batch);

// Data set number `index` alone, cut to its sizes, without the variables of other roles than data and, where
// `with_parameters`, parameters.
DataSet extract(const Facts& facts, const DataBatch& batch, std::size_t index, bool with_parameters = false);

// All variables of the batch with the data set as their first dimension, padded with missing values: what write_npz
// takes and read_data_sets reads back.
std::map<std::string, Tensor> to_tensors(const Facts& facts, const DataBatch& batch);

// Variables that are the same in all data sets are kept once from here on: a design of megabytes would otherwise be
// held for each of thousands of simulations.
void share_equal_rows(DataBatch& batch);

// One batch of all, in order, padded to the largest. What is shared in each of them, and the same, stays shared.
DataBatch merge(std::vector<DataBatch> parts);

// The elements of one data set's variable, without padding.
std::vector<double> elements_of(const VariableBatch& variable, std::size_t data_set);

// Drops all data sets but these, which are in order.
void keep_data_sets(DataBatch& batch, std::span<const std::size_t> kept);

} // namespace sibyl
