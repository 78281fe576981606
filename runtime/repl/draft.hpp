// The model that is being typed: declarations, statements and functions in their blocks, each as it was typed and with
// the place where, so that a message about the model underlines what was typed.
#pragma once

#include "lang/ast.hpp"
#include "lang/diagnostic.hpp"
#include "lang/source.hpp"
#include "runtime/repl/placement.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace sibyl::repl {

// All that was typed or loaded, numbered from 1: spans of diagnostics name it by this number. 0 is the model's own
// text.
class Inputs {
 public:
  Inputs() { sources_.emplace_back("<model>", ""); }
  std::uint32_t add(const std::string& text); // called <1>, <2>, ...
  std::uint32_t add_file(const std::string& name, const std::string& text);
  const Source& at(std::uint32_t number) const { return sources_[number]; }
  std::vector<const Source*> list(const Source& model) const; // for render()

 private:
  std::deque<Source> sources_;
  int typed_ = 0;
};

struct Piece {
  ast::BlockKind block = ast::BlockKind::model;
  Subject subject;
  std::string text;        // with the comments that belong to it
  std::uint32_t input = 0; // where it was typed
  std::uint32_t begin = 0;
};

// The whole text, and where its parts were typed.
struct Assembled {
  struct Part {
    std::uint32_t begin, end; // in the text
    std::uint32_t input, input_begin;
  };
  Source source;
  std::vector<Part> parts;

  Span to_input(Span span) const; // unchanged where it was not typed
  Diagnostics to_inputs(Diagnostics diagnostics, const Inputs& inputs) const;
};

class Draft {
 public:
  bool is_empty() const { return pieces_.empty(); }
  const std::vector<Piece>& pieces() const { return pieces_; }
  Declarations declarations() const;

  // Puts the pieces at the end of their blocks or in the places of those that they replace, which are returned.
  std::vector<Piece> add(const std::vector<Piece>& fresh);
  void remove(ast::BlockKind block);
  void set_heading(ast::BlockKind block, std::string comments) { headings_[block] = std::move(comments); }

  // `name` is what the text is called.
  Assembled assemble(const std::string& name) const;

 private:
  std::vector<Piece> pieces_;
  std::map<ast::BlockKind, std::string> headings_; // comments above the block
};

// The statements and functions of a parsed text as pieces. `shift` is added to places: the text may be a part of the
// input, in which its first byte has that place.
std::vector<Piece> pieces_of(const ast::Program& program, const Source& text, std::uint32_t input, std::int64_t shift);

// A whole file as a draft.
Draft draft_of(const ast::Program& program, const Source& text, std::uint32_t input);

} // namespace sibyl::repl
