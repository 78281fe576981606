#include "runtime/criticism/data_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

enum Statistic {
  mean_of,
  sd_of,
  least_of,
  largest_of,
  autocorrelation_of,
  spread,
  furthest,
  skewness,
  residual_autocorrelation,
  statistic_count
};
using Values = std::array<double, statistic_count>;

constexpr const char* texts[] = {"the mean of {}",
                                 "the sd of {}",
                                 "the smallest {}",
                                 "the largest {}",
                                 "the autocorrelation of {}",
                                 "the spread of {} about its prediction",
                                 "the largest residual of {}",
                                 "the skewness of the residuals of {}",
                                 "the autocorrelation of the residuals of {}"};

struct Moments {
  double mean = 0, sd = 0;
  std::size_t count = 0;
};

// Of the values that are numbers.
Moments moments(std::span<const double> values) {
  Moments result;
  for (const double value : values)
    if (!std::isnan(value)) result.mean += value, ++result.count;
  const auto count = static_cast<double>(result.count);
  result.mean /= count;
  for (const double value : values)
    if (!std::isnan(value)) result.sd += (value - result.mean) * (value - result.mean);
  result.sd = result.count > 1 ? std::sqrt(result.sd / (count - 1)) : 0;
  return result;
}

// Of neighbours in rows of `length`.
double autocorrelation(std::span<const double> values, std::size_t length, double mean) {
  double products = 0, squares = 0;
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    squares += (values[i] - mean) * (values[i] - mean);
    if ((i + 1) % length == 0 || std::isnan(values[i + 1])) continue;
    products += (values[i] - mean) * (values[i + 1] - mean);
    ++pairs;
  }
  return pairs < 3 || squares == 0 ? unknown : products / squares;
}

// Each element's distribution over the replications.
struct Prediction {
  std::vector<double> mean, sd;
};

// Predictions of one data set from all replications, and of each replication from the others: were it among those that
// it is compared with, its residuals would be smaller than the data's, which shows in large data sets.
class ElementPredictions {
 public:
  // `replicated`: [replication][element].
  ElementPredictions(std::span<const double> replicated, std::size_t elements, bool is_integer)
      : replicated_(replicated), elements_(elements) {
    const std::size_t count = replicated.size() / elements;
    double total = 0;
    std::vector<double> values(count);
    for (std::size_t i = 0; i < elements; ++i) {
      for (std::size_t r = 0; r < count; ++r) values[r] = replicated[r * elements + i];
      raw_.push_back(moments(values));
      total += raw_.back().sd;
    }
    // What was never replicated otherwise may still be otherwise: the rule of succession for counts, a share of the
    // usual sd for reals.
    least_sd_ =
        is_integer ? std::sqrt(1.0 / (static_cast<double>(count) + 2)) : 1e-3 * total / static_cast<double>(elements);
  }

  Prediction from_all() const {
    Prediction result;
    for (const Moments& one : raw_) {
      result.mean.push_back(one.mean);
      result.sd.push_back(std::max(one.sd, least_sd_));
    }
    return result;
  }

  Prediction from_others(std::size_t replication) const {
    Prediction result = from_all();
    for (std::size_t i = 0; i < elements_; ++i) {
      const Moments& one = raw_[i];
      const double from_mean = replicated_[replication * elements_ + i] - one.mean;
      if (one.count < 4 || std::isnan(from_mean)) continue;
      const auto count = static_cast<double>(one.count);
      result.mean[i] -= from_mean / (count - 1);
      const double squares = (count - 1) * one.sd * one.sd - count / (count - 1) * from_mean * from_mean;
      result.sd[i] = std::max(std::sqrt(std::max(0.0, squares) / (count - 2)), least_sd_);
    }
    return result;
  }

 private:
  std::span<const double> replicated_;
  std::size_t elements_;
  std::vector<Moments> raw_;
  double least_sd_ = 0;
};

