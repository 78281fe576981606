#include "lang/edit_distance.hpp"
#include "lang/grammar/state.hpp"

#include <cctype>

namespace sibyl::grammar {

namespace {

constexpr std::string_view block_names[] = {
    "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
    "generated quantities"};

bool is_punctuation(const std::string& expected) {
  return expected == "`;`" || expected == "`)`" || expected == "`]`" || expected == "`}`" || expected == "`,`" ||
         expected == "`~`, `=`, `+=` or `;`";
}

// What the found token tells about the mistake, beyond "expected this, found that".
void explain(State& state, Diagnostic& diagnostic, std::string_view found, const std::string& expected) {
  const Span place = diagnostic.primary.span;
  if (found == "=" && expected == "`)`") {
    diagnostic.message = "`=` assigns; a comparison is written `==`";
    diagnostic.code = "assignment-in-condition";
    diagnostic.fix = Fix{place, "==", "write `==`"};
  } else if (found == ":=") {
    diagnostic.message = "assignment is written `=`";
    diagnostic.fix = Fix{place, "=", "write `=`"};
  } else if (expected == "a block") {
    std::vector<std::string> names(std::begin(block_names), std::end(block_names));
    if (const auto nearest = nearest_name(std::string(found), names)) {
      diagnostic.message = "there is no block `" + std::string(found) + "`";
      diagnostic.fix = Fix{place, *nearest, "did you mean `" + *nearest + "`?"};
    } else {
      diagnostic.notes.push_back(
          "the blocks are functions, data, design, transformed data, parameters, transformed parameters, "
          "model and generated quantities");
    }
  } else if (expected == "a name" && !found.empty() && std::isalpha(static_cast<unsigned char>(found[0]))) {
    diagnostic.message = "`" + std::string(found) + "` is a word of the language and cannot be a name";
    diagnostic.code = "reserved-word";
  }
  (void)state;
}

} // namespace

void report_expectation(State& state, const char* place, const std::string& expected) {
  place = state.next_token(place);
  const std::string_view found = state.token_at(place);
  Diagnostic diagnostic{.code = "syntax-error"};
  if (found.empty()) diagnostic.message = "expected " + expected + ", but the text ends here";
  else diagnostic.message = "expected " + expected + ", found `" + std::string(found) + "`";
  diagnostic.primary.span = state.span(place, place + found.size());

  // A missing `;` is a mistake of the line before, not of the token that follows.
  const char* before = state.previous_token_end(place);
  const auto line_of = [&](const char* at) {
    return state.source.locate(static_cast<std::uint32_t>(at - state.begin())).line;
  };
  if (is_punctuation(expected) && before > state.begin() &&
      (found.empty() || line_of(before) != line_of(place) || expected == "`;`")) {
    const std::string missing = expected == "`~`, `=`, `+=` or `;`" ? "`;`" : expected;
    diagnostic.code = missing == "`;`" ? "missing-semicolon" : "syntax-error";
    diagnostic.primary.span = state.span(before - 1, before);
    if (expected == "`;`") {
      diagnostic.message = "a `;` is missing here";
      diagnostic.fix = Fix{state.span(before, before), ";", "add `;`"};
    } else {
      diagnostic.message = "expected " + expected + " after this";
    }
    if (found == "=" || found == ":=") explain(state, diagnostic, found, expected);
  } else {
    explain(state, diagnostic, found, expected);
  }
  state.diagnostics.push_back(std::move(diagnostic));
}

const char* recovery_point(const State& state, const char* place) {
  int depth = 0;
  auto comment = state.comments.begin();
  for (const char* at = place; at < state.end(); ++at) {
    const auto offset = static_cast<std::uint32_t>(at - state.begin());
    while (comment != state.comments.end() && comment->span.end <= offset) ++comment;
    if (comment != state.comments.end() && comment->span.begin <= offset) {
      at = state.begin() + comment->span.end - 1;
      continue;
    }
    if (*at == '"') {
      do ++at;
      while (at < state.end() && *at != '"');
    } else if (*at == '{' || *at == '(' || *at == '[') ++depth;
    else if (*at == ')' || *at == ']') {
      if (depth > 0) --depth;
    } else if (*at == '}') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (*at == ';' && depth == 0) {
      return at + 1;
    }
  }
  return state.end();
}

} // namespace sibyl::grammar
