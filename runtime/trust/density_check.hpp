// What a model's density says of amortized draws: the importance weights' k-hat, what the weighted draws give beside
// the draws as they are, and the evidence of the data.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/trust/importance.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace sibyl {

// How far a parameter's draws are from the weighted draws, which have the exact posterior's moments where k-hat is
// good.
struct Disagreement {
  std::string parameter; // its column
  double shift = 0;      // of the mean, in sds of the weighted draws
  double sd_ratio = 1;   // sd of the draws over the sd of the weighted draws

  // One at the limits of what is called typical: a fifth of an sd, a fifth of the sd.
  double size() const;
};

// The largest among the first `parameter_columns` columns of the draws. `weighted`: draws of the same distribution, or
// the same ones, that have the weights, one for each row.
Disagreement largest_disagreement(const Draws& draws, std::size_t parameter_columns, const Draws& weighted,
                                  const ImportanceWeights& weights);

// A parameter whose sd draws do not tell: its square has so heavy a tail, weights included, that the few draws far out
// decide, or those that are not there. The posterior itself may be such, or the draws may not go far enough out; the
// weights' own k-hat sees neither.
struct HeavyTail {
  std::string parameter;
  double k_hat = 0; // of the squared distances from the mean, weighted

  // Beyond it the sd of a few thousand draws is a tenth off, or more: the relative error of the mean of N squares of
  // that k is about N^(k - 1).
  static constexpr double largest_good = 0.8;

  std::string text() const; // "the sd of K_m is not known, its tail is too heavy (k-hat 0.93)"
};

// The heaviest tail among the first `parameter_columns` columns. `log_weights`: one for each row, or empty for draws of
// equal weight.
HeavyTail heaviest_tail(const Draws& draws, std::size_t parameter_columns, std::span<const double> log_weights);
// That, if it is too heavy.
std::optional<HeavyTail> find_heavy_tail(const Draws& draws, std::size_t parameter_columns,
                                         std::span<const double> log_weights);

struct DensityCheck {
  double k_hat = 0, effective_size = 0;
  std::size_t draws = 0, without = 0; // how many were weighted; how many of them have no weight
  // Of the data, with all constants; nothing where it is not known, and why.
  std::optional<double> log_evidence;
  double log_evidence_error = 0;
  std::string no_evidence;
  Disagreement disagreement;
  std::optional<HeavyTail> heavy_tail; // of the weighted draws
  double tail_k_hat = 0;               // the largest of all parameters, whether too large or not
  // Where draws miss a part of the posterior: "48% of the posterior, about mu = 8.97"; or "".
  std::string missed;
  std::string in_training; // what keeps the weights from telling: draws may not go where the posterior is, or ""

  bool is_good() const;
  // What keeps it from being good: "k-hat 0.92", "the mean of tau is 0.6 sd off".
  std::string complaint() const;
};

} // namespace sibyl
