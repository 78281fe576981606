#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

#include <algorithm>
#include <array>

namespace sibyl::grammar {

bool is_reserved(std::string_view word) {
  static constexpr std::array words = {"array",
                                       "break",
                                       "cholesky_factor_corr",
                                       "cholesky_factor_cov",
                                       "complex",
                                       "continue",
                                       "corr_matrix",
                                       "cov_matrix",
                                       "else",
                                       "for",
                                       "functions",
                                       "if",
                                       "in",
                                       "int",
                                       "matrix",
                                       "model",
                                       "ordered",
                                       "parameters",
                                       "positive_ordered",
                                       "print",
                                       "quantities",
                                       "real",
                                       "reject",
                                       "return",
                                       "row_vector",
                                       "simplex",
                                       "sum_to_zero_vector",
                                       "target",
                                       "transformed",
                                       "tuple",
                                       "unit_vector",
                                       "vector",
                                       "void",
                                       "while"};
  return std::ranges::find(words, word) != words.end();
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
