// How much a log density changes where the positions that the facts call exchangeable change places: the check of those
// facts that knows nothing of how they were found.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/model/density.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sibyl::test {

// The data with the positions of each exchangeable dimension moved by one and the first two swapped, dimensions of one
// size all alike.
inline DataSet permuted(const Facts& facts, const DataSet& data) {
  DataSet result = data;
  for (const VariableFact& variable : facts.variables) {
    const auto found = data.variables.find(variable.name);
    if (found == data.variables.end()) continue;
    const Tensor& from = found->second;
    Tensor& to = result.variables[variable.name];
    for (std::size_t flat = 0; flat < from.values.size(); ++flat) {
      std::size_t rest = flat, source = 0, stride = 1;
      for (std::size_t d = from.extents.size(); d-- > 0;) {
        const auto extent = static_cast<std::size_t>(from.extents[d]);
        std::size_t at = rest % extent;
        rest /= extent;
        if (variable.dimensions[d].kind == DimensionKind::exchangeable) {
          at = (at + 1) % extent;
          if (extent > 2 && at < 2) at = 1 - at;
        }
        source += at * stride;
        stride *= extent;
      }
      to.values[flat] = from.values[source];
    }
  }
  return result;
}

// The largest difference of the log density at a few points, relative to its size; NaN where it is finite at none.
inline double change_by_permuting(const std::shared_ptr<const CompiledModel>& model, const DataSet& data) {
  const std::vector<DataSet> sets = {data, permuted(model->facts(), data)};
  const DataBatch batch = gather(model->facts(), sets);
  Density density(model, 0, false);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  REQUIRE(lanes % 2 == 0);
  std::vector<std::size_t> which;
  for (std::size_t lane = 0; lane < lanes; ++lane) which.push_back(lane % 2);
  density.bind(batch, which);
  double largest = std::nan("");
  for (std::size_t lane = 0; lane < lanes; ++lane)
    for (std::size_t p = 0; p < density.parameter_count(); ++p)
      density.points()[p * lanes + lane] =
          0.4 * std::sin(1 + 3.7 * static_cast<double>(lane / 2) + 1.3 * static_cast<double>(p));
  density.evaluate(false, true);
  for (std::size_t lane = 0; lane < lanes; lane += 2) {
    const double one = density.value(static_cast<int>(lane)), other = density.value(static_cast<int>(lane) + 1);
    if (!std::isfinite(one) && one == other) continue;
    largest = std::fmax(largest, std::abs(one - other) / std::fmax(1, std::abs(one)));
  }
  return largest;
}

} // namespace sibyl::test
