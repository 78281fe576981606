#include "lang/help.hpp"

#include "lang/edit_distance.hpp"
#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "lang/words.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace sibyl {

namespace {

using Kind = HelpEntry::Kind;
using Lines = std::vector<std::string_view>;

constexpr std::size_t line_width = 100;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The comment that ends right above the line, as one paragraph; the file's own, at its top, counts for a file that is
// one definition.
std::string comment_above(const Lines& lines, std::size_t line) {
  std::size_t first = line;
  while (first > 0 && lines[first - 1].starts_with("//") && !lines[first - 1].starts_with("//:")) --first;
  std::string text;
  for (std::size_t i = first; i < line; ++i) {
    const std::string_view words = trimmed(lines[i].substr(2));
    if (!text.empty() && !words.empty()) text += ' ';
    text += words;
  }
  return text;
}

// What stands before the body of the definition that begins at a line, which may go on over others.
std::string signature_at(const Lines& lines, std::size_t line) {
  std::string text;
  for (; line < lines.size(); ++line) {
    if (!text.empty()) text += ' ';
    text += trimmed(lines[line]);
    if (const std::size_t body = text.find('{'); body != text.npos) return std::string(trimmed(text.substr(0, body)));
  }
  return text;
}

// The name in front of a signature's first parenthesis; "" where the line begins no definition.
std::string defined_name(std::string_view line) {
  // A function may return a tuple: `tuple(matrix, vector) name(...)`.
  const std::size_t end = line.find('(', line.starts_with("tuple(") ? line.find(") ") : 0);
  if (end == line.npos || line.empty() || !std::isalpha(static_cast<unsigned char>(line.front()))) return "";
  const std::size_t space = line.find_last_of(' ', end);
  return space == line.npos ? "" : std::string(line.substr(space + 1, end - space - 1));
}

void add_functions(const LibraryText& file, std::vector<HelpEntry>& entries) {
  const Lines lines = lines_of(file.text);
  std::map<std::string, HelpEntry> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool is_primitive = lines[i].starts_with("//: ");
    const std::string signature = is_primitive ? std::string(lines[i].substr(4)) : signature_at(lines, i);
    const std::string name = defined_name(is_primitive ? std::string_view(signature) : lines[i]);
    if (name.empty()) continue;
    HelpEntry& entry = found[name];
    entry.name = name;
    entry.file = file.name;
    if (entry.meaning.empty()) entry.meaning = comment_above(lines, i);
    entry.signatures.push_back(signature);
  }
  for (auto& [name, entry] : found) {
    const auto same = std::find_if(entries.begin(), entries.end(), [&name = name](const HelpEntry& one) {
      return one.kind == Kind::function && one.name == name;
    });
    if (same == entries.end()) {
      entries.push_back(std::move(entry));
      continue;
    }
    // Overloads in another file.
    same->signatures.insert(same->signatures.end(), entry.signatures.begin(), entry.signatures.end());
    if (same->meaning.empty()) same->meaning = entry.meaning;
  }
}

void add_definition(const LibraryText& file, Kind kind, std::vector<HelpEntry>& entries) {
  const Lines lines = lines_of(file.text);
  const std::string_view word = kind == Kind::distribution ? "distribution " : "transform ";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with(word)) continue;
    HelpEntry entry;
    entry.kind = kind;
    const std::string signature = signature_at(lines, i);
    entry.signatures = {signature.substr(word.size())};
    entry.name = signature.substr(word.size(), signature.find('(') - word.size());
    entry.file = file.name;
    entry.meaning = comment_above(lines, i);
    for (std::size_t k = i; k < lines.size(); ++k) entry.definition += std::string(lines[k]) + "\n";
    entries.push_back(std::move(entry));
  }
}

std::vector<HelpEntry> read_all() {
  std::vector<HelpEntry> entries;
  for (const LibraryText& file : library_texts()) {
    if (file.name.starts_with("distributions/")) add_definition(file, Kind::distribution, entries);
    else if (file.name.starts_with("transforms/")) add_definition(file, Kind::transform, entries);
    else add_functions(file, entries);
  }
  std::stable_sort(entries.begin(), entries.end(), [](const HelpEntry& a, const HelpEntry& b) {
    return std::pair(a.kind, a.name) < std::pair(b.kind, b.name);
  });
  return entries;
}

// The lines of a definition that begin with the word, without it and the semicolon.
std::vector<std::string> clauses(const HelpEntry& entry, std::string_view word) {
  std::vector<std::string> found;
  for (const std::string_view line : lines_of(entry.definition)) {
    std::string_view text = trimmed(line);
    if (!text.starts_with(word) || text.size() == word.size() || text[word.size()] != ' ') continue;
    text = trimmed(text.substr(word.size()));
    while (!text.empty() && text.back() == ';') text.remove_suffix(1);
    found.emplace_back(text);
  }
  return found;
}

// The member function with its comment, body and all; "" where there is none.
std::string member(const HelpEntry& entry, const std::string& name) {
  const Lines lines = lines_of(entry.definition);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with("   ") || lines[i].find(" " + name + "(") == std::string_view::npos) continue;
    std::string text;
    int depth = 0;
    for (std::size_t k = i; k < lines.size(); ++k) {
      text += std::string(lines[k]) + "\n";
      for (const char c : lines[k]) depth += (c == '{') - (c == '}');
      if (depth == 0) return text;
    }
  }
  return "";
}

std::string wrapped(const std::string& text, const std::string& indent) {
  std::string result, line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > line_width) {
      result += indent + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return line.empty() ? result : result + indent + line + "\n";
}

