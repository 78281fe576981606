#include "tests/distribution_table.hpp"

#include "lang/diagnostic.hpp"

#include <fstream>
#include <stdexcept>

namespace sibyl::test {

namespace {

std::optional<double> optional_number(const nlohmann::json& from, const char* key) {
  if (!from.contains(key) || from.at(key).is_null()) return std::nullopt;
  return from.at(key).get<double>();
}

std::vector<DistributionRow> read_table() {
  std::ifstream file(std::string(SIBYL_SOURCE_DIR) + "/tests/numerics/distributions.json");
  if (!file) throw std::runtime_error("no distributions.json");
  std::vector<DistributionRow> table;
  for (const nlohmann::json& entry : nlohmann::json::parse(file)) {
    DistributionRow row;
    row.name = entry.at("name");
    row.is_discrete = entry.at("outcome") == "int";
    row.argument_types = entry.at("arguments").get<std::vector<std::string>>();
    for (const nlohmann::json& point : entry.at("points"))
      row.points.push_back({point.at("y"), point.at("arguments"), optional_number(point, "log_density"),
                            optional_number(point, "log_cdf"), optional_number(point, "log_ccdf")});
    for (const nlohmann::json& sample : entry.at("samples"))
      row.samples.push_back({sample.at("arguments"), sample.at("edges"), sample.at("probabilities")});
    table.push_back(std::move(row));
  }
  return table;
}

} // namespace

const std::vector<DistributionRow>& distribution_table() {
  static const std::vector<DistributionRow> table = read_table();
  return table;
}

std::string DistributionRow::declarations() const {
  std::string text;
  for (std::size_t i = 0; i < argument_types.size(); ++i) {
    const std::string name = "a" + std::to_string(i + 1);
    if (argument_types[i] == "vector") text += "int K; vector[K] " + name + "; ";
    else text += argument_types[i] + " " + name + "; ";
  }
  return text;
}

std::string DistributionRow::arguments() const {
  std::string text;
  for (std::size_t i = 0; i < argument_types.size(); ++i) text += (i > 0 ? ", a" : "a") + std::to_string(i + 1);
  return text;
}

DataSet DistributionRow::values(const nlohmann::json& given) const {
  DataSet set;
  for (std::size_t i = 0; i < argument_types.size(); ++i) {
    Tensor& tensor = set.variables["a" + std::to_string(i + 1)];
    if (argument_types[i] == "vector") {
      tensor.values = given.at(i).get<std::vector<double>>();
      tensor.extents = {static_cast<std::int64_t>(tensor.values.size())};
      set.variables["K"] = {true, {}, {static_cast<double>(tensor.values.size())}};
    } else {
      tensor.is_integer = argument_types[i] == "int";
      tensor.values = {given.at(i).get<double>()};
    }
  }
  return set;
}

std::shared_ptr<CompiledModel> compile_text(const std::string& text) {
  const Source source("test.sib", text);
  CompileResult result = compile(source);
  if (!result.model) throw std::runtime_error(render(result.diagnostics, {&source}, RenderStyle::plain));
  return result.model;
}

} // namespace sibyl::test
