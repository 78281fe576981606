#include "lang/constrained_types.hpp"
#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

#include <algorithm>
#include <array>

namespace sibyl::grammar {

bool is_reserved(std::string_view word) {
  static constexpr std::array words = {
      "array",  "auto",   "break",      "complex", "continue",    "data",       "else",    "export",   "extern",
      "false",  "for",    "functions",  "generated", "if",        "in",         "int",     "jacobian", "matrix",
      "model",  "parameters", "print",  "quantities", "real",     "reject",     "repeat",  "return",   "row_vector",
      "static", "struct", "target",     "then",    "transformed", "true",       "tuple",   "typedef",  "until",
      "var",    "vector", "void",       "while"};
  return word.ends_with("__") || std::ranges::find(words, word) != words.end() ||
         constrained_type_names().contains(word);
}

const auto set_name = [](auto& context) {
  const auto range = x3::_attr(context);
  std::string name(range.begin(), range.end());
  if (is_reserved(name)) x3::_pass(context) = false;
  x3::_val(context).name = std::move(name);
};

const auto identifier_def = spanned(x3::lexeme[x3::raw[x3::alpha >> *identifier_character][set_name]]);

BOOST_SPIRIT_DEFINE(identifier)
BOOST_SPIRIT_INSTANTIATE(IdentifierRule, Iterator, Context)

} // namespace sibyl::grammar
