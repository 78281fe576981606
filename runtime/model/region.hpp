// Parameters around the posterior of one data set, for texts whose priors cannot be simulated, or not usefully: flat
// ones and very wide ones.
//
// A region is a multivariate t distribution that is wider than the posterior. Parameters are drawn from the text's own
// prior p, bounded by a multiple c of the region's density q: from min(p, c q), normalized, by rejection. Where p is
// below the bound, as it is to be wherever the posterior is, posteriors of the simulated data sets are the text's.
//
// Candidates are draws of q, or, where the text is generative, its own draws of p: of a hierarchy's scale and what it
// scales, p has a neck that rises far above any q, but p itself goes there.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/model/model_call.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
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
  bool from_prior = false;       // candidates are the text's own draws
  DataSet data;                  // whose posterior is meant; simulated data sets have its design

  std::size_t dimension() const { return location.size(); }
  // Where it does not, what a network learns is another posterior there, and its draws need not go where the text's
  // are.
  bool covers_posterior() const { return weaker_share <= 0.05; }
};

// Whether a region's candidates can be the text's own draws: it simulates priors as its density has them, for a design
// that the data give.
bool can_draw_from_prior(const Facts& facts);

// Draws from a region. Not for several threads at once.
class RegionDraws {
 public:
  // Throws UserError where the model has no density, cannot simulate data given parameters, or its own where the region
  // wants these.
  RegionDraws(std::shared_ptr<const CompiledModel> model, const Region& region,
              const std::atomic<std::int32_t>* interrupted = nullptr);

  // The parameters of data sets first_index .. first_index + count - 1, [data set][parameter]: each depends on the seed
  // and its index. Throws RuntimeError where hardly a draw can be accepted.
  std::vector<double> draw(std::uint64_t first_index, std::size_t count, std::uint64_t seed);

  // Of a region whose candidates are the text's draws: the share of `count` that is accepted.
  double acceptance(std::size_t count, std::uint64_t seed);
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
  std::vector<double> draw_from_prior(std::uint64_t first_index, std::size_t count, std::uint64_t seed);
  // One draw of p for each lane, with random numbers of the data set first_index + lane and the try; whether it is
  // accepted. The draws are in points_.
  void try_prior(std::uint64_t first_index, std::uint64_t seed, int number, std::vector<char>& is_accepted);

  Region region_; // its own: simulators that hold both are moved
  ModelCall prior_;
  std::optional<ModelCall> simulation_; // where candidates are the text's own
  double* points_;                      // [parameter][lane]
  double log_determinant_ = 0;
};

} // namespace sibyl
