// A model from its text: one that does not compile fails the test, with the compiler's messages.
#pragma once

#include "compiler/compile.hpp"
#include "lang/diagnostic.hpp"

#include <catch2/catch.hpp>

namespace sibyl::test {

inline std::shared_ptr<CompiledModel> compiled(const std::string& text, const std::string& name = "model.sib") {
  const Source source(name, text);
  const CompileResult result = compile(source);
  INFO(text + "\n" + render(result.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(result.model);
  return result.model;
}

} // namespace sibyl::test
