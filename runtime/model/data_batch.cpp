#include "runtime/model/data_batch.hpp"

#include "lang/errors.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace sibyl {

namespace {

std::span<const std::int32_t> sizes_of(const VariableBatch& variable, std::size_t data_set) {
  return {variable.sizes.data() + data_set * variable.rank(), variable.rank()};
}

// Whether both have one row for all data sets, the same one.
bool share_a_row(const VariableBatch& a, const VariableBatch& b) {
  return a.is_shared && b.is_shared && a.capacity == b.capacity && std::ranges::equal(sizes_of(a, 0), sizes_of(b, 0)) &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0;
}

} // namespace

DataBatch gather(const Facts& facts, std::span<const DataSet> data_sets) {
  DataBatch batch;
  batch.count = data_sets.size();
  batch.variables.resize(facts.variables.size());
  for (std::size_t v = 0; v < facts.variables.size() && !data_sets.empty(); ++v) {
    const std::string& name = facts.variables[v].name;
    VariableBatch& variable = batch.variables[v];
    variable.present = data_sets[0].variables.count(name) > 0;
    if (!variable.present) continue;
    variable.capacity.assign(facts.variables[v].dimensions.size(), 0);
    for (const DataSet& set : data_sets) {
      const auto found = set.variables.find(name);
      if (found == set.variables.end() || found->second.extents.size() != variable.rank())
        throw InternalError("data set " + set.label + " does not conform to the model: " + name);
      for (std::size_t d = 0; d < variable.rank(); ++d) {
        variable.capacity[d] = std::max(variable.capacity[d], found->second.extents[d]);
        variable.sizes.push_back(static_cast<std::int32_t>(found->second.extents[d]));
      }
    }
    variable.make_room(batch.count);
    for (std::size_t i = 0; i < batch.count; ++i) {
      const Tensor& tensor = data_sets[i].variables.at(name);
      double* row = variable.row(i);
      for_each_element(sizes_of(variable, i), variable.capacity,
                       [&](std::size_t compact, std::size_t padded) { row[padded] = tensor.values[compact]; });
    }
  }
  return batch;
}

void add_without_elements(const Facts& facts, DataBatch& batch) {
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    VariableBatch& variable = batch.variables[v];
    const std::size_t rank = facts.variables[v].dimensions.size();
    if (facts.variables[v].given_elements == GivenElements::none || variable.present) continue;
    variable.present = true;
    variable.capacity.assign(rank, 0);
    variable.sizes.assign(batch.count * rank, 0);
    variable.make_room(batch.count, std::numeric_limits<double>::quiet_NaN());
  }
}

DataSet extract(const Facts& facts, const DataBatch& batch, std::size_t index, bool with_parameters) {
  DataSet set;
  set.label = std::to_string(index + 1);
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableFact& fact = facts.variables[v];
    const VariableBatch& variable = batch.variables[v];
    const bool is_wanted = is_data(fact) || (with_parameters && fact.role == Role::parameter);
    if (!variable.present || !is_wanted) continue;
    const auto sizes = sizes_of(variable, index);
    Tensor tensor{fact.is_integer, {sizes.begin(), sizes.end()}, {}};
    tensor.values.resize(static_cast<std::size_t>(element_count(tensor.extents)));
    const double* row = variable.row(index);
    for_each_element(sizes, variable.capacity,
                     [&](std::size_t compact, std::size_t padded) { tensor.values[compact] = row[padded]; });
    set.variables[fact.name] = std::move(tensor);
  }
  return set;
}

std::map<std::string, Tensor> to_tensors(const Facts& facts, const DataBatch& batch) {
  std::map<std::string, Tensor> result;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    const VariableBatch& variable = batch.variables[v];
    if (!variable.present) continue;
    Tensor tensor{facts.variables[v].is_integer, {static_cast<std::int64_t>(batch.count)}, {}};
    tensor.extents.insert(tensor.extents.end(), variable.capacity.begin(), variable.capacity.end());
    tensor.values.assign(batch.count * variable.stride(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < batch.count; ++i)
      for_each_element(sizes_of(variable, i), variable.capacity, [&](std::size_t, std::size_t padded) {
        tensor.values[i * variable.stride() + padded] = variable.row(i)[padded];
      });
    result[facts.variables[v].name] = std::move(tensor);
  }
  return result;
}

