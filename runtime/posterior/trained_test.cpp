#include "runtime/posterior/trained_test.hpp"

#include "lang/errors.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

bool are_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// How many sds of its data set's first draws each true parameter is from their mean; false where these do not vary.
bool distance_of_truth(const LocalExample& one, Eigen::Index row, Overlooked::Matrix& distances) {
  const std::size_t n = one.truth.size();
  constexpr auto count = static_cast<double>(LocalTest::locating_draws);
  for (std::size_t j = 0; j < n; ++j) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < LocalTest::locating_draws; ++i) mean += one.draws[i * n + j] / count;
    for (std::size_t i = 0; i < LocalTest::locating_draws; ++i)
      square += (one.draws[i * n + j] - mean) * (one.draws[i * n + j] - mean) / count;
    if (!(square > 0) || !std::isfinite(square)) return false;
    distances(row, static_cast<Eigen::Index>(j)) = (one.truth[j] - mean) / std::sqrt(square);
  }
  return true;
}

} // namespace

DataFeatures data_features(const Facts& facts, const DataBatch& batch, std::size_t data_set) {
  DataFeatures result;
  std::vector<double> all;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !batch.variables[v].present) continue;
    const std::vector<double> values = elements_of(batch.variables[v], data_set);
    append_moments(values, result.values);
    append_values(values, all);
  }
  result.moments = result.values.size();
  result.values.insert(result.values.end(), all.begin(), all.end());
  return result;
}

TrainedTest::TrainedTest(std::vector<TestExample> examples, std::uint64_t seed) {
  if (examples.empty()) return;
  const std::size_t n = examples.front().local.truth.size();
  Overlooked::Matrix distances(static_cast<Eigen::Index>(examples.size()), static_cast<Eigen::Index>(n));
  std::vector<TestExample> usable;
  for (TestExample& one : examples)
    if (are_finite(one.features.values) &&
        distance_of_truth(one.local, static_cast<Eigen::Index>(usable.size()), distances))
      usable.push_back(std::move(one));
  if (usable.size() < LocalTest::least_simulations) return;
  const DataFeatures& first = usable.front().features;
  const auto all_have = [&](const auto& size) {
    return std::all_of(usable.begin(), usable.end(),
                       [&](const TestExample& one) { return size(one.features) == size(first); });
  };
  const bool same_moments = all_have([](const DataFeatures& of) { return of.moments; });
  uses_moments_ = !all_have([](const DataFeatures& of) { return of.values.size(); });
  const std::size_t width = uses_moments_ ? first.moments : first.values.size();
  std::vector<LocalExample> local;
  for (TestExample& one : usable) local.push_back(std::move(one.local));
  if (same_moments && width > 0) {
    Overlooked::Matrix features(static_cast<Eigen::Index>(usable.size()), static_cast<Eigen::Index>(width));
    for (std::size_t i = 0; i < usable.size(); ++i)
      std::copy_n(usable[i].features.values.begin(), width, features.row(static_cast<Eigen::Index>(i)).data());
    overlooked_.emplace(features, distances.topRows(features.rows()));
    for (std::size_t i = 0; i < usable.size(); ++i) {
      const auto row = overlooked_->cross_fitted().row(static_cast<Eigen::Index>(i));
      local[i].pulls.assign(row.begin(), row.end());
    }
  }
  test_ = LocalTest(local, seed);
}

std::optional<LocalOutcome> TrainedTest::judge(std::span<const float> summary, const DataFeatures& features,
                                               std::span<const double> unconstrained, const Draws& shown,
                                               std::size_t parameter_columns) const {
  if (empty()) return std::nullopt;
  std::vector<double> pulls;
  if (overlooked_) {
    const std::span values = uses_moments_ ? std::span(features.values).first(features.moments) : features.values;
    if (values.size() != overlooked_->feature_count() || !are_finite(values)) return std::nullopt;
    pulls = overlooked_->predict(values);
  }
  return test_.judge(summary, pulls, unconstrained, shown, parameter_columns);
}

nlohmann::json TrainedTest::document() const {
  nlohmann::json json = {{"test", test_}, {"uses_moments", uses_moments_}};
  if (overlooked_) json["overlooked"] = *overlooked_;
  return json;
}

WeightTensor TrainedTest::weights() const { return {1, test_.weights().size(), test_.weights()}; }

TrainedTest TrainedTest::from_file(const nlohmann::json& document, WeightTensor weights) {
  TrainedTest result;
  result.test_ = LocalTest::from_file(document.at("test"), std::move(weights.values));
  document.at("uses_moments").get_to(result.uses_moments_);
  if (document.contains("overlooked")) result.overlooked_ = document.at("overlooked").get<Overlooked>();
  if (result.test_.pull_count() != (result.overlooked_ ? result.overlooked_->parameter_count() : 0))
    throw UserError("the sampler file is damaged: its local test cannot be used");
  return result;
}

} // namespace sibyl
