#include "runtime/repl/typed_input.hpp"

#include "lang/constrained_types.hpp"
#include "lang/parse.hpp"
#include "lang/words.hpp"
#include "runtime/repl/input.hpp"

#include <algorithm>

namespace sibyl::repl {

using ast::BlockKind;

namespace {

bool is_one_of(char c, std::string_view characters) { return characters.find(c) != characters.npos; }

// The text as the body of a block, so that the parser takes it.
struct Wrapped {
  Source source;
  std::int64_t shift; // from places in `source` to places in the input
};

Wrapped wrap(const Source& input, std::size_t skip, BlockKind block) {
  const std::string head = std::string(block_name(block)) + " {";
  const std::string_view body = input.text().substr(skip);
  std::string text = head + std::string(body);
  const std::string_view code = trimmed(body);
  if (!code.ends_with(";") && !code.ends_with("}")) text += body.find("//") == body.npos ? ";" : "\n;";
  text += "\n}";
  return {Source(input.name(), text), static_cast<std::int64_t>(skip) - static_cast<std::int64_t>(head.size())};
}

Diagnostics shifted(Diagnostics diagnostics, std::int64_t shift, const Source& input, std::uint32_t number) {
  const auto move = [&](Span& span) {
    const auto size = static_cast<std::int64_t>(input.text().size());
    const auto place = [&](std::uint32_t at) {
      return static_cast<std::uint32_t>(std::clamp<std::int64_t>(at + shift, 0, size));
    };
    span = {place(span.begin), place(span.end), number};
  };
  for (Diagnostic& one : diagnostics) {
    move(one.primary.span);
    for (Label& label : one.secondary) move(label.span);
    if (one.fix) move(one.fix->span);
  }
  return diagnostics;
}

bool starts_with_type(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n<["));
  if (word.size() == text.size()) return false;
  for (const std::string_view type : {"int", "real", "vector", "row_vector", "matrix", "array", "void"})
    if (word == type) return true;
  return constrained_type_names().contains(word);
}

// Which kind of mistake to report where nothing fits.
bool looks_like_statement(std::string_view text) {
  if (starts_with_type(text) || text.ends_with(";") || text.ends_with("}") || text.find('~') != text.npos) return true;
  for (std::size_t i = text.find('='); i != text.npos; i = text.find('=', i + 1)) {
    const bool compares = (i > 0 && is_one_of(text[i - 1], "=<>!")) || (i + 1 < text.size() && text[i + 1] == '=');
    if (!compares) return true;
  }
  return false;
}

bool is_statement_call(const ast::ExpressionPtr& expression) {
  const auto* call = std::get_if<ast::Call>(&expression->node);
  return call && (call->function.name == "print" || call->function.name == "reject");
}

// An input, or a part of one with blanks before it: places are those of the input.
TypedInput read_part(const Source& input, std::uint32_t number, const Declarations& declared) {
  TypedInput result;
  const std::string_view text = input.text();
  const auto prefix = block_prefix(text);
  if (prefix && prefix->has_brace) {
    result.names_block = true;
    const ParseResult parsed = parse(input);
    result.diagnostics = shifted(parsed.diagnostics, 0, input, number);
    if (parsed.program) result.pieces = pieces_of(*parsed.program, input, number, 0);
    return result;
  }
  if (!prefix) {
    std::string_view code = trimmed(text);
    if (code.ends_with(";")) code.remove_suffix(1);
    const Source alone(input.name(), std::string(text.substr(0, static_cast<std::size_t>(code.end() - text.begin()))));
    ExpressionParseResult parsed = parse_expression(alone, number);
    if (parsed.expression && !is_statement_call(parsed.expression)) {
      result.expression = std::move(parsed.expression);
      return result;
    }
    result.diagnostics = shifted(std::move(parsed.diagnostics), 0, input, number);
  }
  // A block's name before the statement, none, or a function.
  const auto read_as = [&](BlockKind block) {
    const Wrapped wrapped = wrap(input, prefix ? prefix->length : 0, block);
    const ParseResult parsed = parse(wrapped.source);
    if (!parsed.program) return shifted(parsed.diagnostics, wrapped.shift, input, number);
    result.pieces = pieces_of(*parsed.program, wrapped.source, number, wrapped.shift);
    if (block == BlockKind::functions) return Diagnostics{};
    // Where the named block takes declarations alone, other statements behind them find their own.
    const bool holds_all = prefix && block != BlockKind::data && block != BlockKind::parameters;
    // Statements of one input see what those before it declare.
    Declarations known = declared;
    std::size_t next = 0;
    for (const ast::StatementPtr& one : parsed.program->blocks.front().statements) {
      if (std::holds_alternative<ast::Empty>(one->node)) continue;
      Piece& piece = result.pieces[next++];
      const bool is_declaration = piece.subject.kind == Subject::Kind::declaration;
      if (!holds_all && !(prefix && is_declaration)) piece.block = block_of(one, known);
      if (is_declaration) known[piece.subject.name] = piece.block;
      result.names_block &= piece.block == block;
    }
    return Diagnostics{};
  };
  result.names_block = prefix.has_value();
  Diagnostics problems = read_as(prefix ? prefix->kind : BlockKind::model);
  if (!result.pieces.empty()) {
    result.diagnostics.clear();
  } else if (!prefix && read_as(BlockKind::functions).empty() && !result.pieces.empty()) {
    result.diagnostics.clear();
  } else if (prefix || looks_like_statement(trimmed(text))) {
    result.diagnostics = std::move(problems);
  }
  return result;
}

Diagnostic asked_among_statements(Span span) {
  Diagnostic error;
  error.code = "value-among-statements";
  error.message = "a value is asked for in a line of its own";
  error.primary.span = span;
  return error;
}

} // namespace

TypedInput read_input(const Source& input, std::uint32_t number, const Declarations& declared) {
  std::vector<std::size_t> starts = part_starts(input.text());
  if (starts.size() == 1) return read_part(input, number, declared);
  starts.push_back(input.text().size());
  TypedInput result;
  result.names_block = true;
  Declarations known = declared;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    std::string text(input.text().substr(0, starts[i + 1]));
    for (std::size_t at = 0; at < starts[i]; ++at)
      if (text[at] != '\n') text[at] = ' ';
    TypedInput part = read_part(Source(input.name(), text), number, known);
    if (part.expression) part.diagnostics.push_back(asked_among_statements(part.expression->span));
    result.diagnostics.insert(result.diagnostics.end(), part.diagnostics.begin(), part.diagnostics.end());
    result.names_block &= part.names_block;
    for (Piece& piece : part.pieces) {
      if (piece.subject.kind == Subject::Kind::declaration) known[piece.subject.name] = piece.block;
      result.pieces.push_back(std::move(piece));
    }
  }
  return result;
}

} // namespace sibyl::repl
