#include "runtime/trust/local_test.hpp"

#include "lang/errors.hpp"
#include "runtime/chains/nested_r_hat.hpp"
#include "runtime/frames/small_matrix.hpp"

#include <Eigen/Dense>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <random>

namespace sibyl {

namespace {

constexpr std::size_t rivals = 15; // of the truth, for each data set
constexpr std::size_t most_components = 8, most_pairs = 36, sigmoids = 128, most_products = 64;
constexpr std::size_t trials = 399;
constexpr std::size_t most_evaluated = 1000; // draws of the data set at hand
// Of the features' variance: directions in which they vary less are hardly used, since they would be mostly noise.
constexpr double ridge = 0.1;
// Beyond so many sds all parameters are alike, and data sets beyond so many of the simulations'.
constexpr double largest_point = 3, largest_context = 2;

// Of the posterior's, in units of the draws' variance, as far as the classifier is believed.
constexpr double least_variance = 0.05;

double squash(double value, double largest) { return largest * std::tanh(value / largest); }

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double root_mean_square(const Eigen::VectorXd& values) {
  return std::sqrt(values.squaredNorm() / static_cast<double>(values.size()));
}

// One parameter's first and second moments that posterior and draws do not share, in each trial.
struct Moments {
  Eigen::VectorXd means, squares;

  // `scores`: the normal scores of the parameter's draws. `ratios`: [draw][trial], of posterior and draws less one.
  Moments(const std::vector<double>& scores, const Eigen::MatrixXd& ratios) {
    const auto count = static_cast<Eigen::Index>(scores.size());
    const Eigen::Map<const Eigen::VectorXd> z(scores.data(), count);
    means = ratios.transpose() * z / static_cast<double>(count);
    squares = ratios.transpose() * z.cwiseAbs2() / static_cast<double>(count);
  }

  // The first trial is what the classifier found, the others are chance.
  LocalDifference difference() const {
    const Eigen::Index chance = means.size() - 1;
    LocalDifference result;
    result.shift = -means[0];
    result.shift_error = root_mean_square(means.tail(chance));
    // A linear ratio can be negative, and so can its variance.
    const double variance = std::max(least_variance, 1 + squares[0] - means[0] * means[0]);
    result.sd_ratio = 1 / std::sqrt(variance);
    result.ratio_error = root_mean_square(squares.tail(chance)) / (2 * variance);
    return result;
  }
};

// How far out each trial is in what it is furthest out in. All trials are treated alike, the first one too.
class FurthestOut {
 public:
  // A number around zero.
  void add(const Eigen::VectorXd& numbers) { include(numbers.cwiseAbs() / root_mean_square(numbers)); }
  // A number that is not negative.
  void add_variance(const Eigen::VectorXd& numbers) {
    const Eigen::VectorXd centred = numbers.array() - numbers.mean();
    include(centred / root_mean_square(centred));
  }
  double p_value_of_first() const {
    return static_cast<double>((furthest_.array() >= furthest_[0]).count()) / static_cast<double>(furthest_.size());
  }

 private:
  void include(const Eigen::VectorXd& places) {
    furthest_ = furthest_.size() == 0 ? places : Eigen::VectorXd(furthest_.cwiseMax(places));
  }
  Eigen::VectorXd furthest_;
};

} // namespace

// Where a data set's draws lie.
struct LocalTest::Located {
  std::vector<double> context;      // standardized, once that has been learned
  std::vector<double> mean, factor; // factor: of the draws' covariance
  bool is_usable = false;

