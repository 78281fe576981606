#include "runtime/training/model_classifier.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/networks/classifier.hpp"
#include "runtime/networks/eigen_backend.hpp"
#include "runtime/networks/summary_networks.hpp"
#include "runtime/posterior/network_posterior.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/posterior/setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sibyl {

namespace {

constexpr const char* format_name = "sibyl models";
constexpr int version = 1;
constexpr std::size_t most_models = 1000;
constexpr std::size_t bins = 15;

struct Binned {
  double confidence = 0, right = 0, variance = 0;
  std::size_t count = 0;
};

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ClassifiedModel, name, text, library, typical)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ClassifierCalibration, simulations, accuracy, log_score, expected_error,
                                   expected_error_by_chance)

void write_model_classifier(const std::string& path, const ModelClassifierFile& file) {
  WeightsFile out;
  out.weights = file.weights;
  out.metadata = {{"format", format_name},
                  {"version", std::to_string(version)},
                  {"models", nlohmann::json(file.models).dump()},
                  {"reference", std::to_string(file.reference)},
                  {"network", nlohmann::json(file.config).dump()},
                  {"encoder", nlohmann::json(file.encoder).dump()},
                  {"trained_range", nlohmann::json(file.trained_range).dump()},
                  {"temperature", nlohmann::json(file.temperature).dump()},
                  {"calibration", nlohmann::json(file.calibration).dump()},
                  {"history", file.history.dump()}};
  write_safetensors(path, out);
}

bool is_model_classifier(const std::string& path) {
  try {
    return read_file(path).find(fmt::format("\"{}\"", format_name)) != std::string::npos;
  } catch (const UserError&) {
    return false;
  }
}

ModelClassifierFile read_model_classifier(const std::string& path) {
  return parse_model_classifier(read_file(path), path);
}

ModelClassifierFile parse_model_classifier(std::string_view bytes, const std::string& path) {
  WeightsFile in = parse_safetensors(bytes, path);
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = in.metadata.find(key);
    if (found == in.metadata.end()) throw UserError(fmt::format("{} holds no models: it has no {}", path, key));
    return found->second;
  };
  if (text("format") != format_name) throw UserError(path + " holds no models to compare");
  if (text("version") != std::to_string(version))
    throw UserError(fmt::format("{} was written by another version of Sibyl (format {}; this program reads {})", path,
                                text("version"), version));
  const auto json = [&](const char* key) { return parse_metadata(text(key)); };
  ModelClassifierFile file;
  try {
    json("models").get_to(file.models);
    json("reference").get_to(file.reference);
    json("network").get_to(file.config);
    json("encoder").get_to(file.encoder);
    json("trained_range").get_to(file.trained_range);
    json("temperature").get_to(file.temperature);
    json("calibration").get_to(file.calibration);
    file.history = json("history");
  } catch (const nlohmann::json::exception& error) {
    throw UserError(path + " is damaged: " + error.what());
  }
  const auto require = [&](bool is_so, const char* what) {
    if (!is_so) throw UserError(path + " is damaged: " + what);
  };
  require(file.models.size() > 1 && file.models.size() < most_models && file.reference < file.models.size(),
          "its models are not several");
  require(file.temperature > 0 && std::isfinite(file.temperature), "its temperature is none");
  const std::size_t sources = file.encoder.plan().sources.size();
  require(file.config.direct_width == file.encoder.direct_width() && file.config.sources.size() == sources,
          "its networks are not those of its inputs");
  for (std::size_t i = 0; i < sources; ++i)
    require(file.config.sources[i].width == file.encoder.source_width(i), "its networks are not those of its inputs");
  for (const ClassifiedModel& model : file.models)
    require(model.typical.summary_size() == networks::summary_size(file.config),
            "its typical sets are those of other networks");
  for (const auto& [tensor, weights] : in.weights)
    require(std::all_of(weights.values.begin(), weights.values.end(), [](float one) { return std::isfinite(one); }),
            "its networks have weights that are no numbers");
  file.weights = std::move(in.weights);
  return file;
}

nlohmann::ordered_json calibration_json(const ModelClassifierFile& file) {
  auto names = nlohmann::ordered_json::array();
  for (const ClassifiedModel& one : file.models) names.push_back(one.name);
  return {{"models", std::move(names)},
          {"simulations", file.calibration.simulations},
          {"accuracy", file.calibration.accuracy},
          {"log_score", file.calibration.log_score},
          {"expected_calibration_error", file.calibration.expected_error},
          {"expected_calibration_error_by_chance", file.calibration.expected_error_by_chance},
          {"temperature", file.temperature}};
}

bool Classification::is_unlike_all() const {
  for (std::size_t m = 0; m < p_values.size(); ++m)
    if (!outside[m] && p_values[m] >= Verdict::unusual_p_value) return false;
  return true;
}

ModelClassifier::ModelClassifier(std::shared_ptr<const CompiledModel> reference, ModelClassifierFile file)
    : reference_(std::move(reference)), file_(std::move(file)) {
  require_columns(reference_->facts(), file_.encoder.plan(), "the file of models");
}

ModelClassifier::Outputs ModelClassifier::evaluate(const DataBatch& batch) const {
  const FrameBatch frames = file_.encoder.prior().repeat(batch.count);
  Outputs result;
  result.summaries =
      NetworkPosterior(file_.config, file_.weights).summarize(file_.encoder.encode(reference_->facts(), batch, frames));
  EigenBackend backend(file_.weights);
  const std::size_t size = networks::summary_size(file_.config);
  const EigenBackend::Tensor summary = Eigen::Map<const EigenBackend::Tensor>(
      result.summaries.data(), static_cast<Eigen::Index>(batch.count), static_cast<Eigen::Index>(size));
  const EigenBackend::Tensor logits = networks::classify(backend, summary, size, file_.models.size());
  result.logits.assign(logits.data(), logits.data() + logits.size());
  return result;
}

