#include "runtime/data/json_data.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <optional>

namespace sibyl {

namespace {

using nlohmann::json;

constexpr std::size_t most_dimensions = 32; // far more than a model can declare; a guard for the readers behind this

// Stan's files may hold bare NaN and Infinity. They are put in quotes before the JSON reader sees them.
std::string quote_bare_numbers(std::string_view text) {
  constexpr std::string_view first_letters = "-+IN";
  std::string result;
  result.reserve(text.size() + text.size() / 8);
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
    if (first_letters.find(c) != std::string_view::npos)
      for (const std::string_view word : {"-Infinity", "+Infinity", "Infinity", "NaN", "-Inf", "+Inf", "Inf"})
        if (text.substr(at, word.size()) == word) {
          result += '"';
          result += word;
          result += '"';
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

std::string excerpt(const std::string& text) {
  std::string shown = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  if (shown.size() <= 40) return shown;
  std::size_t end = 37;
  while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end; // within a character
  return shown.substr(0, end) + "...";
}

// Data sets from the events of a JSON text. What is being read is a data set's variable at a place within its nested
// arrays; nothing is kept but numbers, and nothing recurses, however deep the arrays are.
class DataSetReader : public nlohmann::json_sax<json> {
 public:
  explicit DataSetReader(const std::string& file) : file_(file) {}

  std::vector<DataSet> take() { return std::move(sets_); }

  bool null() override { return number(std::numeric_limits<double>::quiet_NaN(), true, "null"); }
  bool boolean(bool value) override { return number(value ? 1 : 0, true, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return number(static_cast<double>(value), true, value);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return number(static_cast<double>(value), true, value);
  }
  bool number_float(number_float_t value, const string_t& text) override { return number(value, false, text); }

  bool string(string_t& text) override {
    if (!in_data_set_) not_a_data_set(excerpt(text));
    const auto named = named_number(text);
    if (!named) throw UserError(fmt::format("{}: `{}` is {}, which is not a number", file_, next_place(), excerpt(text)));
    return number(*named, std::isnan(*named), excerpt(text));
  }
  bool binary(binary_t&) override { return false; } // no text has any

  bool start_object(std::size_t) override {
    if (in_data_set_)
      throw UserError(fmt::format("{}: `{}` is an object, which is not a number", file_, next_place()));
    sets_.emplace_back();
    in_data_set_ = true;
    return true;
  }
  bool key(string_t& name) override {
    variable_ = name;
    tensor_ = {};
    tensor_.is_integer = true;
    rank_.reset();
    if (sets_.back().variables.contains(name))
      throw UserError(fmt::format("{}: `{}` is there twice in one data set", file_, name));
    return true;
  }
  bool end_object() override {
    in_data_set_ = false;
    return true;
  }

  bool start_array(std::size_t) override {
    if (!in_data_set_) {
      if (in_list_) not_a_data_set("an array");
      in_list_ = true;
      return true;
    }
    const std::size_t depth = places_.size();
    if (rank_ && depth == *rank_)
      throw UserError(fmt::format("{}: `{}` is an array where earlier elements are numbers", file_, next_place()));
    if (depth == most_dimensions)
      throw UserError(fmt::format("{}: `{}` has more than {} dimensions", file_, variable_, most_dimensions));
    if (depth > 0) ++places_.back();
    places_.push_back(0);
    if (!rank_) tensor_.extents.push_back(-1); // known when the first array of this depth ends
    return true;
  }
  bool end_array() override {
    if (!in_data_set_) return true;
    const std::size_t depth = places_.size();
    const std::int64_t size = places_.back();
    places_.pop_back();
    if (!rank_) rank_ = depth;
    std::int64_t& extent = tensor_.extents[depth - 1];
    if (extent < 0) extent = size;
    if (size != extent)
      throw UserError(fmt::format("{}: `{}` has {} elements where the one before it has {}; nested arrays must be "
                                  "rectangular",
                                  file_, place(), size, extent));
    if (places_.empty()) finish();
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
    // The library's text has a prefix "[json.exception.parse_error.101] " that helps nobody.
    std::string message = error.what();
    if (const auto end = message.find("] "); end != std::string::npos) message.erase(0, end + 2);
    throw UserError(fmt::format("{}: not valid JSON: {}", file_, message));
  }

 private:
  template <typename Shown>
  bool number(double value, bool is_integer, const Shown& shown) {
    if (!in_data_set_) not_a_data_set(fmt::format("{}", shown));
    const std::size_t depth = places_.size();
    if (!rank_) rank_ = depth;
    if (depth < *rank_)
      throw UserError(fmt::format("{}: `{}` is {}, an array was expected", file_, next_place(), shown));
    if (depth > 0) ++places_.back();
    tensor_.is_integer &= is_integer;
    tensor_.values.push_back(value);
    if (depth == 0) finish();
    return true;
  }

  void finish() { sets_.back().variables[variable_] = std::move(tensor_); }

  [[noreturn]] void not_a_data_set(const std::string& shown) const {
    throw UserError(fmt::format("{}: a data set is an object of variables, like {{\"N\": 3, \"y\": [1, 2, 3]}}; "
                                "this one is {}",
                                file_, shown));
  }

  // Where the reader is, as the model would write it; and the element that comes next there.
  std::string place() const {
    std::string text = variable_;
    for (const std::int64_t index : places_) text += fmt::format("[{}]", index);
    return text;
  }
  std::string next_place() {
    if (!places_.empty()) ++places_.back();
    return place();
  }

  const std::string& file_;
  std::vector<DataSet> sets_;
  bool in_list_ = false, in_data_set_ = false;
  std::string variable_;
  Tensor tensor_;
  std::vector<std::int64_t> places_; // of each open array: how many of its elements have begun
  std::optional<std::size_t> rank_;  // known from the first number or empty array
};

} // namespace

std::vector<DataSet> parse_json_data(std::string_view text, const std::string& name) {
  DataSetReader reader(name);
  json::sax_parse(quote_bare_numbers(text), &reader);
  std::vector<DataSet> result = reader.take();
  for (std::size_t i = 0; i < result.size(); ++i) result[i].label = std::to_string(i + 1);
  if (result.empty()) throw UserError(fmt::format("{}: holds no data set", name));
  return result;
}

std::vector<DataSet> read_json_data(const std::string& path) { return parse_json_data(read_file(path), path); }

} // namespace sibyl
