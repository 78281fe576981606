#include "lang/diagnostic.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <tuple>

namespace sibyl {

namespace {

const char* word_for(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

struct Colours {
  const char* severity;
  const char* frame;
  const char* bold;
  const char* reset;
};

Colours colours_for(Severity severity, RenderStyle style) {
  if (style == RenderStyle::plain) return {"", "", "", ""};
  return {severity == Severity::error     ? "\033[1;31m"
          : severity == Severity::warning ? "\033[1;33m"
                                          : "\033[1;36m",
          "\033[1;34m", "\033[1m", "\033[0m"};
}

// A line with tabs expanded to multiples of four, and for each byte of the line the column where it is shown.
struct ShownLine {
  std::string text;
  std::vector<int> columns; // one more than bytes
};

ShownLine show(std::string_view line) {
  ShownLine shown;
  int column = 0;
  for (char c : line) {
    shown.columns.push_back(column);
    if (c == '\t') {
      const int width = 4 - column % 4;
      shown.text.append(width, ' ');
      column += width;
    } else {
      shown.text += c;
      if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++column;
    }
  }
  // Inside a character of several bytes the column is that of the next one; marks begin and end on whole characters.
  shown.columns.push_back(column);
  return shown;
}

// One underline on one line: bytes [begin, end) of the line.
struct Mark {
  std::size_t begin, end;
  char character;
  std::string text;
};

constexpr std::size_t longest_line = 200; // bytes

class Renderer {
 public:
  Renderer(const Diagnostic& diagnostic, const std::vector<const Source*>& sources, RenderStyle style)
      : diagnostic_(diagnostic), sources_(sources), colours_(colours_for(diagnostic.severity, style)) {}

  std::string run() {
    const Source& source = *sources_.at(diagnostic_.primary.span.source);
    add_marks(diagnostic_.primary, '^', diagnostic_.fix ? diagnostic_.fix->text : "");
    for (const Label& label : diagnostic_.secondary)
      if (label.span.source == diagnostic_.primary.span.source) add_marks(label, '-', "");

    for (const auto& [number, marks] : lines_)
      margin_ = std::max(margin_, std::to_string(number_in_file(source, number)).size());
    const LineColumn place = source.locate(diagnostic_.primary.span.begin);
    out_ += std::string(colours_.severity) + word_for(diagnostic_.severity) + colours_.reset + colours_.bold + ": " +
            diagnostic_.message + colours_.reset + "\n";
    out_ += std::string(margin_, ' ') + colours_.frame + "--> " + colours_.reset +
            source.file_at(diagnostic_.primary.span.begin) + ":" + std::to_string(place.line) + ":" +
            std::to_string(place.column) + "\n";
    gutter("");
    out_ += "\n";
    int previous = 0;
    const std::string* file = &source.file_at(diagnostic_.primary.span.begin);
    for (const auto& [number, marks] : lines_) {
      const std::string& here = source.file_at(begin_of(source, number));
      if (here != *file) out_ += std::string(margin_, ' ') + colours_.frame + "::: " + colours_.reset + here + "\n";
      else if (previous != 0 && number > previous + 1)
        out_ += std::string(colours_.frame) + "..." + colours_.reset + "\n";
      file = &here;
      line(source, number, marks);
      previous = number;
    }
    for (const std::string& note : diagnostic_.notes) {
      out_ += std::string(margin_ + 1, ' ') + colours_.frame + "= " + colours_.reset + "note: " + note + "\n";
    }
    return out_;
  }

 private:
  static std::uint32_t begin_of(const Source& source, int line) {
    return static_cast<std::uint32_t>(source.line(line).data() - source.text().data());
  }
  static int number_in_file(const Source& source, int line) { return source.locate(begin_of(source, line)).line; }

  // A range over several lines is marked on its first and last line.
  void add_marks(const Label& label, char character, const std::string& suggestion) {
    const Source& source = *sources_.at(label.span.source);
    const LineColumn first = source.locate_in_text(label.span.begin);
    const LineColumn last = source.locate_in_text(std::max(label.span.end, label.span.begin + 1) - 1);
    std::string text = label.text;
    if (!suggestion.empty()) text += (text.empty() ? "" : "; ") + suggestion;
    const auto line_begin = [&](int number) { return source.line(number).data() - source.text().data(); };
    if (first.line == last.line) {
      const std::size_t begin = label.span.begin - line_begin(first.line);
      const std::size_t end = std::max<std::size_t>(label.span.end - line_begin(first.line), begin + 1);
      lines_[first.line].push_back({begin, end, character, text});
    } else {
      lines_[first.line].push_back({label.span.begin - static_cast<std::size_t>(line_begin(first.line)),
                                    source.line(first.line).size(), character, ""});
      std::size_t indent = source.line(last.line).find_first_not_of(" \t");
      if (indent == std::string_view::npos) indent = 0;
      const std::size_t end = label.span.end - line_begin(last.line);
      lines_[last.line].push_back({std::min(indent, end - 1), end, character, text});
    }
  }

  void gutter(const std::string& number) {
    out_ += colours_.frame + std::string(margin_ - number.size(), ' ') + number + " |" + colours_.reset;
  }

  void line(const Source& source, int number, const std::vector<Mark>& marks) {
    std::string_view text = source.line(number);
    // Of a very long line, what is around the mark.
    std::size_t skipped = 0;
    std::string before, after;
    if (text.size() > longest_line) {
      const auto is_within_character = [&](std::size_t byte) {
        return byte < text.size() && (static_cast<unsigned char>(text[byte]) & 0xC0) == 0x80;
      };
      skipped = std::max(marks.front().begin, longest_line / 2) - longest_line / 2;
      while (is_within_character(skipped)) --skipped;
      std::size_t end = std::min(text.size(), skipped + longest_line);
      while (is_within_character(end)) ++end;
      if (skipped > 0) before = "...";
      if (end < text.size()) after = "...";
      text = text.substr(skipped, end - skipped);
    }
    const ShownLine shown = show(text);
    gutter(std::to_string(number_in_file(source, number)));
    out_ += (shown.text.empty() ? "" : " ") + before + shown.text + after + "\n";
    const auto column = [&](std::size_t byte) {
      const int within = shown.columns[std::min(std::max(byte, skipped) - skipped, text.size())];
      return within + static_cast<int>(before.size());
    };
    for (const Mark& mark : marks) {
      const int begin = column(mark.begin);
      const int width = std::max(1, column(mark.end) - begin);
      gutter("");
      out_ += " " + std::string(begin, ' ') + (mark.character == '^' ? colours_.severity : colours_.frame) +
              std::string(width, mark.character) + (mark.text.empty() ? "" : " " + mark.text) + colours_.reset + "\n";
    }
  }

  const Diagnostic& diagnostic_;
  const std::vector<const Source*>& sources_;
  Colours colours_;
  std::map<int, std::vector<Mark>> lines_;
  std::size_t margin_ = 1;
  std::string out_;
};

} // namespace

bool has_errors(const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& one) { return one.severity == Severity::error; });
}

