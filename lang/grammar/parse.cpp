#include "lang/parse.hpp"

#include "lang/grammar/rules.hpp"

namespace sibyl {

namespace {

using grammar::State;
namespace x3 = grammar::x3;

constexpr std::size_t most_diagnostics = 20;

// Matches the whole text; what goes wrong is in the state's diagnostics.
template <typename Rule, typename Attribute>
void run(const Rule& rule, State& state, Attribute& attribute) {
  if (grammar::scan(state)) {
    grammar::Iterator first = state.begin();
    const auto parser = x3::with<grammar::StateTag>(std::ref(state))[rule];
    try {
      if (!x3::phrase_parse(first, state.end(), parser, grammar::skipper, attribute) || first != state.end())
        grammar::report_expectation(state, first, rule.name);
    } catch (const x3::expectation_failure<grammar::Iterator>& error) {
      grammar::report_expectation(state, error.where(), error.which());
    } catch (const grammar::TooDeep& found) {
      state.diagnostics.push_back({.code = "nesting-too-deep", .message = found.message, .primary = {found.span, ""}});
    }
  }
  sort_and_deduplicate(state.diagnostics);
  if (state.diagnostics.size() > most_diagnostics) state.diagnostics.resize(most_diagnostics);
}

} // namespace

ParseResult parse(const Source& source, std::uint32_t source_number, Includes includes) {
  State state{.source = source, .source_number = source_number, .keeps_includes = includes == Includes::kept};
  ast::Program program;
  run(grammar::program, state, program);
  ParseResult result;
  if (!has_errors(state.diagnostics)) {
    program.comments = std::move(state.comments);
    result.program = std::move(program);
  }
  result.diagnostics = std::move(state.diagnostics);
  return result;
}

LibraryParseResult parse_library(const Source& source, std::uint32_t source_number) {
  State state{.source = source, .source_number = source_number};
  LibraryParseResult result;
  run(grammar::library, state, result.library);
  result.diagnostics = std::move(state.diagnostics);
  return result;
}

ExpressionParseResult parse_expression(const Source& source, std::uint32_t source_number) {
  State state{.source = source, .source_number = source_number};
  ExpressionParseResult result;
  run(grammar::expression, state, result.expression);
  result.diagnostics = std::move(state.diagnostics);
  if (has_errors(result.diagnostics)) result.expression = nullptr;
  return result;
}

} // namespace sibyl