Values statistics_of(std::span<const double> values, const Prediction& prediction, std::size_t length) {
  Values result;
  result.fill(unknown);
  const Moments raw = moments(values);
  if (raw.count == 0) return result;
  result[mean_of] = raw.mean;
  std::vector<double> residuals(values.size());
  double squares = 0, cubes = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = values[i] - prediction.mean[i];
    residuals[i] = difference == 0 ? 0 : difference / prediction.sd[i];
    if (std::isnan(residuals[i])) continue;
    squares += residuals[i] * residuals[i];
    result[furthest] = std::fmax(result[furthest], std::abs(residuals[i]));
  }
  result[spread] = std::sqrt(squares / static_cast<double>(raw.count));
  if (raw.count < 2) return result;
  result[sd_of] = raw.sd;
  for (const double value : values) {
    result[least_of] = std::fmin(result[least_of], value);
    result[largest_of] = std::fmax(result[largest_of], value);
  }
  const Moments centred = moments(residuals);
  for (const double one : residuals)
    if (!std::isnan(one)) cubes += std::pow((one - centred.mean) / centred.sd, 3);
  if (raw.count > 2) result[skewness] = cubes / static_cast<double>(raw.count);
  result[autocorrelation_of] = autocorrelation(values, length, raw.mean);
  result[residual_autocorrelation] = autocorrelation(residuals, length, centred.mean);
  return result;
}

PredictedStatistic compare(std::string name, double observed, std::span<const double> replicated) {
  const Moments over = moments(replicated);
  return {
      std::move(name), observed, over.count < 2 ? unknown : over.mean, over.sd, {replicated.begin(), replicated.end()}};
}

std::string fill(std::string text, const std::string& name) { return text.replace(text.find("{}"), 2, name); }

} // namespace

double PredictedStatistic::score() const {
  if (std::isnan(observed) || std::isnan(mean) || observed == mean) return 0;
  const double distance = std::abs(observed - mean) / std::max(sd, 1e-9 * std::abs(mean));
  return std::isnan(distance) ? largest_score : std::min(distance, largest_score);
}

void add_statistics(const std::string& name, bool is_scalar, bool is_integer, std::span<const double> observed,
                    std::span<const double> replicated, std::size_t length, std::vector<PredictedStatistic>& result) {
  const std::size_t elements = observed.size(), count = elements == 0 ? 0 : replicated.size() / elements;
  if (is_scalar) {
    result.push_back(compare("the value of " + name, observed[0], replicated));
    return;
  }
  std::vector<Values> each;
  Values seen;
  seen.fill(unknown);
  if (count > 1) {
    const ElementPredictions predictions(replicated, elements, is_integer);
    seen = statistics_of(observed, predictions.from_all(), length);
    std::vector<double> values(elements);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t i = 0; i < elements; ++i)
        values[i] = std::isnan(observed[i]) ? unknown : replicated[r * elements + i];
      each.push_back(statistics_of(values, predictions.from_others(r), length));
    }
  }
  std::vector<double> values(each.size());
  for (std::size_t s = 0; s < statistic_count; ++s) {
    for (std::size_t r = 0; r < each.size(); ++r) values[r] = each[r][s];
    result.push_back(compare(fill(texts[s], name), seen[s], values));
  }
}

std::vector<PredictedStatistic> plain_statistics(const std::string& name, bool is_scalar,
                                                 std::span<const double> observed, std::size_t length) {
  if (is_scalar) return {{"the value of " + name, observed[0], 0, 0}};
  // Residuals from nothing: those statistics are not looked at.
  const Prediction nothing{std::vector<double>(observed.size(), 0.0), std::vector<double>(observed.size(), 1.0)};
  const Values values = statistics_of(observed, nothing, length);
  std::vector<PredictedStatistic> result;
  for (const Statistic one : {mean_of, sd_of, least_of, largest_of, autocorrelation_of})
    result.push_back({fill(texts[one], name), values[one], 0, 0});
  return result;
}

PredictedStatistic compare_quantity(const std::string& name, std::span<const double> observed,
                                    std::span<const double> replicated) {
  std::vector<double> differences(observed.size());
  for (std::size_t i = 0; i < observed.size(); ++i) differences[i] = replicated[i] - observed[i];
  const Moments of_data = moments(observed), difference = moments(differences);
  if (difference.count < 2) return {name, unknown, unknown, 0};
  return {name, of_data.mean, of_data.mean + difference.mean, difference.sd};
}

} // namespace sibyl
