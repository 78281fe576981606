#include "runtime/data/json_data.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <map>
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
    if (!named)
      throw UserError(fmt::format("{}: `{}` is {}, which is not a number", file_, next_place(), excerpt(text)));
    return number(*named, std::isnan(*named), excerpt(text));
  }
  bool binary(binary_t&) override { return false; } // no text has any

  bool start_object(std::size_t) override {
    if (in_data_set_) return start_tuple();
    sets_.emplace_back();
    in_data_set_ = true;
    return true;
  }
  bool key(string_t& name) override {
    if (!tuples_.empty()) return start_part(name);
    variable_ = name;
    parts_.clear();
    current_ = &parts_[name];
    if (sets_.back().variables.contains(name))
      throw UserError(fmt::format("{}: `{}` is there twice in one data set", file_, name));
    return true;
  }
  bool end_object() override {
    if (tuples_.empty()) in_data_set_ = false;
    else end_tuple();
    return true;
  }

  bool start_array(std::size_t) override {
    if (!in_data_set_) {
      if (in_list_) not_a_data_set("an array");
      in_list_ = true;
      return true;
    }
    const std::size_t depth = places_.size();
    if (current_->rank && depth == *current_->rank)
      throw UserError(fmt::format("{}: `{}` is an array where earlier elements are numbers", file_, next_place()));
    if (depth == most_dimensions)
      throw UserError(fmt::format("{}: `{}` has more than {} dimensions", file_, variable_, most_dimensions));
    begin_element();
    places_.push_back(0);
    if (!current_->rank) current_->tensor.extents.push_back(-1); // known when the first array of this depth ends
    return true;
  }
  bool end_array() override {
    if (!in_data_set_) return true;
    const std::size_t depth = places_.size();
    const std::int64_t size = places_.back();
    places_.pop_back();
    if (!current_->rank) current_->rank = depth;
    // An array of tuples is one for each part.
    for (auto& [name, part] : parts_) {
      if (&part != current_ && !name.starts_with(variable_ + ":")) continue;
      std::int64_t& extent = part.tensor.extents[depth - 1];
      if (extent < 0) extent = size;
      if (size != extent)
        throw UserError(fmt::format("{}: `{}` has {} elements where the one before it has {}; nested arrays must be "
                                    "rectangular",
                                    file_, place(), size, extent));
    }
    if (places_.empty() && tuples_.empty()) finish();
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
    if (!current_->rank) current_->rank = depth;
    if (current_->is_tuple)
      throw UserError(fmt::format("{}: `{}` is {}, a tuple was expected", file_, next_place(), shown));
    if (depth < *current_->rank)
      throw UserError(fmt::format("{}: `{}` is {}, an array was expected", file_, next_place(), shown));
    begin_element();
    current_->tensor.is_integer &= is_integer;
    current_->tensor.values.push_back(value);
    if (depth == 0 && tuples_.empty()) finish();
    return true;
  }

  void finish() {
    for (auto& [name, part] : parts_) {
      if (part.is_tuple) continue;
      std::size_t wanted = 1;
      for (const std::int64_t extent : part.tensor.extents) wanted *= static_cast<std::size_t>(extent);
      if (part.tensor.values.size() != wanted)
        throw UserError(fmt::format("{}: `{}` is not in every element of the array of tuples", file_, name));
      sets_.back().variables[name] = std::move(part.tensor);
    }
    parts_.clear();
  }

  // A tuple is an object of its parts, "1", "2" and so on: a variable `t` becomes `t:1`, `t:2`.
  bool start_tuple() {
    if (current_->rank && !current_->is_tuple)
      throw UserError(fmt::format("{}: `{}` is an object, which is not a number", file_, next_place()));
    if (tuples_.size() == most_dimensions)
      throw UserError(
          fmt::format("{}: `{}` has more than {} tuples within each other", file_, variable_, most_dimensions));
    current_->rank = places_.size();
    current_->is_tuple = true;
    begin_element();
    tuples_.push_back({variable_, places_.size()});
    return true;
  }
  bool start_part(const std::string& name) {
    const bool is_number = !name.empty() && name.size() < 10 &&
                           name.find_first_not_of("0123456789") == std::string::npos && name.front() != '0';
    if (!is_number)
      throw UserError(fmt::format("{}: `{}` is an object, which is not a number", file_, tuples_.front().name));
    variable_ = tuples_.back().name + ":" + name;
    const auto [found, is_new] = parts_.try_emplace(variable_);
    current_ = &found->second;
    if (is_new) current_->tensor.extents.assign(places_.size(), -1);
    return true;
  }
  void end_tuple() {
    variable_ = tuples_.back().name;
    current_ = &parts_.at(variable_);
    tuples_.pop_back();
    if (tuples_.empty() && places_.empty()) finish();
  }

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
    begin_element();
    return place();
  }
  // Of the array that is open; a tuple within an array begins its parts anew.
  void begin_element() {
    if (places_.size() > (tuples_.empty() ? 0 : tuples_.back().depth)) ++places_.back();
  }

  const std::string& file_;
  std::vector<DataSet> sets_;
  bool in_list_ = false, in_data_set_ = false;
  struct Part {
    Tensor tensor;
    std::optional<std::size_t> rank; // known from the first number, tuple or empty array
    bool is_tuple = false;
    Part() { tensor.is_integer = true; }
  };
  std::string variable_;
  std::map<std::string, Part> parts_; // of the variable that is being read: itself, and those of its tuples
  Part* current_ = nullptr;
  struct Tuple {
    std::string name;
    std::size_t depth; // of the arrays around it
  };
  std::vector<Tuple> tuples_; // that are open
  std::vector<std::int64_t> places_; // of each open array: how many of its elements have begun
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
