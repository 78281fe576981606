// A text to compile and places in it.
//
// Every node that the parser makes carries a Span: byte offsets into one Source. Offsets are cheap to copy and survive
// any later transformation; lines and columns are computed only when a message is shown. The standard library's files
// are Sources too, so a span names its source by number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl {

// Half-open byte range [begin, end) of the source numbered `source` (0: the user's text; the standard library's files
// are numbered from 1 in the order in which they were read).
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint32_t source = 0;
  friend auto operator<=>(const Span&, const Span&) = default;
};

// From the start of `first` to the end of `last`; both must lie in one source.
constexpr Span join(Span first, Span last) { return {first.begin, last.end, first.source}; }

// 1-based; a column counts code points, not bytes.
struct LineColumn {
  int line = 1;
  int column = 1;
};

class Source {
 public:
  Source(std::string name, std::string text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  // The place of a byte offset in the file that it is from; offsets past the end give the place behind the last
  // character.
  LineColumn locate(std::uint32_t offset) const;
  // That file, as messages print it: this source's name, but for what was included from another (files/model_text.hpp).
  const std::string& file_at(std::uint32_t offset) const;
  // The place within this text, whatever files it was put together from.
  LineColumn locate_in_text(std::uint32_t offset) const;
  // The text of a 1-based line of this text without its line break; empty when there is no such line.
  std::string_view line(int number) const;
  std::string_view slice(Span span) const;

 private:
  std::string name_; // as messages print it: a path, or "<model>"
  std::string text_;
  std::vector<std::uint32_t> line_starts_;
  // From a mark on, lines are another file's: `//#12 "priors.stan"`, "" for this source's own.
  struct Part {
    int begin; // the first line behind the mark
    int line;  // its number in that file
    std::string file;
  };
  const Part* part_of(int line) const;
  std::vector<Part> parts_;
};

} // namespace sibyl