  void whiten(const double* point, double* result) const {
    const std::size_t n = mean.size();
    for (std::size_t j = 0; j < n; ++j) result[j] = point[j] - mean[j];
    small_matrix::solve_lower(factor.data(), result, n);
    for (std::size_t j = 0; j < n; ++j) result[j] = squash(result[j], largest_point);
  }
};

LocalTest::Located LocalTest::locate(std::span<const float> summary, std::span<const double> pulls,
                                     std::span<const double> draws) const {
  const std::size_t n = parameters_, components = components_.size() / std::max<std::size_t>(1, summary_mean_.size());
  Located result;
  result.mean.assign(n, 0);
  result.factor.assign(n * n, 0);
  constexpr auto count = static_cast<double>(locating_draws);
  for (std::size_t i = 0; i < locating_draws; ++i)
    for (std::size_t j = 0; j < n; ++j) result.mean[j] += draws[i * n + j] / count;
  for (std::size_t i = 0; i < locating_draws; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k <= j; ++k)
        result.factor[j * n + k] +=
            (draws[i * n + j] - result.mean[j]) * (draws[i * n + k] - result.mean[k]) / (count - 1);
  // What does not vary but for rounding has no covariance.
  for (std::size_t j = 0; j < n; ++j)
    if (!(result.factor[j * n + j] > 1e-24 * result.mean[j] * result.mean[j])) return result;
  // A covariance of many parameters from some hundred draws is not to be trusted with their correlations.
  const double trust = count / (count + static_cast<double>(n));
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t k = 0; k < j; ++k) result.factor[k * n + j] = result.factor[j * n + k] *= trust;
  result.context.assign(pulls.begin(), pulls.end());
  for (std::size_t c = 0; c < components; ++c) {
    double sum = 0;
    for (std::size_t j = 0; j < summary.size(); ++j)
      sum += components_[c * summary.size() + j] * (summary[j] - summary_mean_[j]);
    result.context.push_back(sum);
  }
  for (std::size_t j = 0; j < n; ++j) result.context.push_back(result.mean[j]);
  for (std::size_t j = 0; j < n; ++j) result.context.push_back(0.5 * std::log(result.factor[j * n + j]));
  for (std::size_t c = 0; c < context_center_.size(); ++c)
    result.context[c] = squash((result.context[c] - context_center_[c]) / context_scale_[c], largest_context);
  result.is_usable =
      small_matrix::cholesky(result.factor.data(), n) &&
      std::all_of(result.context.begin(), result.context.end(), [](double value) { return std::isfinite(value); });
  return result;
}

