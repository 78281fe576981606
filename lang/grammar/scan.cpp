#include "lang/grammar/state.hpp"

#include <algorithm>
#include <cctype>

namespace sibyl::grammar {

namespace {

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

char closing(char opening) { return opening == '(' ? ')' : opening == '[' ? ']' : '}'; }

std::string quoted(char c) { return std::string("`") + c + "`"; }

// Reads the text once; stops at the first thing after which nothing else can be trusted.
class Scanner {
 public:
  explicit Scanner(State& state) : state_(state), text_(state.source.text()) {}

  bool run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '/' && peek(1) == '/') line_comment();
      else if (c == '/' && peek(1) == '*') {
        if (!block_comment()) return false;
      } else if (c == '#') {
        if (!hash()) return false;
      } else if (c == '"') {
        if (!string()) return false;
      } else if (c == '(' || c == '[' || c == '{') {
        open_.push_back(at_++);
        if (open_.size() > static_cast<std::size_t>(deepest_nesting))
          return fail("nesting-too-deep", at_ - 1, at_, "this is nested too deeply");
      } else if (c == ')' || c == ']' || c == '}') {
        if (!close(c)) return false;
      } else if (static_cast<unsigned char>(c) >= 0x80 ||
                 (!std::isprint(static_cast<unsigned char>(c)) && !std::isspace(static_cast<unsigned char>(c))) ||
                 c == '$' || c == '@' || c == '`') {
        illegal_character();
      } else {
        ++at_;
      }
    }
    if (!open_.empty()) {
      const std::size_t place = open_.back();
      const char c = text_[place];
      return fail("unclosed-bracket", place, place + 1, quoted(c) + " is never closed",
                  "a " + quoted(closing(c)) + " is missing");
    }
    return !has_errors(state_.diagnostics);
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Span span(std::size_t begin, std::size_t end) const {
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), state_.source_number};
  }

  bool fail(const char* code, std::size_t begin, std::size_t end, const std::string& message,
            const std::string& label = "") {
    state_.diagnostics.push_back({.code = code, .message = message, .primary = {span(begin, end), label}});
    return false;
  }

  void add_comment(std::size_t begin) {
    std::size_t before = begin;
    while (before > 0 && (text_[before - 1] == ' ' || text_[before - 1] == '\t')) --before;
    state_.comments.push_back({span(begin, at_), before == 0 || text_[before - 1] == '\n'});
  }

  void line_comment() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find('\n', at_), text_.size());
    add_comment(begin);
  }

  bool block_comment() {
    const std::size_t begin = at_, end = text_.find("*/", at_ + 2);
    if (end == std::string_view::npos)
      return fail("unterminated-comment", begin, begin + 2, "this comment is never closed", "a `*/` is missing");
    at_ = end + 2;
    add_comment(begin);
    return true;
  }

  bool hash() {
    if (text_.substr(at_, 8) == "#include") {
      if (!state_.keeps_includes)
        return fail("include-unavailable", at_, at_ + 8,
                    "`#include` stands on a line of its own in a model file; this text has none to look beside");
      line_comment();
      return true;
    }
    state_.note_old("hash-comment", span(at_, at_ + 1), "a comment begins with `//` today",
                    Fix{span(at_, at_ + 1), "//", "write `//`"});
    line_comment();
    return true;
  }

  bool string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') ++at_;
    if (at_ == text_.size() || text_[at_] == '\n')
      return fail("unterminated-string", begin, at_, "this string is never closed", "a `\"` is missing");
    ++at_;
    return true;
  }

  bool close(char c) {
    if (open_.empty()) return fail("stray-bracket", at_, at_ + 1, "there is no opening bracket for this " + quoted(c));
    const std::size_t opening = open_.back();
    if (closing(text_[opening]) != c) {
      state_.diagnostics.push_back(
          {.code = "mismatched-bracket",
           .message = "expected " + quoted(closing(text_[opening])) + ", found " + quoted(c),
           .primary = {span(at_, at_ + 1), ""},
           .secondary = {{span(opening, opening + 1), "to close this " + quoted(text_[opening])}}});
      return false;
    }
    open_.pop_back();
    ++at_;
    return true;
  }

  void illegal_character() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) ++at_;
    const std::string_view character = text_.substr(begin, at_ - begin);
    Diagnostic diagnostic{.code = "illegal-character",
                          .message = "the character `" + std::string(character) + "` has no meaning here",
                          .primary = {span(begin, at_), ""}};
    static constexpr std::pair<std::string_view, std::string_view> look_alikes[] = {
        {"\u2212", "-"},  {"\u2013", "-"},  {"\u2014", "-"},  {"\u00d7", "*"},  {"\u00a0", " "},
        {"\u201c", "\""}, {"\u201d", "\""}, {"\u2264", "<="}, {"\u2265", ">="}, {"\u223c", "~"}};
    for (const auto& [look_alike, replacement] : look_alikes)
      if (character == look_alike)
        diagnostic.fix = Fix{span(begin, at_), std::string(replacement), "write `" + std::string(replacement) + "`"};
    state_.diagnostics.push_back(std::move(diagnostic));
  }

  State& state_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::size_t> open_;
};

} // namespace

void State::note_old(const char* code, Span place, const std::string& message, std::optional<Fix> fix) {
  for (const Diagnostic& one : diagnostics)
    if (one.code == code) return;
  diagnostics.push_back(
      {.severity = Severity::warning, .code = code, .message = message, .primary = {place, ""}, .fix = std::move(fix)});
}

bool scan(State& state) { return Scanner(state).run(); }

const char* State::previous_token_end(const char* place) const {
  for (;;) {
    while (place > begin() && std::isspace(static_cast<unsigned char>(place[-1]))) --place;
    const auto offset = static_cast<std::uint32_t>(place - begin());
    const auto comment = std::ranges::lower_bound(comments, offset, {}, [](const auto& one) { return one.span.end; });
    if (comment == comments.end() || comment->span.end != offset) return place;
    place = begin() + comment->span.begin;
  }
}

const char* State::next_token(const char* place) const {
  for (;;) {
    while (place < end() && std::isspace(static_cast<unsigned char>(*place))) ++place;
    const auto offset = static_cast<std::uint32_t>(place - begin());
    const auto comment = std::ranges::lower_bound(comments, offset, {}, [](const auto& one) { return one.span.begin; });
    if (comment == comments.end() || comment->span.begin != offset) return place;
    place = begin() + comment->span.end;
  }
}

std::string_view State::token_at(const char* place) const {
  if (place >= end()) return {};
  const char* last = place;
  if (is_word_character(*place)) {
    while (last < end() && is_word_character(*last)) ++last;
  } else if (*place == '"') {
    do ++last;
    while (last < end() && *last != '"');
    if (last < end()) ++last;
  } else {
    static constexpr std::string_view pairs[] = {
        "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", ":=", ".*", "./", ".^"};
    const std::string_view two(place, std::min<std::size_t>(2, end() - place));
    last += std::ranges::find(pairs, two) != std::end(pairs) ? 2 : 1;
  }
  return {place, static_cast<std::size_t>(last - place)};
}

} // namespace sibyl::grammar
