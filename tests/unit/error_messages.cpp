// Every message of the compiler, completely: text, place, second label, suggestion.
#include "tests/golden.hpp"

#include "compiler/compile.hpp"
#include "lang/diagnostic.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> programs(const std::string& kind) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(fs::path(SIBYL_SOURCE_DIR) / "tests/golden/errors" / kind))
    if (entry.path().extension() == ".sib") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string messages(const fs::path& path) {
  const Source source(path.filename().string(), test::read_golden(path.string()));
  const Frontend frontend = compile_to_ir(source);
  for (const Diagnostic& one : frontend.diagnostics) {
    REQUIRE(one.primary.span.source == 0);
    REQUIRE(one.primary.span.end <= source.text().size());
    REQUIRE_FALSE(one.code.empty());
  }
  return render(frontend.diagnostics, {&source}, RenderStyle::plain);
}

} // namespace

TEST_CASE("every wrong program gets the messages that were agreed on") {
  for (const std::string kind : {"syntax", "semantic", "generative"})
    for (const fs::path& path : programs(kind)) {
      INFO(path.string());
      const std::string actual = messages(path);
      CHECK_FALSE(actual.empty());
      fs::path expected = path;
      expected.replace_extension(".expected");
      INFO(actual);
      CHECK(test::matches_golden(expected.string(), actual));
    }
}

TEST_CASE("pedantic advice is what was agreed on") {
  for (const fs::path& path : programs("pedantic")) {
    INFO(path.string());
    const Source source(path.filename().string(), test::read_golden(path.string()));
    REQUIRE(compile_to_ir(source).model);
    fs::path expected = path;
    expected.replace_extension(".expected");
    CHECK(test::matches_golden(expected.string(), render(advise(source), {&source}, RenderStyle::plain)));
  }
}

TEST_CASE("a golden file that is missing is a failure, and every one has its program") {
  CHECK_THROWS_WITH(test::read_golden("/nowhere/a.expected"), Catch::Contains("/nowhere/a.expected"));
  if (!std::getenv("UPDATE_GOLDEN")) CHECK_THROWS(test::matches_golden("/nowhere/a.expected", ""));
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(SIBYL_SOURCE_DIR) / "tests/golden/errors")) {
    fs::path program = entry.path();
    INFO(program.string());
    if (program.extension() == ".expected") CHECK(fs::exists(program.replace_extension(".sib")));
  }
}

TEST_CASE("there are at least sixty wrong programs") {
  CHECK(programs("syntax").size() + programs("semantic").size() + programs("generative").size() >= 60);
}

TEST_CASE("messages as JSON name file, place and suggestion") {
  const Source source("model.sib", "parameters {\n  real mu;\n}\nmodel {\n  mu ~ norml(0, 1);\n}\n");
  const std::string json = render_json(compile_to_ir(source).diagnostics, {&source});
  CHECK(json.find("\"code\": \"unknown-distribution\"") != std::string::npos);
  CHECK(json.find("\"line\": 5") != std::string::npos);
  CHECK(json.find("\"replacement\": \"normal\"") != std::string::npos);
}

TEST_CASE("functions that nest what the text nests are refused where it becomes too deep") {
  const auto compiled = [](int functions, int levels, const std::string& level) {
    std::string text = "functions { real f0(real x) { return x; } ";
    for (int i = 1; i <= functions; ++i) {
      std::string nested;
      for (int k = 0; k < levels; ++k) nested += level;
      text += "real f" + std::to_string(i) + "(real x) { real t = x; " + nested + "t += f" + std::to_string(i - 1) +
              "(x); return t; } ";
    }
    const Source source("model.sib", text + "} parameters { real a; } model { target += f" +
                                         std::to_string(functions) + "(a); }");
    return compile_to_ir(source);
  };
  for (const char* level : {"if (x > t) ", "while (x > t) "}) {
    CHECK(compiled(2, 20, level).model);
    const Frontend deep = compiled(90, 90, level);
    CHECK_FALSE(deep.model);
    CHECK(std::any_of(deep.diagnostics.begin(), deep.diagnostics.end(),
                      [](const Diagnostic& one) { return one.code == "nesting-too-deep"; }));
  }
}

TEST_CASE("a variable has no more dimensions than a compiled model can address") {
  for (const char* text : {"parameters { real a; } model { array[1,1,1,1,1,1,1,1,1] real q; target += a; }",
                           "parameters { array[1,1,1,1,1,1,1] matrix[1,1] q; } model { }",
                           "parameters { real a; } model { target += {{{{{{{{{a}}}}}}}}}[1,1,1,1,1,1,1,1,1]; }"}) {
    const Source source("model.sib", text);
    const Frontend frontend = compile_to_ir(source);
    CHECK_FALSE(frontend.model);
    REQUIRE_FALSE(frontend.diagnostics.empty());
    CHECK(frontend.diagnostics[0].code == "too-many-dimensions");
  }
}

TEST_CASE("of a very long line a message shows what is around the mark") {
  std::string text = "parameters { real a; } model { target += a";
  for (int i = 0; i < 500; ++i) text += " + a";
  text += " + wrong";
  for (int i = 0; i < 400; ++i) text += " + a";
  const Source source("model.sib", text + "; }");
  const Diagnostics diagnostics = compile_to_ir(source).diagnostics;
  REQUIRE(diagnostics.size() == 1);
  const std::string shown = render(diagnostics, {&source}, RenderStyle::plain);
  CHECK(shown.size() < 600);
  const std::size_t word = shown.find("wrong", shown.find("1 |")), mark = shown.find("^^^^^");
  REQUIRE(word != std::string::npos);
  REQUIRE(mark != std::string::npos);
  CHECK(word - shown.rfind('\n', word) == mark - shown.rfind('\n', mark));
  CHECK(shown.find("...") != std::string::npos);
}