void LocalTest::learn_context(std::span<const LocalExample> examples) {
  const std::size_t size = examples.front().summary.size();
  const auto count = static_cast<double>(examples.size());
  summary_mean_.assign(size, 0);
  for (const LocalExample& one : examples)
    for (std::size_t j = 0; j < size; ++j) summary_mean_[j] += one.summary[j] / count;
  if (size > 0) {
    Matrix covariance = Matrix::Zero(static_cast<Eigen::Index>(size), static_cast<Eigen::Index>(size));
    Eigen::VectorXd row(static_cast<Eigen::Index>(size));
    for (const LocalExample& one : examples) {
      for (std::size_t j = 0; j < size; ++j) row[static_cast<Eigen::Index>(j)] = one.summary[j] - summary_mean_[j];
      covariance += row * row.transpose() / count;
    }
    // Of standardized summaries: one that has large numbers must not hide the others.
    const Eigen::VectorXd scale = covariance.diagonal().cwiseMax(1e-12).cwiseSqrt();
    covariance.array() /= (scale * scale.transpose()).array();
    if (!covariance.allFinite()) return;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
    for (std::size_t c = 0; c < std::min(most_components, size); ++c) {
      const Eigen::VectorXd vector =
          solver.eigenvectors().col(static_cast<Eigen::Index>(size - 1 - c)).cwiseQuotient(scale);
      components_.insert(components_.end(), vector.begin(), vector.end());
    }
  }
  std::vector<std::vector<double>> contexts;
  for (const LocalExample& one : examples)
    if (Located located = locate(one.summary, one.pulls, one.draws); located.is_usable)
      contexts.push_back(std::move(located.context));
  if (contexts.empty()) return;
  std::vector<double> center, scale;
  for (std::size_t c = 0; c < contexts.front().size(); ++c) {
    std::vector<double> values;
    for (const std::vector<double>& one : contexts) values.push_back(one[c]);
    std::sort(values.begin(), values.end());
    const auto quantile = [&](double share) {
      return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    center.push_back(quantile(0.5));
    const double width = (quantile(0.84) - quantile(0.16)) / 2;
    scale.push_back(width > 0 ? width : 1);
  }
  context_center_ = std::move(center);
  context_scale_ = std::move(scale);
}

void LocalTest::choose_products() {
  // Where there are many, each with the parameter that it is of.
  for (std::size_t k = 0; k < pulls_; ++k)
    for (std::size_t j = 0; j < parameters_; ++j)
      if (parameters_ * pulls_ <= most_products || j == k % parameters_) products_.emplace_back(j, k);
  for (std::size_t k = 0; k < pulls_; ++k) squares_.emplace_back(k % parameters_, k);
}

void LocalTest::make_projections() {
  // Uniform numbers straight from the engine: the library's distributions are not the same everywhere.
  std::mt19937_64 engine(seed_);
  const auto uniform = [&] { return 2 * static_cast<double>(engine() >> 11) * 0x1p-53 - 1; };
  const std::size_t context = context_center_.size(), inputs = parameters_ + context + 1;
  projections_.resize(sigmoids * inputs);
  for (std::size_t s = 0; s < sigmoids; ++s) {
    double* row = projections_.data() + s * inputs;
    // Directions of unit length among the parameters, and of about as much among the context.
    double length = 0;
    for (std::size_t j = 0; j < parameters_; ++j) row[j] = uniform(), length += row[j] * row[j];
    const double steepness = 1.5 + 0.5 * uniform();
    for (std::size_t j = 0; j < parameters_; ++j) row[j] *= steepness / std::sqrt(std::max(length, 1e-12));
    for (std::size_t j = 0; j < context; ++j)
      row[parameters_ + j] = 1.7 * uniform() / std::sqrt(static_cast<double>(std::max<std::size_t>(1, context)));
    row[inputs - 1] = 2 * uniform();
  }
}

std::size_t LocalTest::feature_count() const {
  return 2 * parameters_ + products_.size() + squares_.size() +
         std::min(most_pairs, parameters_ * (parameters_ - 1) / 2) + sigmoids;
}

void LocalTest::features(const double* point, const double* context, double* result) const {
  for (std::size_t j = 0; j < parameters_; ++j) {
    *result++ = point[j];
    *result++ = point[j] * point[j];
  }
  for (const auto& [parameter, pull] : products_) *result++ = point[parameter] * context[pull];
  for (const auto& [parameter, pull] : squares_)
    *result++ = point[parameter] * point[parameter] * context[pull] * context[pull];
  std::size_t pairs = 0;
  for (std::size_t j = 0; j < parameters_; ++j)
    for (std::size_t k = 0; k < j && pairs < most_pairs; ++k, ++pairs) *result++ = point[j] * point[k];
  const std::size_t count = context_center_.size(), inputs = parameters_ + count + 1;
  for (std::size_t s = 0; s < sigmoids; ++s) {
    const double* row = projections_.data() + s * inputs;
    double sum = row[inputs - 1];
    for (std::size_t j = 0; j < parameters_; ++j) sum += row[j] * point[j];
    for (std::size_t j = 0; j < count; ++j) sum += row[parameters_ + j] * context[j];
    *result++ = std::tanh(sum);
  }
}

LocalTest::LocalTest(std::span<const LocalExample> examples, std::uint64_t seed) : seed_(seed) {
  if (examples.size() < least_simulations) return;
  parameters_ = examples.front().truth.size();
  for (const LocalExample& one : examples)
    if (one.truth.size() != parameters_ || one.draws.size() < least_draws * parameters_ ||
        one.summary.size() != examples.front().summary.size() || one.pulls.size() != examples.front().pulls.size())
      throw InternalError("the local test's examples are not of one kind");
  pulls_ = examples.front().pulls.size();
  choose_products();
  learn_context(examples);
  if (context_center_.empty()) return;
  make_projections();

  const std::size_t m = feature_count();
  std::vector<double> all; // [data set][truth, rivals...][feature], centred by data set
  std::vector<double> point(parameters_);
  for (const LocalExample& one : examples) {
    const Located located = locate(one.summary, one.pulls, one.draws);
    if (!located.is_usable) continue;
    const std::size_t begin = all.size();
    all.resize(begin + (rivals + 1) * m);
    for (std::size_t r = 0; r <= rivals; ++r) {
      const double* values = r == 0 ? one.truth.data() : one.draws.data() + (locating_draws + r - 1) * parameters_;
      located.whiten(values, point.data());
      features(point.data(), located.context.data(), all.data() + begin + r * m);
    }
    for (std::size_t f = 0; f < m; ++f) {
      double mean = 0;
      for (std::size_t r = 0; r <= rivals; ++r) mean += all[begin + r * m + f] / (rivals + 1);
      for (std::size_t r = 0; r <= rivals; ++r) all[begin + r * m + f] -= mean;
    }
    ++simulations_;
  }
  if (simulations_ < least_simulations) return;

  const auto columns = static_cast<Eigen::Index>(m);
  const Eigen::Map<const Matrix> rows(all.data(), static_cast<Eigen::Index>(all.size() / m), columns);
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(columns, columns);
  gram.selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose(), 1 / static_cast<double>(rows.rows()));
  const Eigen::VectorXd variance = gram.diagonal();
  // Features in units of their own sds get the same ridge.
  for (Eigen::Index f = 0; f < columns; ++f) gram(f, f) += ridge * variance[f] + 1e-10;
  const Eigen::LLT<Eigen::MatrixXd> factor(gram.selfadjointView<Eigen::Lower>());
  if (factor.info() != Eigen::Success) return;
  std::mt19937_64 engine(seed_ + 1);
  Eigen::MatrixXd means = Eigen::MatrixXd::Zero(columns, trials + 1);
  for (std::size_t i = 0; i < simulations_; ++i)
    for (Eigen::Index t = 0; t <= static_cast<Eigen::Index>(trials); ++t) {
      const std::size_t taken = t == 0 ? 0 : (engine() >> 16) % (rivals + 1);
      means.col(t) += rows.row(static_cast<Eigen::Index>(i * (rivals + 1) + taken)).transpose();
    }
  means = factor.solve(means / static_cast<double>(simulations_)).eval();
  if (!means.allFinite()) return;
  trials_ = trials;
  weights_.resize((trials + 1) * m);
  for (std::size_t t = 0; t <= trials; ++t)
    for (std::size_t f = 0; f < m; ++f)
      weights_[t * m + f] = static_cast<float>(means(static_cast<Eigen::Index>(f), static_cast<Eigen::Index>(t)));
}

