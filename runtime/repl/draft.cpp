#include "runtime/repl/draft.hpp"

#include "lang/words.hpp"
#include "runtime/repl/input.hpp"

#include <algorithm>

namespace sibyl::repl {

using ast::BlockKind;

std::uint32_t Inputs::add(const std::string& text) {
  sources_.emplace_back("<" + std::to_string(++typed_) + ">", text);
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

std::uint32_t Inputs::add_file(const std::string& name, const std::string& text) {
  sources_.emplace_back(name, text);
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

std::vector<const Source*> Inputs::list(const Source& model) const {
  std::vector<const Source*> result;
  for (const Source& one : sources_) result.push_back(&one);
  result[0] = &model;
  return result;
}

Span Assembled::to_input(Span span) const {
  if (span.source != 0) return span;
  for (const Part& part : parts) {
    if (span.begin < part.begin || span.begin > part.end) continue;
    const std::uint32_t end = std::clamp(span.end, span.begin, part.end);
    return {part.input_begin + (span.begin - part.begin), part.input_begin + (end - part.begin), part.input};
  }
  return span;
}

Diagnostics Assembled::to_inputs(Diagnostics diagnostics, const Inputs& inputs) const {
  for (Diagnostic& one : diagnostics) {
    one.primary.span = to_input(one.primary.span);
    if (one.fix) one.fix->span = to_input(one.fix->span);
    std::vector<Label> near;
    for (Label& label : one.secondary) {
      label.span = to_input(label.span);
      if (label.span.source == one.primary.span.source) {
        near.push_back(label);
        continue;
      }
      // Only one input is shown with its text: what was typed elsewhere becomes a note.
      std::string note = label.text;
      if (label.span.source != 0) {
        const Source& elsewhere = inputs.at(label.span.source);
        const int line = elsewhere.locate(label.span.begin).line;
        note += " at " + elsewhere.name() + ":" + std::to_string(line) + ": `" +
                std::string(trimmed(elsewhere.line(line))) + "`";
      }
      one.notes.push_back(std::move(note));
    }
    one.secondary = std::move(near);
  }
  return diagnostics;
}

Declarations Draft::declarations() const {
  Declarations result;
  for (const Piece& piece : pieces_)
    if (piece.subject.kind == Subject::Kind::declaration) result[piece.subject.name] = piece.block;
  return result;
}

std::vector<Piece> Draft::add(const std::vector<Piece>& fresh) {
  std::vector<Piece> replaced;
  std::vector<Piece> kept = pieces_;
  for (const Piece& one : fresh) {
    const auto old = [&](const Piece& other) { return replaces(one.subject, other.subject); };
    const auto place = std::ranges::find_if(kept, [&](const Piece& other) {
      // What came with the same input stands beside it.
      return old(other) && (other.input != one.input);
    });
    if (place == kept.end()) {
      kept.push_back(one);
      continue;
    }
    replaced.push_back(*place);
    if (place->block == one.block) {
      *place = one;
    } else {
      kept.erase(place);
      kept.push_back(one);
    }
    std::erase_if(kept, [&](const Piece& other) {
      if (other.input == one.input || !old(other)) return false;
      replaced.push_back(other);
      return true;
    });
  }
  std::ranges::stable_sort(kept, {}, &Piece::block);
  pieces_ = std::move(kept);
  return replaced;
}

void Draft::remove(BlockKind block) {
  std::erase_if(pieces_, [&](const Piece& piece) { return piece.block == block; });
}

Assembled Draft::assemble(const std::string& name) const {
  std::string text;
  std::vector<Assembled::Part> parts;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (i == 0 || pieces_[i - 1].block != piece.block) {
      if (const auto heading = headings_.find(piece.block); heading != headings_.end()) text += heading->second;
      text += std::string(block_name(piece.block)) + " {\n";
    }
    text += "  ";
    const auto begin = static_cast<std::uint32_t>(text.size());
    text += piece.text;
    parts.push_back({begin, static_cast<std::uint32_t>(text.size()), piece.input, piece.begin});
    text += "\n";
    if (i + 1 == pieces_.size() || pieces_[i + 1].block != piece.block) text += "}\n";
  }
  return {Source(name, text), std::move(parts)};
}

namespace {

// Cuts a block's text into pieces, each with the comments above it and behind it.
class Cutter {
 public:
  Cutter(const ast::Program& program, const Source& text, std::uint32_t input, std::int64_t shift)
      : program_(program), text_(text), input_(input), shift_(shift) {}

  void add(BlockKind block, Subject subject, Span span) {
    const std::uint32_t begin = take_comments(span.begin, span.begin);
    ranges_.push_back({begin, span.end, 0});
    pieces_.push_back({block, std::move(subject), "", input_, 0});
  }

  // Comments up to `end` that no statement follows belong to the last one; `first` is the number of the block's first.
  void finish_block(std::uint32_t end, std::size_t first) {
    const bool has_piece = pieces_.size() > first;
    const std::uint32_t begin = take_comments(end, end);
    if (has_piece && begin < end) ranges_.back().end = last_taken_end_;
  }

  std::string comments_before(std::uint32_t place) {
    std::string result;
    for (; next_ < program_.comments.size() && program_.comments[next_].span.begin < place; ++next_)
      result += std::string(text_.slice(program_.comments[next_].span)) + "\n";
    return result;
  }

  std::size_t count() const { return pieces_.size(); }

  std::vector<Piece> finish() {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      pieces_[i].text = std::string(trimmed(text_.slice(ranges_[i])));
      pieces_[i].begin = static_cast<std::uint32_t>(std::max<std::int64_t>(0, ranges_[i].begin + shift_));
    }
    return std::move(pieces_);
  }

 private:
  // The begin of the first comment before `place` that stands on its own line; comments behind the statement before
  // are given to that.
  std::uint32_t take_comments(std::uint32_t place, std::uint32_t begin) {
    for (; next_ < program_.comments.size() && program_.comments[next_].span.begin < place; ++next_) {
      const ast::Comment& comment = program_.comments[next_];
      const bool is_inside = !ranges_.empty() && comment.span.begin < ranges_.back().end;
      last_taken_end_ = comment.span.end;
      if (is_inside) continue;
      if (!comment.own_line && !ranges_.empty() && begin == place) ranges_.back().end = comment.span.end;
      else begin = std::min(begin, comment.span.begin);
    }
    return begin;
  }

  const ast::Program& program_;
  const Source& text_;
  std::uint32_t input_;
  std::int64_t shift_;
  std::vector<Piece> pieces_;
  std::vector<Span> ranges_;
  std::size_t next_ = 0;
  std::uint32_t last_taken_end_ = 0;
};

template <typename Heading>
std::vector<Piece> cut(const ast::Program& program, const Source& text, std::uint32_t input, std::int64_t shift,
                       Heading&& heading) {
  Cutter cutter(program, text, input, shift);
  for (const ast::ProgramBlock& block : program.blocks) {
    heading(block.kind, cutter.comments_before(block.keyword.begin));
    const std::size_t first = cutter.count();
    for (const ast::FunctionDefinition& one : block.functions) cutter.add(block.kind, subject_of(one), one.span);
    for (const ast::StatementPtr& one : block.statements)
      if (!std::holds_alternative<ast::Empty>(one->node)) cutter.add(block.kind, subject_of(one), one->span);
    cutter.finish_block(block.span.end, first);
  }
  return cutter.finish();
}

} // namespace

std::vector<Piece> pieces_of(const ast::Program& program, const Source& text, std::uint32_t input, std::int64_t shift) {
  return cut(program, text, input, shift, [](BlockKind, const std::string&) {});
}

Draft draft_of(const ast::Program& program, const Source& text, std::uint32_t input) {
  Draft draft;
  const std::vector<Piece> pieces = cut(program, text, input, 0, [&](BlockKind block, std::string comments) {
    if (!comments.empty()) draft.set_heading(block, std::move(comments));
  });
  draft.add(pieces);
  return draft;
}

} // namespace sibyl::repl
