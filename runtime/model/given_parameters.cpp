#include "runtime/model/given_parameters.hpp"

#include <algorithm>
#include <vector>

namespace sibyl {

DataBatch repeat(const Facts& facts, const DataSet& data, std::size_t count) {
  DataBatch batch = gather(facts, std::vector<DataSet>(count, data));
  add_without_elements(facts, batch);
  return batch;
}

void put_parameters(const Facts& facts, const Draws& draws, std::span<const std::size_t> rows, DataBatch& batch) {
  for (const DrawsVariable& variable : draws.variables) {
    const int v = facts.find(variable.name);
    if (v < 0 || facts.variables[static_cast<std::size_t>(v)].role != Role::parameter) continue;
    VariableBatch& target = batch.variables[static_cast<std::size_t>(v)];
    target.present = true;
    target.capacity = variable.extents;
    target.sizes.clear();
    target.make_room(batch.count);
    for (std::size_t lane = 0; lane < batch.count; ++lane) {
      target.sizes.insert(target.sizes.end(), variable.extents.begin(), variable.extents.end());
      const std::size_t row = rows[std::min(lane, rows.size() - 1)];
      for (std::size_t i = 0; i < target.stride(); ++i)
        target.row(lane)[row_major_position(i, variable.extents)] = draws.at(row, variable.first_column + i);
    }
  }
}

} // namespace sibyl
