#include "runtime/trust/overlooked.hpp"

#include "lang/errors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

constexpr Eigen::Index folds = 5;
// Of the number of data sets, in units of the features' variance.
constexpr double penalties[] = {0.01, 0.1, 1, 10};
constexpr std::size_t most_values = 150;
// Beyond so many sds all values are alike.
constexpr double furthest = 4;
// The sd of what does not vary, so large that all its values are alike.
constexpr double no_variation = 1e300;

double squash(double value) { return furthest * std::tanh(value / furthest); }

} // namespace

Overlooked::Overlooked(const Matrix& features, const Matrix& distances) {
  const Eigen::Index count = features.rows(), width = features.cols();
  center_ = features.colwise().mean();
  scale_ = ((features.rowwise() - center_).colwise().squaredNorm() / static_cast<double>(count)).cwiseSqrt();
  // What does not vary tells nothing.
  for (Eigen::Index f = 0; f < width; ++f)
    if (!(scale_[f] > 1e-9 * (1 + std::abs(center_[f])))) scale_[f] = no_variation;
  Matrix x = (features.rowwise() - center_).array().rowwise() / scale_.array();
  x = x.unaryExpr(&squash);
  means_ = distances.colwise().mean();
  const Matrix y = distances.unaryExpr(&squash).rowwise() - means_;
  const Eigen::MatrixXd gram = x.transpose() * x, products = x.transpose() * y;
  const auto solve = [&](const Eigen::MatrixXd& of_gram, const Eigen::MatrixXd& of_products, double penalty) {
    Eigen::MatrixXd matrix = of_gram;
    matrix.diagonal().array() += penalty * static_cast<double>(count);
    return Eigen::MatrixXd(matrix.llt().solve(of_products));
  };
  double best = std::numeric_limits<double>::infinity(), chosen = penalties[0];
  for (const double penalty : penalties) {
    Matrix predicted(count, y.cols());
    for (Eigen::Index fold = 0; fold < folds; ++fold) {
      const Eigen::Index begin = fold * count / folds, rows = (fold + 1) * count / folds - begin;
      const auto out = x.middleRows(begin, rows);
      const Eigen::MatrixXd weights = solve(gram - out.transpose() * out,
                                            products - out.transpose() * y.middleRows(begin, rows), penalty);
      predicted.middleRows(begin, rows) = out * weights;
    }
    if (const double error = (y - predicted).squaredNorm(); error < best) {
      best = error;
      chosen = penalty;
      cross_fitted_ = predicted;
    }
  }
  weights_ = solve(gram, products, chosen);
}

std::vector<double> Overlooked::predict(std::span<const double> features) const {
  const Eigen::Map<const Eigen::RowVectorXd> row(features.data(), static_cast<Eigen::Index>(features.size()));
  Eigen::RowVectorXd x = (row - center_).array() / scale_.array();
  x = x.unaryExpr(&squash);
  const Eigen::RowVectorXd result = x * weights_;
  return {result.data(), result.data() + result.size()};
}

void to_json(nlohmann::json& json, const Overlooked& one) {
  const auto numbers = [](const auto& matrix) {
    return std::vector<double>(matrix.data(), matrix.data() + matrix.size());
  };
  json = {{"center", numbers(one.center_)}, {"scale", numbers(one.scale_)}, {"weights", numbers(one.weights_)}};
}

void from_json(const nlohmann::json& json, Overlooked& one) {
  std::vector<double> center, scale, weights;
  json.at("center").get_to(center);
  json.at("scale").get_to(scale);
  json.at("weights").get_to(weights);
  const auto are_finite = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  };
  if (center.empty() || scale.size() != center.size() || weights.size() % center.size() != 0 || !are_finite(center) ||
      !are_finite(weights) || !std::all_of(scale.begin(), scale.end(), [](double value) { return value > 0; }))
    throw UserError("the sampler file is damaged: its regression on the data cannot be used");
  const auto size = static_cast<Eigen::Index>(center.size());
  one.center_ = Eigen::Map<const Eigen::RowVectorXd>(center.data(), size);
  one.scale_ = Eigen::Map<const Eigen::RowVectorXd>(scale.data(), size);
  one.weights_ =
      Eigen::Map<const Eigen::MatrixXd>(weights.data(), size, static_cast<Eigen::Index>(weights.size()) / size);
}

void append_values(std::span<const double> values, std::vector<double>& features) {
  std::vector<double> present;
  for (const double one : values)
    if (!std::isnan(one)) present.push_back(one);
  const std::size_t count = present.size(), taken = std::min(count, most_values);
  for (std::size_t i = 0; i < taken; ++i) features.push_back(present[i * count / taken]);
}

void append_moments(std::span<const double> values, std::vector<double>& features) {
  std::vector<double> present;
  for (const double one : values)
    if (!std::isnan(one)) present.push_back(one);
  const std::size_t count = present.size();
  if (count < 2) return;
  const auto add_moments = [&](const std::vector<double>& of) {
    double mean = 0, square = 0;
    for (const double one : of) mean += one / static_cast<double>(of.size());
    for (const double one : of) square += (one - mean) * (one - mean) / static_cast<double>(of.size());
    features.push_back(mean);
    features.push_back(std::log(square + 1e-12 * (1 + mean * mean)));
  };
  add_moments(present);
  std::vector<double> sorted = present, differences;
  std::sort(sorted.begin(), sorted.end());
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0})
    features.push_back(sorted[static_cast<std::size_t>(share * static_cast<double>(count - 1))]);
  for (std::size_t i = 1; i < count; ++i) differences.push_back(present[i] - present[i - 1]);
  add_moments(differences);
}

} // namespace sibyl
