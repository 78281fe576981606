#include "runtime/data/json_data.hpp"

#include "lang/errors.hpp"
#include "runtime/data/text_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <optional>

namespace sibyl {

namespace {

using nlohmann::json;

// Stan's files may hold bare NaN and Infinity. They are put in quotes before the JSON reader sees them.
std::string quote_bare_numbers(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      result += c;
      if (c == '\\' && at + 1 < text.size()) result += text[++at];
      else if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    bool replaced = false;
    for (const std::string_view word : {"-Infinity", "+Infinity", "Infinity", "NaN", "-Inf", "+Inf", "Inf"})
      if (text.substr(at, word.size()) == word) {
        result += fmt::format("\"{}\"", word);
        at += word.size() - 1;
        replaced = true;
        break;
      }
    if (!replaced) result += c;
  }
  return result;
}

std::optional<double> named_number(const std::string& text) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (text == "NaN" || text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Inf" || text == "+Inf" || text == "Infinity" || text == "+Infinity" || text == "inf") return infinity;
  if (text == "-Inf" || text == "-Infinity" || text == "-inf") return -infinity;
  return std::nullopt;
}

std::string excerpt(const json& value) {
  const std::string text = value.dump();
  return text.size() <= 40 ? text : text.substr(0, 37) + "...";
}

class TensorReader {
 public:
  TensorReader(const std::string& file, const std::string& variable) : file_(file), variable_(variable) {}

  Tensor read(const json& value) {
    tensor_.is_integer = true;
    for (const json* inner = &value; inner->is_array(); inner = &inner->front()) {
      tensor_.extents.push_back(static_cast<std::int64_t>(inner->size()));
      if (inner->empty()) break;
    }
    read_level(value, 0, variable_);
    return std::move(tensor_);
  }

 private:
  void read_level(const json& value, std::size_t depth, const std::string& place) {
    if (depth == tensor_.extents.size()) {
      if (value.is_array())
        throw UserError(fmt::format("{}: `{}` is an array where earlier elements are numbers", file_, place));
      read_number(value, place);
      return;
    }
    if (!value.is_array())
      throw UserError(fmt::format("{}: `{}` is {}, an array was expected", file_, place, excerpt(value)));
    const auto expected = static_cast<std::size_t>(tensor_.extents[depth]);
    if (value.size() != expected)
      throw UserError(fmt::format("{}: `{}` has {} elements where the one before it has {}; nested arrays must be "
                                  "rectangular",
                                  file_, place, value.size(), expected));
    for (std::size_t i = 0; i < value.size(); ++i) read_level(value[i], depth + 1, fmt::format("{}[{}]", place, i + 1));
  }

  void read_number(const json& value, const std::string& place) {
    double number = 0;
    if (value.is_number()) {
      number = value.get<double>();
      if (value.is_number_float()) tensor_.is_integer = false;
    } else if (value.is_boolean()) {
      number = value.get<bool>() ? 1 : 0;
    } else if (value.is_null()) {
      number = std::numeric_limits<double>::quiet_NaN();
    } else {
      const auto named = value.is_string() ? named_number(value.get<std::string>()) : std::nullopt;
      if (!named) throw UserError(fmt::format("{}: `{}` is {}, which is not a number", file_, place, excerpt(value)));
      number = *named;
      if (!std::isnan(number)) tensor_.is_integer = false;
    }
    tensor_.values.push_back(number);
  }

  const std::string& file_;
  const std::string& variable_;
  Tensor tensor_;
};

DataSet to_data_set(const json& object, const std::string& file) {
  if (!object.is_object())
    throw UserError(fmt::format("{}: a data set is an object of variables, like {{\"N\": 3, \"y\": [1, 2, 3]}}; "
                                "this one is {}",
                                file, excerpt(object)));
  DataSet result;
  for (const auto& [name, value] : object.items()) result.variables[name] = TensorReader(file, name).read(value);
  return result;
}

} // namespace

std::vector<DataSet> parse_json_data(std::string_view text, const std::string& name) {
  json document;
  try {
    document = json::parse(quote_bare_numbers(text));
  } catch (const json::parse_error& error) {
    // The library's text has a prefix "[json.exception.parse_error.101] " that helps nobody.
    std::string message = error.what();
    if (const auto end = message.find("] "); end != std::string::npos) message.erase(0, end + 2);
    throw UserError(fmt::format("{}: not valid JSON: {}", name, message));
  }
  std::vector<DataSet> result;
  if (document.is_array())
    for (const json& object : document) result.push_back(to_data_set(object, name));
  else result.push_back(to_data_set(document, name));
  for (std::size_t i = 0; i < result.size(); ++i) result[i].label = std::to_string(i + 1);
  if (result.empty()) throw UserError(fmt::format("{}: holds no data set", name));
  return result;
}

std::vector<DataSet> read_json_data(const std::string& path) { return parse_json_data(read_file(path), path); }

} // namespace sibyl
