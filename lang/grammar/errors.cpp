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

// The word that ends just before `place`, white space between; empty where something else stands there.
std::string_view word_before(const State& state, const char* place) {
  const char* last = state.previous_token_end(place);
  const char* first = last;
  while (first > state.begin() && (std::isalnum(static_cast<unsigned char>(first[-1])) || first[-1] == '_')) --first;
  return {first, static_cast<std::size_t>(last - first)};
}

// The type's name where a declaration's sizes end before `place`: `matrix` of `matrix[2, 3]`.
std::string_view word_before_sizes(const State& state, const char* place) {
  const char* at = state.previous_token_end(place);
  if (at == state.begin() || at[-1] != ']') return {};
  int depth = 0;
  while (at > state.begin()) {
    --at;
    depth += (*at == ']') - (*at == '[');
    if (depth == 0) return word_before(state, at);
  }
  return {};
}

// Habits from other languages and slips whose meaning is clear. Returns whether it is one of them.
bool recognize(State& state, Diagnostic& diagnostic, std::string_view found, const std::string& expected,
               const char* place) {
  const auto refuse = [&](const char* code, const std::string& message) {
    diagnostic.code = code;
    diagnostic.message = message;
    return true;
  };
  const auto replace = [&](const char* first, const char* last, const std::string& by) {
    diagnostic.primary.span = state.span(first, last);
    diagnostic.fix = Fix{diagnostic.primary.span, by, "write `" + by + "`"};
  };
  const std::string_view before = word_before(state, place);
  const bool follows = place > state.begin() && !found.empty() && place[-1] == found[0];
  const bool is_word = !found.empty() && (std::isalpha(static_cast<unsigned char>(found[0])) || found[0] == '_');
  for (const std::string_view word : {found, before, word_before_sizes(state, place)})
    if (word == "complex" || word.starts_with("complex_")) {
      diagnostic.primary.span = state.span(word.data(), word.data() + word.size());
      return refuse("complex-number", "there are no complex numbers in this version of Sibyl");
    }
  if (found == "*" && follows) {
    replace(place - 1, place + 1, "^");
    return refuse("power-operator", "a power is written `^`");
  }
  if ((found == "+" || found == "-") && follows) {
    replace(place - 1, place + 1, std::string(found) + "= 1");
    return refuse("increment", "there is no `" + std::string(2, found[0]) + "`");
  }
  if (found == "and" || found == "or") {
    replace(place, place + found.size(), found == "and" ? "&&" : "||");
    return refuse("logical-word", "`" + std::string(found) + "` is written " + (found == "and" ? "`&&`" : "`||`"));
  }
  if (found == "~" && expected == "`;`")
    return refuse("drawn-declaration", "a declaration does not draw: declare the variable, then write `" +
                                           std::string(before) + " ~ ...` in the model");
  if (found == "target" && expected != "an expression")
    return refuse("assigned-target", "`target` can only be added to: `target += ...`");
  if (expected == "`[`" && is_word && (before == "vector" || before == "row_vector" || before == "matrix"))
    return refuse("missing-size", "a " + std::string(before) + " is declared with its size: `" + std::string(before) +
                                      (before == "matrix" ? "[N, K] " : "[N] ") + std::string(found) + "`");
  if (expected == "a name" && found == "[")
    return refuse("array-brackets", "an array is written `array[]` before its element type");
  if (expected == "`~`, `=`, `+=` or `;`" && is_word && !before.empty()) {
    static const std::vector<std::string> types = {"int", "real", "vector", "row_vector", "matrix", "array"};
    const char* first = before.data();
    if (const auto nearest = nearest_name(std::string(before), types))
      diagnostic.fix = Fix{state.span(first, first + before.size()), *nearest, "did you mean `" + *nearest + "`?"};
    diagnostic.primary.span = state.span(first, first + before.size());
    return refuse("unknown-type", "there is no type or statement `" + std::string(before) + "`");
  }
  return false;
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

  if (recognize(state, diagnostic, found, expected, place)) {
    state.diagnostics.push_back(std::move(diagnostic));
    return;
  }
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
