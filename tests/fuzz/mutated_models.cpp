// Models with tokens deleted, doubled, exchanged or replaced: the compiler answers each with its facts and sound
// intermediate code, or with an error; never with an internal one, and soon. What it parses is formatted once for all.
#include "tests/corpus.hpp"
#include "tests/fuzz/fuzz.hpp"

#include "compiler/compile.hpp"
#include "compiler/ir/ir.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "lang/format.hpp"
#include "lang/parse.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <filesystem>
#include <random>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

using Tokens = std::vector<std::string>; // white space and comments are tokens, too: joined, they are the text

Tokens split(const std::string& text) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; };
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  Tokens tokens;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin + 1;
    if (text.compare(begin, 2, "//") == 0) end = std::min(text.find('\n', begin), text.size());
    else if (is_space(text[begin]))
      while (end < text.size() && is_space(text[end])) ++end;
    else if (is_word(text[begin]))
      while (end < text.size() && is_word(text[end])) ++end;
    tokens.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return tokens;
}

std::string join(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

// In a fixed order, so that the mutations are the same everywhere.
std::vector<Tokens> models() {
  std::vector<fs::path> paths;
  for (const char* folder : {"tests/models", "tests/golden/errors", "examples"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SIBYL_SOURCE_DIR) / folder))
      if (entry.path().extension() == ".sib" || entry.path().extension() == ".stan") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Tokens> found;
  for (const fs::path& path : paths) found.push_back(split(test::read_golden(path.string())));
  for (const char* kind : {"good", "bad"})
    for (const auto& [name, text] : test::read_corpus(kind)) found.push_back(split(text));
  return found;
}

// What is formatted is formatted so again.
void check_format(const Source& source) {
  const ParseResult parsed = parse(source, 0, Includes::kept);
  if (!parsed.program) return;
  const std::string once = format(*parsed.program, source);
  const Source formatted("formatted.sib", once);
  const ParseResult again = parse(formatted, 0, Includes::kept);
  INFO(once);
  INFO(render(again.diagnostics, {&formatted}, RenderStyle::plain));
  CHECK(again.program);
  if (again.program) CHECK(format(*again.program, formatted) == once);
}

constexpr double longest_seconds = 10; // for one text, on a machine that does other things besides

} // namespace

TEST_CASE("mutated models never meet an internal error") {
  std::mt19937 random(
      fuzz::options().seed); // its numbers are the same everywhere, which those of distributions are not
  const std::vector<Tokens> originals = models();
  const auto any_of = [&](const Tokens& tokens) { return tokens[random() % tokens.size()]; };
  int compiled = 0, refused = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto since = [](std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
  };
  const double seconds = fuzz::options().seconds;
  for (int round = 0; seconds > 0 ? since(start) < seconds : round < 12000; ++round) {
    Tokens tokens = originals[random() % originals.size()];
    for (unsigned edits = 1 + random() % 2; edits > 0; --edits) {
      const std::size_t place = random() % tokens.size(), other = random() % tokens.size();
      switch (random() % 5) {
      case 0: tokens[place].clear(); break;
      case 1: tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(place), tokens[place]); break;
      case 2: std::swap(tokens[place], tokens[other]); break;
      case 3: tokens[place] = any_of(tokens); break;
      default: tokens[place] = any_of(originals[random() % originals.size()]);
      }
    }
    const Source source("mutated.sib", join(tokens));
    INFO(source.text());
    if (!fuzz::options().keep.empty()) write_file(fuzz::options().keep, source.text());
    const auto begin = std::chrono::steady_clock::now();
    try {
      check_format(source);
      const Frontend frontend = compile_to_ir(source);
      if (frontend.model) ir::verify(*frontend.model);
      CHECK((frontend.model || has_errors(frontend.diagnostics)));
      ++(frontend.model ? compiled : refused);
    } catch (const InternalError& error) {
      FAIL_CHECK(error.what());
    }
    CHECK(since(begin) < longest_seconds);
  }
  CHECK(compiled > 500);
  CHECK(refused > 500);
}
