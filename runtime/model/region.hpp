// Parameters around the posterior of one data set, for texts whose priors cannot be simulated, or not usefully: flat
// ones and very wide ones.
//
// A region is a multivariate t distribution that is wider than the posterior. Parameters are drawn from the text's own
// prior p, bounded by a multiple c of the region's density q: from min(p, c q), normalized, by rejection. Where p is
// below the bound, as it is to be wherever the posterior is, posteriors of the simulated data sets are the text's.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/model/model_call.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

namespace sibyl {

struct Region {
  std::vector<double> location;  // of the unconstrained parameters
  std::vector<double> factor;    // [row][column]: lower triangular, times its transpose the scale matrix
  double degrees_of_freedom = 8; // of the t distribution
  double log_bound = 0;          // log c, with q normalized but for the constant of its degrees of freedom
  double weaker_share = 0;       // of the data's posterior, where the bound is below the prior
  DataSet data;                  // whose posterior is meant; simulated data sets have its design

  std::size_t dimension() const { return location.size(); }
  // Where it does not, what a network learns is another posterior there, and its draws need not go where the text's are.
  bool covers_posterior() const { return weaker_share <= 0.05; }
};

// Draws from a region. Not for several threads at once.
class RegionDraws {
 public:
  // Throws UserError where the model has no density, or cannot simulate data given parameters.
  RegionDraws(std::shared_ptr<const CompiledModel> model, const Region& region,
              const std::atomic<std::int32_t>* interrupted = nullptr);

  // The parameters of data sets first_index .. first_index + count - 1, [data set][parameter]: each depends on the seed
  // and its index. Throws RuntimeError where hardly a draw can be accepted.
  std::vector<double> draw(std::uint64_t first_index, std::size_t count, std::uint64_t seed);

  // log p at points [point][parameter], of unconstrained parameters; minus infinity where it cannot be computed.
  std::vector<double> log_prior(std::span<const double> points);
  // log p - log q, likewise.
  std::vector<double> log_ratio(std::span<const double> points);
  // Points of q alone.
  std::vector<double> draw_unbounded(std::size_t count, std::uint64_t seed);

 private:
  // Writes a point of q; returns its log density, but for the constant.
  double candidate(std::mt19937_64& random, double* point) const;
  double log_density(const double* point) const;
  void evaluate_prior();

  Region region_; // its own: simulators that hold both are moved
  ModelCall prior_;
  double* points_; // [parameter][lane]
  double log_determinant_ = 0;
};

} // namespace sibyl
