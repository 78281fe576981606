#include "runtime/standalone/linked_model.hpp"

#include "compiler/interface/metadata.hpp"
#include "lang/errors.hpp"
#include "runtime/model/processor.hpp"

#include <fmt/format.h>

// What the compiler has put beside this file (compiler/build/standalone.cpp). Weak: a program has code for some levels.
extern "C" {
extern const char sibyl_metadata[];
extern const sibyl_linked_code sibyl_code_128 __attribute__((weak));
extern const sibyl_linked_code sibyl_code_256 __attribute__((weak));
extern const sibyl_linked_code sibyl_code_512 __attribute__((weak));
}

namespace sibyl {

namespace {

class LinkedSource final : public FunctionSource {
 public:
  LinkedSource(const sibyl_linked_code& code, Facts facts) : code_(code), facts_(std::move(facts)) {}

  sibyl_function find(std::string_view function, Precision precision, int lanes) override {
    if (const sibyl_function code = look_up(function, precision, lanes)) return code;
    throw UserError(missing_function(facts_, function));
  }
  // Without an exception: in a page none is caught.
  bool has(std::string_view function, Precision precision, int lanes) override {
    return look_up(function, precision, lanes) != nullptr;
  }
  int preferred_lanes(Precision precision) const override {
    return precision == Precision::f32 ? code_.lanes_f32 : code_.lanes_f64;
  }

 private:
  sibyl_function look_up(std::string_view function, Precision precision, int lanes) const {
    const std::string symbol = function_symbol(function, precision, lanes);
    for (const sibyl_linked_function* one = code_.functions; one->symbol; ++one)
      if (symbol == one->symbol) return one->code;
    return nullptr;
  }

  const sibyl_linked_code& code_;
  Facts facts_;
};

const sibyl_linked_code& best_code(const Metadata& metadata) {
  const int here = processor_vector_bits();
  const sibyl_linked_code* lowest = nullptr;
  for (const sibyl_linked_code* code : {&sibyl_code_512, &sibyl_code_256, &sibyl_code_128}) {
    if (!code) continue;
    if (code->vector_bits <= here) return *code;
    lowest = code;
  }
  throw UserError(fmt::format("this sampler of {} was built for processors with {}-bit vectors, and this one has {}: "
                              "build it again without --cpu",
                              metadata.name, lowest ? lowest->vector_bits : 0, here));
}

} // namespace

std::shared_ptr<CompiledModel> linked_model() {
  const Metadata metadata = metadata_from_text(sibyl_metadata, "this program");
  return std::make_shared<CompiledModel>(metadata.name, metadata.text, metadata.facts, metadata.messages,
                                         std::make_shared<LinkedSource>(best_code(metadata), metadata.facts));
}

} // namespace sibyl
