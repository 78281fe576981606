// Words and symbols.
#pragma once

#include "lang/grammar/config.hpp"

#include <string>

namespace sibyl::grammar {

// Words that cannot be names.
bool is_reserved(std::string_view word);

const auto identifier_character = x3::alnum | x3::char_('_');

// The whole word `text`, not the beginning of a longer one.
inline auto word(const char* text) { return x3::lexeme[x3::lit(text) >> !identifier_character]; }

// A symbol whose failure reads well: "expected `;`".
inline auto symbol(const char* text, const char* name) { return x3::rule<struct SymbolClass>{name} = x3::lit(text); }

const auto semicolon = x3::rule<struct SemicolonClass>{"`;`"} = x3::lit(';');
const auto comma = x3::rule<struct CommaClass>{"`,`"} = x3::lit(',');
const auto opening_parenthesis = x3::rule<struct OpeningParenthesisClass>{"`(`"} = x3::lit('(');
const auto closing_parenthesis = x3::rule<struct ClosingParenthesisClass>{"`)`"} = x3::lit(')');
const auto opening_bracket = x3::rule<struct OpeningBracketClass>{"`[`"} = x3::lit('[');
const auto closing_bracket = x3::rule<struct ClosingBracketClass>{"`]`"} = x3::lit(']');
const auto opening_brace = x3::rule<struct OpeningBraceClass>{"`{`"} = x3::lit('{');
const auto closing_brace = x3::rule<struct ClosingBraceClass>{"`}`"} = x3::lit('}');
const auto equals_sign = x3::rule<struct EqualsClass>{"`=`"} = (x3::lit('=') >> !x3::lit('='));
const auto closing_angle = x3::rule<struct ClosingAngleClass>{"`>`"} = x3::lit('>');
const auto keyword_in = x3::rule<struct KeywordInClass>{"`in`"} = word("in");

} // namespace sibyl::grammar
