#include "runtime/library/state.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace sibyl::library {

DataSet to_data_set(const Arrays& arrays) {
  DataSet set{"1", {}};
  for (const auto& [name, array] : arrays) {
    const bool is_valid =
        std::all_of(array.extents.begin(), array.extents.end(), [](auto extent) { return extent >= 0; });
    if (!is_valid || element_count(array.extents) != static_cast<std::int64_t>(array.values.size()))
      throw UserError(fmt::format("`{}` has {} values, which do not fill its extents", name, array.values.size()));
    set.variables[name] = {array.is_integer, array.extents, array.values};
  }
  return set;
}

Arrays to_arrays(std::map<std::string, Tensor> tensors) {
  Arrays arrays;
  for (auto& [name, tensor] : tensors) {
    Array array(std::move(tensor.extents), std::move(tensor.values));
    array.is_integer = tensor.is_integer;
    arrays.emplace(name, std::move(array));
  }
  return arrays;
}

DataSet to_model_data(const CompiledModel& model, const Arrays& data) {
  return conform(to_data_set(data), model.facts(), "the data");
}

std::optional<DataSet> to_design(const CompiledModel& model, const Arrays& design) {
  if (design.empty()) return std::nullopt;
  return conform(to_data_set(design), model.facts(), "the design", {.wanted = Wanted::given_design});
}

int thread_count(int wanted) {
  return wanted > 0 ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

} // namespace sibyl::library
