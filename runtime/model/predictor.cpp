#include "runtime/model/predictor.hpp"

#include "lang/errors.hpp"
#include "runtime/model/given_parameters.hpp"

#include <algorithm>
#include <numeric>

namespace sibyl {

Prediction predict(std::shared_ptr<const CompiledModel> model, const DataSet& data, const Draws& draws,
                   std::span<const std::size_t> rows, std::uint64_t seed,
                   const std::atomic<std::int32_t>* interrupted) {
  const Facts& facts = model->facts();
  if (!facts.simulates_data)
    throw UserError("this model's data cannot be simulated: " + facts.no_data_simulation.text);
  if (!model->has("predict", Precision::f64, model->preferred_lanes(Precision::f64)))
    throw UserError("this model came as a library, which holds no code for predictions: train from its text");
  ModelCall call(model, Precision::f64);
  if (interrupted) call.set_interrupt_flag(interrupted);
  const auto width = static_cast<std::size_t>(call.lanes());
  DataBatch batch = repeat(facts, data, width);
  Prediction result;
  result.left_out.count_tries(rows.size());
  std::vector<DataBatch> parts;
  for (std::size_t first = 0; first < rows.size(); first += width) {
    const std::size_t active = std::min(width, rows.size() - first);
    put_parameters(facts, draws, rows.subspan(first, active), batch);
    std::vector<std::size_t> which(active);
    std::iota(which.begin(), which.end(), 0);
    call.bind(batch, which);
    if (!call.transform_data()) throw RuntimeError(call.first_failure());
    call.run("predict", {.seed = seed, .first_index = first});
    std::vector<int> lanes;
    for (int lane = 0; lane < static_cast<int>(active); ++lane) {
      if (!call.failed(lane)) {
        lanes.push_back(lane);
        result.places.push_back(first + static_cast<std::size_t>(lane));
      } else result.left_out.add(call.failed_check(lane), [&] { return call.failure(lane); });
    }
    if (lanes.empty()) continue;
    DataBatch part;
    part.count = lanes.size();
    part.variables.resize(facts.variables.size());
    for (std::size_t v = 0; v < facts.variables.size(); ++v)
      if (facts.variables[v].role == Role::observed) part.variables[v] = call.read(v, lanes);
    parts.push_back(std::move(part));
  }
  result.data = merge(std::move(parts));
  return result;
}

} // namespace sibyl