std::optional<LocalOutcome> LocalTest::judge(std::span<const float> summary, std::span<const double> pulls,
                                             std::span<const double> unconstrained, const Draws& shown,
                                             std::size_t parameter_columns) const {
  if (empty() || unconstrained.size() < least_draws * parameters_) return std::nullopt;
  if (summary.size() != summary_mean_.size() || pulls.size() != pulls_)
    throw InternalError("the local test knows other summaries");
  const Located located = locate(summary, pulls, unconstrained);
  if (!located.is_usable) return std::nullopt;
  const std::size_t m = feature_count(), count = unconstrained.size() / parameters_;
  const std::size_t evaluated = std::min(most_evaluated, count - locating_draws);
  Matrix rows(static_cast<Eigen::Index>(evaluated), static_cast<Eigen::Index>(m));
  std::vector<double> point(parameters_);
  for (std::size_t i = 0; i < evaluated; ++i) {
    located.whiten(unconstrained.data() + (locating_draws + i) * parameters_, point.data());
    features(point.data(), located.context.data(), rows.data() + i * m);
  }
  rows.rowwise() -= rows.colwise().mean().eval();
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> weights(
      weights_.data(), static_cast<Eigen::Index>(trials_ + 1), static_cast<Eigen::Index>(m));
  // [draw][trial]; the classifier's own first.
  const Eigen::MatrixXd ratios = rows * weights.cast<double>().transpose();
  const Eigen::VectorXd variances = ratios.colwise().squaredNorm() / static_cast<double>(evaluated);
  LocalOutcome result;
  result.simulations = simulations_;
  const Eigen::VectorXd of_trials = variances.tail(static_cast<Eigen::Index>(trials_));
  // What chance adds to the variance is taken off; the accuracy is half of one and of the total variation.
  const double share = variances[0] > 0 ? std::max(0.0, 1 - of_trials.mean() / variances[0]) : 0;
  result.c2st = std::min(1.0, 0.5 + 0.25 * ratios.col(0).cwiseAbs().mean() * std::sqrt(share));
  FurthestOut furthest;
  furthest.add_variance(variances);
  for (std::size_t c = 0; c < parameter_columns; ++c) {
    std::vector<double> values;
    for (std::size_t i = 0; i < evaluated; ++i) values.push_back(shown.at(locating_draws + i, c));
    // An element that is a constant: a Cholesky factor's zeros.
    if (std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end()) continue;
    const Moments moments(normal_scores(values), ratios);
    furthest.add(moments.means);
    furthest.add(moments.squares);
    LocalDifference one = moments.difference();
    if (!result.difference.parameter.empty() && one.size() <= result.difference.size()) continue;
    one.parameter = shown.columns[c];
    result.difference = std::move(one);
  }
  result.p_value = furthest.p_value_of_first();
  return result;
}

