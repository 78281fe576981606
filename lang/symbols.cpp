#include "lang/symbols.hpp"

#include "lang/words.hpp"

#include <cctype>

namespace sibyl {

namespace {

const char* name_of(ast::BlockKind kind) {
  static constexpr const char* names[] = {
      "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
      "generated quantities"};
  return names[static_cast<int>(kind)];
}

class Finder {
 public:
  Finder(const ast::Program& program, const Source& source) : source_(source) {
    const auto end = static_cast<std::uint32_t>(source.text().size());
    for (const ast::ProgramBlock& block : program.blocks) {
      block_ = name_of(block.kind);
      // A block's variables hold in all later ones; in either order for data and parameters.
      const bool is_model = block.kind == ast::BlockKind::model;
      for (const ast::FunctionDefinition& function : block.functions) {
        add(Symbol::Kind::function, function.name, {function.span.begin, function.name.span.end}, {0, end}, false);
        symbols_.back().declaration = signature(function);
        for (const ast::Argument& argument : function.arguments)
          add(Symbol::Kind::variable, argument.name, {argument.type.span.begin, argument.name.span.end}, function.span,
              true);
        see(function.body, function.span, true);
      }
      const Span scope = is_model ? block.span : Span{0, end};
      for (const ast::StatementPtr& one : block.statements) see(one, scope, is_model);
    }
  }

  std::vector<Symbol> take() { return std::move(symbols_); }

 private:
  std::string signature(const ast::FunctionDefinition& function) const {
    const std::uint32_t end = function.body ? function.body->span.begin : function.span.end;
    std::string text(source_.slice({function.span.begin, end}));
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text;
  }

  void add(Symbol::Kind kind, const ast::Identifier& name, Span declaration, Span scope, bool is_local) {
    symbols_.push_back({kind, name.name, std::string(source_.slice(declaration)), block_, is_local, name.span, scope});
  }

  void see(const ast::StatementPtr& tree, Span scope, bool is_local) {
    if (!tree) return;
    if (const auto* declaration = std::get_if<ast::Declaration>(&tree->node)) {
      add(Symbol::Kind::variable, declaration->name, {declaration->type.span.begin, declaration->name.span.end}, scope,
          is_local);
    } else if (const auto* block = std::get_if<ast::Block>(&tree->node)) {
      for (const ast::StatementPtr& one : block->statements) see(one, tree->span, true);
    } else if (const auto* branch = std::get_if<ast::If>(&tree->node)) {
      see(branch->then_body, tree->span, true);
      see(branch->else_body, tree->span, true);
    } else {
      std::visit(
          [&](const auto& node) {
            if constexpr (requires { node.body; }) {
              if constexpr (requires { node.variable; }) {
                add(Symbol::Kind::variable, node.variable, node.variable.span, tree->span, true);
                symbols_.back().declaration = std::string(source_.slice({tree->span.begin, node.body->span.begin}));
              }
              see(node.body, tree->span, true);
            }
          },
          tree->node);
    }
  }

  const Source& source_;
  std::string block_;
  std::vector<Symbol> symbols_;
};

} // namespace

std::vector<Symbol> find_symbols(const ast::Program& program, const Source& source) {
  return Finder(program, source).take();
}

const Symbol* find_symbol(const std::vector<Symbol>& symbols, std::string_view name, std::uint32_t offset) {
  const Symbol* found = nullptr;
  for (const Symbol& one : symbols) {
    if (one.name != name || offset < one.scope.begin || offset > one.scope.end) continue;
    if (!found || one.scope.end - one.scope.begin <= found->scope.end - found->scope.begin) found = &one;
  }
  return found;
}

Span identifier_at(std::string_view text, std::uint32_t offset) {
  std::size_t begin = std::min<std::size_t>(offset, text.size()), end = begin;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  while (end < text.size() && is_word(text[end])) ++end;
  if (begin == end || std::isdigit(static_cast<unsigned char>(text[begin]))) return {offset, offset};
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

} // namespace sibyl
