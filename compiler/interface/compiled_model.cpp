#include "compiler/interface/compiled_model.hpp"

#include "lang/errors.hpp"

#include <cmath>
#include <fmt/format.h>

namespace sibyl {

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

std::string CompiledModel::describe_failure(int number, const double* values) const {
  if (number < 0 || static_cast<std::size_t>(number) >= messages_.size())
    throw InternalError(fmt::format("the model {} has no message {}", name_, number));
  const ModelMessage& message = messages_[static_cast<std::size_t>(number)];
  std::string text;
  std::size_t from = 0;
  for (int i = 0; i < SIBYL_MAX_REPORTED_VALUES; ++i) {
    const std::size_t place = message.text.find("{}", from);
    if (place == std::string::npos) break;
    // Whose sign bit a NaN has is chance.
    text +=
        message.text.substr(from, place - from) + (std::isnan(values[i]) ? "nan" : fmt::format("{:.6g}", values[i]));
    from = place + 2;
  }
  text += message.text.substr(from);
  if (message.span.source != 0) return fmt::format("{}.sib: {}", name_, text); // a place in the standard library
  const LineColumn place = Source(name_, text_).locate(message.span.begin);
  return fmt::format("{}.sib:{}:{}: {}", name_, place.line, place.column, text);
}

} // namespace sibyl
