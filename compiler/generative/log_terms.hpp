// What is added to the density, read as a sum: log densities that draw their variable, logarithms of chances, and
// mixtures, which choose one of several such sums.
//
//   log(theta) + normal_lpdf(y[n] | mu, 1)                      a chance and a draw
//   log_sum_exp(log(theta) + A, log1m(theta) + B)               a mixture of two sums
//   log_mix(theta, A, B), log_mix(theta, {A, B, C})             likewise
//   log(theta * exp(A) + (1 - theta) * exp(B))                  likewise, on the scale of chances
//   normal_lpdf(y[n] | mu, 1) - normal_lccdf(0 | mu, 1)         a truncated draw
//   log(phi[w[n]])                                              for a simplex phi and data w: w[n] ~ categorical(phi)
#pragma once

#include "lang/typed.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibyl::generative {

struct Mixture;

struct LogTerms {
  std::vector<typed::ExpressionPtr> weights; // logarithms of chances, or of what is proportional to them
  std::vector<typed::Tilde> draws;
  std::vector<std::shared_ptr<const Mixture>> mixtures;
  std::vector<typed::StatementPtr> checks; // that the simulation runs before the draws

  bool draws_anything() const { return !draws.empty() || !mixtures.empty(); }
};

// One of several sums, with a chance in proportion to its weights.
struct Mixture {
  std::vector<LogTerms> parts; // empty where a variable holds them: `log_sum_exp(lps)`
  std::optional<typed::VariableId> holder;
  typed::ExpressionPtr chances; // of log_mix: a vector or a list that sums to one; null: the parts' weights
  Span span;
};

// Why an expression adds something else, and where.
struct Unreadable {
  Span span;
  std::string text;
};

class TermReader {
 public:
  // What a local variable (or an element of it, by a constant) surely is where the expression stands; null where that
  // is not known.
  using Definition = std::function<typed::ExpressionPtr(const typed::ExpressionPtr& place)>;

  explicit TermReader(const typed::Program& program, Definition definition)
      : program_(program), definition_(std::move(definition)) {}

  // Throws Unreadable.
  LogTerms read(const typed::ExpressionPtr& value) const;
  // Whether it holds the log density of a variable that it could draw.
  bool draws(const typed::ExpressionPtr& value) const;
  bool can_be_drawn(const typed::ExpressionPtr& outcome) const;
  // The two parts of a mixture, whether or not they draw; nothing where the expression is none. Throws Unreadable.
  std::optional<Mixture> parts_of(const typed::ExpressionPtr& value) const;

 private:
  void add(const typed::ExpressionPtr& value, LogTerms& terms) const;
  std::optional<typed::Tilde> chosen_outcome(const typed::ExpressionPtr& value) const;
  std::optional<typed::Tilde> outcome_of_logits(const typed::ExpressionPtr& value) const;
  void subtract(const typed::ExpressionPtr& value, LogTerms& terms) const;
  Mixture mixture(const std::vector<typed::ExpressionPtr>& parts, Span span) const;
  std::optional<std::vector<typed::ExpressionPtr>> listed(const typed::ExpressionPtr& list) const;
  Mixture of_list(const typed::ExpressionPtr& list, Span span) const;
  Mixture of_two(const typed::FunctionCall& log_mix) const;
  typed::ExpressionPtr logarithm_of(const typed::ExpressionPtr& chance) const;

  const typed::Program& program_;
  Definition definition_;
};

// The chance whose logarithm the expression is, where the text says so: theta of `log(theta)` and
// `bernoulli_lpmf(1 | theta)`, with `is_complement` of `log1m(theta)` and `bernoulli_lpmf(0 | theta)`.
struct Chance {
  typed::ExpressionPtr of;
  bool is_complement = false;
  bool is_logit = false; // `of` is the logit of the chance
};
std::optional<Chance> chance_of(const typed::ExpressionPtr& log_weight);
bool are_same(const Chance& a, const Chance& b);
// `reject` where a closed form is not the exact value, but for lost digits. `message` ends with what the exact one is.
typed::StatementPtr reject_unless_near(const typed::ExpressionPtr& closed, const typed::ExpressionPtr& exact,
                                       double tolerance, const std::string& message, Span span);

// Whether two sums of weights are surely equal, or add up to one.
bool are_same_weights(const std::vector<typed::ExpressionPtr>& a, const std::vector<typed::ExpressionPtr>& b);
// What draws 1 with the chance of the first and 0 with that of the second, where they surely add up to one.
typed::ExpressionPtr choice_between(const std::vector<typed::ExpressionPtr>& first,
                                    const std::vector<typed::ExpressionPtr>& second);

// A draw from a distribution of the standard library.
typed::ExpressionPtr drawn_from(const char* distribution, std::vector<typed::ExpressionPtr> arguments, Span span);
// The library's function of that name and arguments of these types.
typed::ExpressionPtr library_call(const char* name, std::vector<typed::ExpressionPtr> arguments, Span span);
// The call where the expression is one of the library's function of that name; null for anything else.
const typed::FunctionCall* as_library_call(const typed::ExpressionPtr& expression, const char* name);

// Whether the call is of the draw's distribution, with the same parameters.
bool is_of(const typed::DistributionCall& call, const typed::Tilde& draw);

// What the terms draw, each place once, mixtures included.
std::vector<typed::ExpressionPtr> drawn_places(const LogTerms& terms);
bool draw_the_same(const LogTerms& a, const LogTerms& b);

} // namespace sibyl::generative
