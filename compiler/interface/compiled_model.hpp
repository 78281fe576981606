// The handle of a compiled model: its facts, its messages, and its functions by name, wherever they come from.
//
// The just-in-time compiler and a library loaded from disk both provide a FunctionSource; everything in the runtime
// works on this handle and knows neither.
#pragma once

#include "compiler/interface/abi.h"
#include "compiler/interface/facts.hpp"
#include "lang/source.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

enum class Precision { f32, f64 };

// Where machine code comes from. `find` may compile on demand; it throws UserError when the model has no such function
// (no density, not generative: the message says which statement decides), and it is safe to call from several threads.
class FunctionSource {
 public:
  virtual ~FunctionSource() = default;
  virtual sibyl_function find(std::string_view function, Precision precision, int lanes) = 0;
  virtual bool has(std::string_view function, Precision precision, int lanes);
  // The number of lanes that runs fastest on this machine; functions exist for it and for 1.
  virtual int preferred_lanes(Precision precision) const = 0;
};

// A message of a check in the model text: "sigma is {}, must be > 0". A brace of its own is written twice.
struct ModelMessage {
  std::string text;
  Span span;
};

// The message with its values put in.
std::string fill_message(std::string_view text, std::span<const double> values);

class CompiledModel {
 public:
  CompiledModel(std::string name, std::string text, Facts facts, std::vector<ModelMessage> messages,
                std::shared_ptr<FunctionSource> source);

  const std::string& name() const { return name_; } // the file's name without its ending: "linear_regression"
  const std::string& text() const { return text_; } // the model text
  const Facts& facts() const { return facts_; }
  const std::vector<ModelMessage>& messages() const { return messages_; }

  sibyl_function function(std::string_view name, Precision precision, int lanes) const {
    return source_->find(name, precision, lanes);
  }
  bool has(std::string_view name, Precision precision, int lanes) const { return source_->has(name, precision, lanes); }
  int preferred_lanes(Precision precision) const { return source_->preferred_lanes(precision); }

  // "model.sib:12:3: ", or "model.sib: " for a place in the standard library.
  std::string place(const Span& span) const;
  // "model.sib:12:3: sigma is -0.3, must be > 0": message `number` with its values put in.
  std::string describe_failure(int number, const double* values) const;

 private:
  std::string name_, text_;
  Facts facts_;
  std::vector<ModelMessage> messages_;
  std::shared_ptr<FunctionSource> source_;
};

} // namespace sibyl