std::string distribution_text(const HelpEntry& entry) {
  const std::string& name = entry.name;
  const std::size_t open = entry.signatures.front().find('(');
  const std::string parameters =
      entry.signatures.front().substr(open + 1, entry.signatures.front().rfind(')') - open - 1);
  const auto meanings = clauses(entry, "means");
  const auto support = clauses(entry, "support");
  // What a file that says what it means does not say, the file of that says.
  const HelpEntry* same =
      meanings.empty() ? nullptr : find_help(meanings.front().substr(0, meanings.front().find('(')));
  const HelpEntry& own = same && same->kind == Kind::distribution ? *same : entry;
  const auto outcome = clauses(own, "support");
  const bool is_discrete =
      !outcome.empty() && (outcome[0].starts_with("int") || outcome[0].find("] int") != std::string::npos);
  const std::string density = is_discrete ? "_lpmf" : "_lpdf";
  std::string type = outcome.empty() ? "real" : outcome[0];
  for (const char bracket : {'<', '['})
    if (!type.starts_with("array")) type = type.substr(0, type.find(bracket));
  std::string text = "  y ~ " + name + "(" + parameters + ")\n";
  text += "  real " + name + density + "(" + type + " y" + (parameters.empty() ? "" : " | " + parameters) + ")\n";
  if (!member(entry, "log_tail").empty())
    text += "  real " + name + "_lcdf, " + name + "_lccdf, " + name + "_cdf, likewise\n";
  if (const std::string sample = member(entry, "sample"); !sample.empty()) {
    const std::size_t begin = sample.find("sample(") + 7;
    std::string sizes = sample.substr(begin, sample.find(')', begin) - begin);
    if (!sizes.empty() && !parameters.empty()) sizes += ", ";
    text += "  " + type + " " + name + "_rng(" + sizes + parameters + ")\n";
  }
  text += "\n";
  for (const std::string& one : meanings) text += "means    " + one + "\n";
  for (const std::string& one : support) text += "support  " + one + "\n";
  for (const std::string& one : clauses(entry, "require")) text += "requires " + one + "\n";
  if (const std::string formula = member(entry, "log_density"); !formula.empty()) text += "\n" + formula;
  return text;
}

std::string transform_text(const HelpEntry& entry) {
  std::string text;
  for (const std::string& one : clauses(entry, "constrained")) text += "constrained    " + one + "\n";
  for (const std::string& one : clauses(entry, "unconstrained")) text += "unconstrained  " + one + " numbers\n";
  for (const std::string& one : clauses(entry, "require")) text += "requires       " + one + "\n";
  for (const char* one : {"constrain", "unconstrain", "log_jacobian"})
    if (const std::string formula = member(entry, one); !formula.empty()) text += "\n" + formula;
  return text;
}

const char* word_for(Kind kind) {
  return kind == Kind::distribution ? "distribution" : kind == Kind::transform ? "transform" : "function";
}

} // namespace

const std::vector<HelpEntry>& help_entries() {
  static const std::vector<HelpEntry> entries = read_all();
  return entries;
}

const HelpEntry* find_help(std::string_view name) {
  const auto find = [](std::string_view wanted) -> const HelpEntry* {
    const auto& all = help_entries();
    const auto found = std::find_if(all.begin(), all.end(), [&](const HelpEntry& one) { return one.name == wanted; });
    return found == all.end() ? nullptr : &*found;
  };
  if (const HelpEntry* entry = find(name)) return entry;
  for (const std::string_view suffix : {"_lpdf", "_lpmf", "_lupdf", "_lupmf", "_lcdf", "_lccdf", "_cdf", "_rng"})
    if (name.ends_with(suffix))
      if (const HelpEntry* entry = find(name.substr(0, name.size() - suffix.size()));
          entry && entry->kind == Kind::distribution)
        return entry;
  return nullptr;
}

std::string help_text(std::string_view name) {
  const HelpEntry* entry = find_help(name);
  if (!entry) {
    std::vector<std::string> names;
    for (const HelpEntry& one : help_entries()) names.push_back(one.name);
    const auto nearest = nearest_name(std::string(name), names);
    throw UserError("there is no distribution, function or transform `" + std::string(name) + "`" +
                    (nearest ? "; did you mean `" + *nearest + "`?" : ""));
  }
  std::string text;
  // One name may be two things: the beta distribution and the beta function.
  for (const HelpEntry& one : help_entries()) {
    if (one.name != entry->name) continue;
    if (!text.empty()) text += "\n";
    text += one.name + ", a " + word_for(one.kind) + " (stdlib/" + one.file + ")\n" + wrapped(one.meaning, "  ") + "\n";
    if (one.kind == Kind::distribution) text += distribution_text(one);
    else if (one.kind == Kind::transform) text += transform_text(one);
    else
      for (const std::string& signature : one.signatures) text += "  " + signature + "\n";
  }
  return text;
}

std::string help_index() {
  const auto names = [](const auto& is_wanted) {
    std::string all;
    for (const HelpEntry& one : help_entries())
      if (is_wanted(one)) all += (all.empty() ? "" : " ") + one.name;
    return wrapped(all, "  ");
  };
  std::string text = "distributions\n" + names([](const HelpEntry& one) { return one.kind == Kind::distribution; });
  text += "\ntransforms (constrained types and bounds)\n" +
          names([](const HelpEntry& one) { return one.kind == Kind::transform; });
  for (const LibraryText& file : library_texts()) {
    if (!file.name.starts_with("functions/")) continue;
    std::string_view stem = file.name;
    stem = stem.substr(stem.find('/') + 1);
    text += "\nfunctions: " + std::string(stem.substr(0, stem.rfind('.'))) + "\n" +
            names([&](const HelpEntry& one) { return one.kind == Kind::function && one.file == file.name; });
  }
  return text;
}

} // namespace sibyl