void share_equal_rows(DataBatch& batch) {
  if (batch.count == 0) return;
  for (VariableBatch& variable : batch.variables) {
    if (!variable.present || variable.is_shared) continue;
    const std::size_t stride = variable.stride();
    bool is_same = true;
    for (std::size_t i = 1; i < batch.count && is_same; ++i)
      is_same = std::ranges::equal(sizes_of(variable, 0), sizes_of(variable, i)) &&
                std::memcmp(variable.row(0), variable.row(i), stride * sizeof(double)) == 0;
    if (!is_same) continue;
    variable.values.resize(stride);
    variable.values.shrink_to_fit();
    variable.is_shared = true;
  }
}

DataBatch merge(std::vector<DataBatch> parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return std::move(parts[0]);
  DataBatch result;
  result.variables.resize(parts[0].variables.size());
  for (const DataBatch& part : parts) result.count += part.count;
  for (std::size_t v = 0; v < result.variables.size(); ++v) {
    VariableBatch& variable = result.variables[v];
    variable.present = parts[0].variables[v].present;
    if (!variable.present) continue;
    variable.capacity = parts[0].variables[v].capacity;
    for (const DataBatch& part : parts)
      for (std::size_t d = 0; d < variable.rank(); ++d)
        variable.capacity[d] = std::max(variable.capacity[d], part.variables[v].capacity[d]);
    const VariableBatch& first_source = parts[0].variables[v];
    variable.is_shared = std::ranges::all_of(
        parts, [&](const DataBatch& part) { return share_a_row(first_source, part.variables[v]); });
    if (variable.is_shared) {
      variable.values = first_source.values;
      for (const DataBatch& part : parts)
        variable.sizes.insert(variable.sizes.end(), part.variables[v].sizes.begin(), part.variables[v].sizes.end());
      continue;
    }
    variable.make_room(result.count);
    std::size_t first = 0;
    for (const DataBatch& part : parts) {
      const VariableBatch& source = part.variables[v];
      variable.sizes.insert(variable.sizes.end(), source.sizes.begin(), source.sizes.end());
      for (std::size_t i = 0; i < part.count; ++i, ++first) {
        // Walks the storage of the part, which is a block at the origin of the larger one.
        double* to = variable.row(first);
        const double* from = source.row(i);
        if (source.capacity == variable.capacity) {
          std::copy_n(from, source.stride(), to);
          continue;
        }
        const std::vector<std::int32_t> block(source.capacity.begin(), source.capacity.end());
        for_each_element(block, variable.capacity,
                         [&](std::size_t compact, std::size_t padded) { to[padded] = from[compact]; });
      }
    }
  }
  return result;
}

void keep_data_sets(DataBatch& batch, std::span<const std::size_t> kept) {
  for (VariableBatch& variable : batch.variables) {
    if (!variable.present) continue;
    const std::size_t rank = variable.rank(), stride = variable.stride();
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] == i) continue;
      std::copy_n(variable.sizes.data() + kept[i] * rank, rank, variable.sizes.data() + i * rank);
      if (!variable.is_shared) std::copy_n(variable.row(kept[i]), stride, variable.row(i));
    }
    variable.sizes.resize(kept.size() * rank);
    if (!variable.is_shared) variable.values.resize(kept.size() * stride);
  }
  batch.count = kept.size();
}

std::vector<double> elements_of(const VariableBatch& variable, std::size_t data_set) {
  std::vector<double> result;
  for_each_element(std::span(variable.sizes.data() + data_set * variable.rank(), variable.rank()), variable.capacity,
                   [&](std::size_t, std::size_t padded) { result.push_back(variable.row(data_set)[padded]); });
  return result;
}

} // namespace sibyl
