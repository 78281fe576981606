#include "compiler/interface/compiled_model.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <cmath>

namespace sibyl {

std::string fill_message(std::string_view text, std::span<const double> values) {
  std::string filled;
  std::size_t next = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view two = text.substr(i, 2);
    if (two == "{{" || two == "}}") {
      filled += text[i++];
    } else if (two == "{}" && next < values.size()) {
      const double value = values[next++];
      // Whole numbers in full: counts and indexes are among them. Whose sign bit a NaN has is chance.
      const bool is_whole = std::abs(value) < 1e15 && value == std::trunc(value);
      filled += std::isnan(value) ? "nan" : is_whole ? fmt::format("{:.0f}", value) : fmt::format("{:.6g}", value);
      ++i;
    } else {
      filled += text[i];
    }
  }
  return filled;
}

bool FunctionSource::has(std::string_view function, Precision precision, int lanes) {
  try {
    return find(function, precision, lanes) != nullptr;
  } catch (const UserError&) {
    return false;
  }
}

CompiledModel::CompiledModel(std::string name, std::string text, Facts facts, std::vector<ModelMessage> messages,
                             std::shared_ptr<FunctionSource> source)
    : name_(std::move(name)), text_(std::move(text)), facts_(std::move(facts)), messages_(std::move(messages)),
      source_(std::move(source)) {}

std::string CompiledModel::place(const Span& span) const {
  if (span.source != 0) return name_ + ".sib: ";
  const Source source(name_ + ".sib", text_);
  const LineColumn place = source.locate(span.begin);
  return fmt::format("{}:{}:{}: ", source.file_at(span.begin), place.line, place.column);
}

std::string CompiledModel::describe_failure(int number, const double* values) const {
  if (number < 0 || static_cast<std::size_t>(number) >= messages_.size())
    throw InternalError(fmt::format("the model {} has no message {}", name_, number));
  const ModelMessage& message = messages_[static_cast<std::size_t>(number)];
  return place(message.span) + fill_message(message.text, {values, SIBYL_MAX_REPORTED_VALUES});
}

} // namespace sibyl