void to_json(nlohmann::json& json, const LocalTest& test) {
  json = {{"parameters", test.parameters_},
          {"pulls", test.pulls_},
          {"simulations", test.simulations_},
          {"seed", test.seed_},
          {"summary_mean", test.summary_mean_},
          {"components", test.components_},
          {"context_center", test.context_center_},
          {"context_scale", test.context_scale_}};
}

LocalTest LocalTest::from_file(const nlohmann::json& json, std::vector<float> weights) {
  LocalTest test;
  json.at("parameters").get_to(test.parameters_);
  json.at("pulls").get_to(test.pulls_);
  json.at("simulations").get_to(test.simulations_);
  json.at("seed").get_to(test.seed_);
  json.at("summary_mean").get_to(test.summary_mean_);
  json.at("components").get_to(test.components_);
  json.at("context_center").get_to(test.context_center_);
  json.at("context_scale").get_to(test.context_scale_);
  constexpr std::size_t large = 1 << 16;
  const std::size_t summaries = test.summary_mean_.size();
  const auto are_finite = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [](auto value) { return std::isfinite(value); });
  };
  bool is_sound = test.parameters_ > 0 && test.parameters_ < large && test.pulls_ < large &&
                  test.components_.size() == std::min(most_components, summaries) * summaries &&
                  test.context_center_.size() ==
                      test.pulls_ + std::min(most_components, summaries) + 2 * test.parameters_ &&
                  test.context_scale_.size() == test.context_center_.size() && are_finite(test.summary_mean_) &&
                  are_finite(test.components_) && are_finite(test.context_center_) && are_finite(weights) &&
                  std::all_of(test.context_scale_.begin(), test.context_scale_.end(),
                              [](double scale) { return scale > 0 && std::isfinite(scale); });
  if (is_sound) test.choose_products();
  is_sound = is_sound && weights.size() == (trials + 1) * test.feature_count();
  if (!is_sound) throw UserError("the sampler file is damaged: its local test cannot be used");
  test.make_projections();
  test.trials_ = trials;
  test.weights_ = std::move(weights);
  return test;
}

} // namespace sibyl
