// Whether draws are the posterior's at one data set, asked without a density: a classifier that tells true parameters
// of simulations from draws for the same data, looked at where that data set lies, and by how much.
//
// Linhart, Gramfort and Rodrigues 2023, "L-C2ST: Local diagnostics for posterior approximations in simulation-based
// inference", NeurIPS 36. Theirs trains a network again for each trial under the null hypothesis; this one is linear in
// fixed features of parameters and data set, fitted by least squares to the ratio of the two densities less one
// (Kanamori, Hido and Sugiyama 2009, "A least-squares approach to direct importance estimation", JMLR 10), so that a
// trial costs one product:
// - Parameters count from the draws' mean, in units of their covariance; data sets by what the networks make of them,
//   by the draws' mean and sds, and by pulls: numbers of what the networks may have overlooked, such as which way the
//   data's residuals pull each parameter. Features are low powers of the parameters, their products with the pulls (of
//   the squares, too: where networks overlooked something their draws are too wide, and right only on average over
//   pulls), and sigmoids of random combinations of all, centred over each data set's own draws and its truth.
// - What the classifier finds is the mean of the truths' features. Under the null hypothesis the truth is one of the
//   draws: each trial takes another in its place, at random. The truth and its rivals are treated alike, so that the
//   p-value is exact for any features, and whatever the number of simulations.
// - The classifier is the density ratio less one: its products with the parameters' normal scores are what the
//   posterior has other than the draws, in means and variances. The trials' products are these estimates' errors.
// - The statistic at a data set is the largest of the classifier's variance over the draws and of these products, each
//   in units of its sd over the trials.
// What neither the networks' summaries nor the pulls tell, the classifier cannot see either.
// All data sets share the classifier: where chance has misled it, p-values of many data sets are small together.
#pragma once

#include "runtime/data/draws.hpp"
#include "runtime/trust/local_outcome.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sibyl {

// A simulated data set, its parameters, and draws of these by the sampler, unconstrained.
struct LocalExample {
  std::vector<float> summary;       // what the networks make of the data set
  // Of all examples as many: of each parameter in turn, once or several times, or none. Not made from draws behind
  // locating_draws.
  std::vector<double> pulls;
  std::vector<double> truth, draws; // [parameter]; [draw][parameter], at least LocalTest::least_draws
};

class LocalTest {
 public:
  static constexpr std::size_t least_draws = 120, least_simulations = 100;
  static constexpr std::size_t locating_draws = 100; // give mean and covariance; the others are told from the truth

  LocalTest() = default; // empty: it tells nothing
  // Empty where there are fewer examples than least_simulations, or the draws of most do not vary.
  LocalTest(std::span<const LocalExample> examples, std::uint64_t seed);

  bool empty() const { return weights_.empty(); }
  std::size_t parameter_count() const { return parameters_; }
  std::size_t pull_count() const { return pulls_; }
  std::size_t summary_size() const { return summary_mean_.size(); }

  // Without the classifiers' weights, which are many: as floats they are apart.
  friend void to_json(nlohmann::json& json, const LocalTest& test);
  // Throws UserError where they are not those of one test.
  static LocalTest from_file(const nlohmann::json& json, std::vector<float> weights);
  const std::vector<float>& weights() const { return weights_; }
  std::size_t simulations() const { return simulations_; }

  // `unconstrained`: [draw][parameter]; `shown`: the same draws as the user gets them, of whose first
  // `parameter_columns` columns the largest difference is told. Nothing where the test is empty, or the draws are fewer
  // than least_draws or do not vary.
  std::optional<LocalOutcome> judge(std::span<const float> summary, std::span<const double> pulls,
                                    std::span<const double> unconstrained, const Draws& shown,
                                    std::size_t parameter_columns) const;

 private:
  struct Located;
  Located locate(std::span<const float> summary, std::span<const double> pulls, std::span<const double> draws) const;
  void choose_products();
  void learn_context(std::span<const LocalExample> examples);
  void make_projections();
  std::size_t feature_count() const;
  void features(const double* point, const double* context, double* result) const;

  std::size_t parameters_ = 0, pulls_ = 0, simulations_ = 0, trials_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> products_; // of a parameter and a pull
  std::vector<std::pair<std::size_t, std::size_t>> squares_;  // likewise, of the squares
  std::uint64_t seed_ = 0; // of the random combinations
  // The data set's context: the pulls, the summaries' principal components, the draws' means and the logarithms of
  // their sds, standardized.
  std::vector<double> summary_mean_, components_; // [component][summary]
  std::vector<double> context_center_, context_scale_;
  std::vector<double> projections_; // [feature][parameter, context, 1]; made from the seed
  std::vector<float> weights_; // [1 + trials][feature], the classifier's own first
};

} // namespace sibyl
