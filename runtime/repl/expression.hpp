// An expression evaluated in every draw. It is compiled by Sibyl's own compiler, so that all functions of the language
// and of the user work: the variables that have values become data, the expression their transformed data.
#pragma once

#include "runtime/repl/current_draws.hpp"
#include "runtime/repl/draft.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace sibyl::repl {

struct EvaluatedExpression {
  Diagnostics diagnostics; // places are in the input; with errors there are no values
  bool is_condition = false;
  bool is_integer = false;
  std::vector<std::int64_t> extents; // of one draw's value
  std::vector<double> values;        // [draw][row-major]; NaN in draws that failed
  LeftOut failed;
  std::size_t count = 0;             // of draws
  // A reduction of a number over the draws: `mean(exp(mu))`. Then `values` are those of the inner expression.
  std::string reduction;
  double probability = 0; // of `quantile`

  std::size_t stride() const { return static_cast<std::size_t>(element_count(extents)); }
  bool is_constant() const; // the same in all draws
};

// `functions`: the model's block of functions as text. A draw in which a check fails, or whose generated quantities are
// missing, has no value. Throws RuntimeError where that is so of all draws, UserError where the value's size differs
// between the draws.
EvaluatedExpression evaluate(const ast::ExpressionPtr& expression, const Source& input, std::uint32_t number,
                             const CurrentDraws& draws, const std::string& functions, const Inputs& inputs,
                             const std::atomic<std::int32_t>* interrupted = nullptr);

// The value of the reduction: mean, sd, variance, median, min, max, quantile.
double reduce(const EvaluatedExpression& expression);
bool is_reduction(const std::string& function);

} // namespace sibyl::repl
