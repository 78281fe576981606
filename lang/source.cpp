#include "lang/source.hpp"

#include <algorithm>

namespace sibyl {

Source::Source(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (std::uint32_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  for (std::size_t at = text_.find("//#"); at != std::string::npos; at = text_.find("//#", at + 1)) {
    const int line = locate_in_text(static_cast<std::uint32_t>(at)).line;
    const std::string_view mark = this->line(line);
    const std::size_t digits = mark.find_first_not_of("0123456789", 3);
    if (mark.data() != text_.data() + at || digits == 3 || digits > 11 || mark.substr(digits, 2) != " \"" ||
        mark.back() != '"' || mark.size() < digits + 3)
      continue;
    parts_.push_back({line + 1, std::stoi(std::string(mark.substr(3, digits - 3))),
                      std::string(mark.substr(digits + 2, mark.size() - digits - 3))});
  }
}

const Source::Part* Source::part_of(int line) const {
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), line,
                                      [](int one, const Part& part) { return one < part.begin; });
  return after == parts_.begin() ? nullptr : &*(after - 1);
}

LineColumn Source::locate(std::uint32_t offset) const {
  LineColumn place = locate_in_text(offset);
  if (const Part* part = part_of(place.line)) place.line += part->line - part->begin;
  return place;
}

const std::string& Source::file_at(std::uint32_t offset) const {
  const Part* part = part_of(locate_in_text(offset).line);
  return part && !part->file.empty() ? part->file : name_;
}

LineColumn Source::locate_in_text(std::uint32_t offset) const {
  offset = std::min<std::uint32_t>(offset, static_cast<std::uint32_t>(text_.size()));
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const std::uint32_t start = *(after - 1);
  int column = 1;
  for (std::uint32_t i = start; i < offset; ++i)
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column; // not a UTF-8 continuation byte
  return {static_cast<int>(after - line_starts_.begin()), column};
}

std::string_view Source::line(int number) const {
  if (number < 1 || static_cast<std::size_t>(number) > line_starts_.size()) return {};
  const std::uint32_t begin = line_starts_[number - 1];
  std::size_t end = text_.find('\n', begin);
  if (end == std::string::npos) end = text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

std::string_view Source::slice(Span span) const {
  const std::size_t begin = std::min<std::size_t>(span.begin, text_.size());
  const std::size_t end = std::clamp<std::size_t>(span.end, begin, text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

} // namespace sibyl
