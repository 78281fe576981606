// Every construct of the language in a program of its own: what is accepted, and how, and what is said of the others.
#include "tests/corpus.hpp"
#include "compiler/compile.hpp"
#include "lang/format.hpp"
#include "lang/parse.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;

namespace {

std::string golden(const std::string& kind) {
  return std::string(SIBYL_SOURCE_DIR) + "/tests/golden/corpus/" + kind + ".txt";
}

std::string first_message(const Diagnostics& diagnostics, const Source& source, Severity severity) {
  for (const Diagnostic& one : diagnostics) {
    if (one.severity != severity) continue;
    const LineColumn place = source.locate(one.primary.span.begin);
    return std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + one.message;
  }
  return "";
}

} // namespace

TEST_CASE("good programs are accepted, read as agreed on, and formatted once for all") {
  const auto programs = test::read_corpus("good");
  REQUIRE(programs.size() >= 300);
  std::string actual;
  for (const auto& [name, text] : programs) {
    INFO(name + "\n" + text);
    const Source source("good.sib", text);
    const Frontend frontend = compile_to_ir(source);
    INFO(render(frontend.diagnostics, {&source}, RenderStyle::plain));
    CHECK(frontend.model);
    if (!frontend.model) continue;
    const Facts& facts = frontend.model->facts;
    actual += name + ": " + (facts.is_generative ? "generative" : "not generative: " + facts.not_generative.text) +
              (facts.has_density ? "" : "; no density: " + facts.no_density.text) + "\n";
    const ParseResult parsed = parse(source);
    REQUIRE(parsed.program);
    const std::string once = format(*parsed.program, source);
    const Source formatted("formatted.sib", once);
    const ParseResult again = parse(formatted);
    INFO(once);
    REQUIRE(again.program);
    CHECK(format(*again.program, formatted) == once);
    CHECK(compile_to_ir(formatted).model);
  }
  CHECK(test::matches_golden(golden("good"), actual));
}

TEST_CASE("bad programs are refused, and the first message is what was agreed on") {
  const auto programs = test::read_corpus("bad");
  REQUIRE(programs.size() >= 300);
  std::string actual;
  for (const auto& [name, text] : programs) {
    INFO(name + "\n" + text);
    const Source source("bad.sib", text);
    const Frontend frontend = compile_to_ir(source);
    CHECK_FALSE(frontend.model);
    actual += name + ": " + first_message(frontend.diagnostics, source, Severity::error) + "\n";
  }
  CHECK(test::matches_golden(golden("bad"), actual));
}