std::vector<Classification> ModelClassifier::classify(std::span<const DataSet> data_sets,
                                                      std::span<const double> given) const {
  const std::size_t classes = file_.models.size(), size = networks::summary_size(file_.config);
  std::vector<double> prior(given.begin(), given.end());
  if (prior.empty()) prior.assign(classes, 1);
  if (prior.size() != classes)
    throw UserError(fmt::format("{} prior probabilities for {} models", prior.size(), classes));
  double sum = 0;
  for (const double one : prior) {
    if (!(one >= 0)) throw UserError("a model's prior probability is negative");
    sum += one;
  }
  if (!(sum > 0)) throw UserError("the models' prior probabilities are all zero");
  const Facts& facts = reference_->facts();
  const DataBatch batch = gather(facts, data_sets);
  std::vector<Classification> result(data_sets.size());
  for (std::size_t i = 0; i < data_sets.size(); ++i)
    result[i].warnings = file_.trained_range.check(facts, batch, i, data_sets.size() > 1 ? data_sets[i].label : "");
  const Outputs outputs = evaluate(batch);
  for (std::size_t i = 0; i < data_sets.size(); ++i) {
    Classification& one = result[i];
    one.label = data_sets[i].label;
    one.probabilities =
        to_probabilities(std::span(outputs.logits).subspan(i * classes, classes), file_.temperature, prior);
    for (const ClassifiedModel& model : file_.models) {
      const double distance = model.typical.distance(outputs.summaries.data() + i * size);
      one.p_values.push_back(model.typical.p_value(distance));
      // Networks that overflow say nothing of such data.
      one.outside.push_back(model.typical.is_outside(distance) || std::isnan(one.probabilities.front()));
    }
  }
  return result;
}

std::vector<double> to_probabilities(std::span<const double> logits, double temperature,
                                     std::span<const double> prior) {
  std::vector<double> result(logits.begin(), logits.end());
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t m = 0; m < result.size(); ++m) {
    result[m] = result[m] / temperature + (prior.empty() ? 0 : std::log(prior[m]));
    largest = std::max(largest, result[m]);
  }
  double sum = 0;
  for (double& one : result) sum += one = std::exp(one - largest);
  for (double& one : result) one /= sum;
  return result;
}

ClassifierCalibration judge_classifier(std::span<const double> probabilities, std::span<const std::size_t> truth,
                                       std::size_t classes) {
  ClassifierCalibration result;
  result.simulations = truth.size();
  const auto count = static_cast<double>(truth.size());
  std::vector<Binned> binned(bins);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const auto first = probabilities.begin() + static_cast<std::ptrdiff_t>(i * classes);
    const auto best = std::max_element(first, first + static_cast<std::ptrdiff_t>(classes));
    const bool is_right = static_cast<std::size_t>(best - first) == truth[i];
    result.accuracy += is_right / count;
    result.log_score += std::log(std::max(1e-300, *(first + static_cast<std::ptrdiff_t>(truth[i])))) / count;
    Binned& bin = binned[std::min(bins - 1, static_cast<std::size_t>(*best * bins))];
    bin.confidence += *best;
    bin.right += is_right;
    bin.variance += *best * (1 - *best);
    ++bin.count;
  }
  for (const Binned& bin : binned) {
    result.expected_error += std::abs(bin.right - bin.confidence) / count;
    // The mean of a normal number's size is sqrt(2 / pi) sds.
    result.expected_error_by_chance += std::sqrt(2 / M_PI * bin.variance) / count;
  }
  return result;
}

double fit_temperature(std::span<const double> logits, std::span<const std::size_t> truth, std::size_t classes) {
  const auto loss = [&](double log_temperature) {
    double sum = 0;
    for (std::size_t i = 0; i < truth.size(); ++i)
      sum -= std::log(std::max(
          1e-300, to_probabilities(logits.subspan(i * classes, classes), std::exp(log_temperature), {})[truth[i]]));
    return sum;
  };
  // Golden sections: the loss is convex in the inverse of the temperature, so that it has one minimum.
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = -std::log(20.0), high = std::log(20.0);
  double left = high - golden * (high - low), right = low + golden * (high - low);
  double at_left = loss(left), at_right = loss(right);
  for (int i = 0; i < 40; ++i) {
    if (at_left < at_right) {
      high = right, right = left, at_right = at_left;
      left = high - golden * (high - low), at_left = loss(left);
    } else {
      low = left, left = right, at_left = at_right;
      right = low + golden * (high - low), at_right = loss(right);
    }
  }
  return std::exp((low + high) / 2);
}

DataBatch read_as(const Facts& reference, const Facts& own, DataBatch batch) {
  if (&reference == &own) return batch;
  DataBatch result;
  result.count = batch.count;
  result.variables.resize(reference.variables.size());
  for (std::size_t v = 0; v < reference.variables.size(); ++v) {
    if (!is_data(reference.variables[v])) continue;
    const int found = own.find(reference.variables[v].name);
    if (found >= 0) result.variables[v] = std::move(batch.variables[static_cast<std::size_t>(found)]);
  }
  return result;
}

} // namespace sibyl
