#include "runtime/model/computed_data.hpp"

#include "lang/errors.hpp"
#include "runtime/model/model_call.hpp"

#include <algorithm>
#include <numeric>

namespace sibyl {

void compute_observed(const std::shared_ptr<const CompiledModel>& model, DataBatch& batch) {
  const Facts& facts = model->facts();
  std::vector<std::size_t> lacking;
  for (std::size_t v = 0; v < facts.variables.size(); ++v)
    if (facts.variables[v].is_computed && !batch.variables[v].present) lacking.push_back(v);
  if (lacking.empty() || batch.count == 0) return;
  ModelCall call(model, Precision::f64);
  std::vector<DataBatch> parts;
  for (std::size_t first = 0; first < batch.count; first += static_cast<std::size_t>(call.lanes())) {
    std::vector<std::size_t> which(std::min(batch.count - first, static_cast<std::size_t>(call.lanes())));
    std::iota(which.begin(), which.end(), first);
    std::vector<int> lanes(which.size());
    std::iota(lanes.begin(), lanes.end(), 0);
    call.bind(batch, which);
    if (!call.transform_data())
      for (const int lane : lanes)
        if (call.failed(lane)) throw RuntimeError(call.failure(lane));
    DataBatch part;
    part.count = which.size();
    part.variables.resize(facts.variables.size());
    for (const std::size_t v : lacking) part.variables[v] = call.read(v, lanes);
    parts.push_back(std::move(part));
  }
  DataBatch computed = merge(std::move(parts));
  for (const std::size_t v : lacking) batch.variables[v] = std::move(computed.variables[v]);
}

} // namespace sibyl