void sort_and_deduplicate(Diagnostics& diagnostics) {
  const auto key = [](const Diagnostic& one) {
    return std::make_tuple(one.primary.span.source, one.primary.span.begin, one.severity, one.primary.span.end,
                           one.message);
  };
  std::ranges::stable_sort(diagnostics, {}, key);
  const auto repeated = std::ranges::unique(diagnostics, {}, key);
  diagnostics.erase(repeated.begin(), repeated.end());
}

std::string render(const Diagnostic& diagnostic, const std::vector<const Source*>& sources, RenderStyle style) {
  return Renderer(diagnostic, sources, style).run();
}

std::string render(const Diagnostics& diagnostics, const std::vector<const Source*>& sources, RenderStyle style) {
  std::string text;
  for (const Diagnostic& one : diagnostics) {
    if (!text.empty()) text += "\n";
    text += render(one, sources, style);
  }
  return text;
}

std::string render_json(const Diagnostics& diagnostics, const std::vector<const Source*>& sources) {
  const auto place = [&](Span span) {
    const Source& source = *sources.at(span.source);
    const LineColumn begin = source.locate(span.begin), end = source.locate(span.end);
    return nlohmann::ordered_json{{"file", source.file_at(span.begin)},
                                  {"line", begin.line},
                                  {"column", begin.column},
                                  {"end_line", end.line},
                                  {"end_column", end.column}};
  };
  auto array = nlohmann::ordered_json::array();
  for (const Diagnostic& one : diagnostics) {
    nlohmann::ordered_json json{{"severity", word_for(one.severity)}, {"code", one.code}, {"message", one.message}};
    json.update(place(one.primary.span));
    if (!one.primary.text.empty()) json["label"] = one.primary.text;
    for (const Label& label : one.secondary) {
      auto entry = place(label.span);
      entry["label"] = label.text;
      json["secondary"].push_back(entry);
    }
    for (const std::string& note : one.notes) json["notes"].push_back(note);
    if (one.fix) {
      auto fix = place(one.fix->span);
      fix["replacement"] = one.fix->replacement;
      fix["text"] = one.fix->text;
      json["fix"] = fix;
    }
    array.push_back(json);
  }
  return array.dump(2);
}

} // namespace sibyl
