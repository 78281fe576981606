#include "runtime/inputs/input_encoder.hpp"

#include "lang/errors.hpp"
#include "runtime/frames/views.hpp"
#include "runtime/frames/winsorize.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl {

namespace {

// Beyond these many columns second moments are too many direct inputs.
constexpr std::size_t largest_moment_dimension = 10;

// A variable of a batch as columns see it.
struct ColumnReader {
  const VariableBatch* variable;
  std::size_t offset;     // of the element in a row
  std::size_t row_stride; // 0 for fixed values
  const InputColumn* column;

  ColumnReader(const Facts& facts, const DataBatch& batch, const InputColumn& c, bool in_rows) : column(&c) {
    const int v = facts.find(c.variable);
    if (v < 0 || !batch.variables[static_cast<std::size_t>(v)].present)
      throw InternalError(fmt::format("the batch has no variable `{}`", c.variable));
    variable = &batch.variables[static_cast<std::size_t>(v)];
    const std::size_t first = in_rows ? 1 : 0;
    if (variable->rank() != c.element.size() + first)
      throw InternalError(fmt::format("`{}` has another rank than the input plan", c.variable));
    offset = 0;
    row_stride = in_rows ? 1 : 0;
    for (std::size_t d = 0; d < c.element.size(); ++d) {
      offset =
          offset * static_cast<std::size_t>(variable->capacity[d + first]) + static_cast<std::size_t>(c.element[d]);
      row_stride *= static_cast<std::size_t>(variable->capacity[d + first]);
    }
  }

  // A data set whose inner sizes differ from the training's has no such element.
  void check(std::size_t data_set) const {
    const std::size_t first = row_stride > 0 ? 1 : 0;
    for (std::size_t d = 0; d < column->element.size(); ++d)
      if (column->element[d] >= variable->size(data_set, d + first))
        throw UserError(fmt::format("`{}` has {} elements in dimension {}, fewer than in training", column->variable,
                                    variable->size(data_set, d + first), d + first + 1));
  }
  double value(std::size_t data_set, std::size_t row) const {
    return variable->row(data_set)[offset + row * row_stride];
  }
};

// On the column's scale, for moments: so far from overflow that squares and their sums are finite.
double standardize(const InputColumn& column, double value) {
  return std::clamp((value - column.center) / column.scale, -1e100, 1e100);
}

// Appends a column's inputs for a value.
void append_inputs(const InputColumn& column, double value, bool allows_missing, std::vector<double>& inputs) {
  const bool is_missing = std::isnan(value);
  if (is_missing && !column.observed)
    throw UserError(fmt::format("`{}` has a missing value; only observed variables may have one", column.variable));
  if (std::isinf(value)) throw UserError(fmt::format("`{}` has an infinite value", column.variable));
  if (is_missing && !allows_missing)
    throw UserError(fmt::format(
        "`{}` has a missing value, and the sampler was trained without; train with `--missing 0.1`", column.variable));
  switch (column.encoding) {
  case Encoding::value:
    // Linear near the center, logarithmic far out: no value is so large that the network breaks.
    inputs.push_back(is_missing ? 0 : std::asinh((value - column.center) / column.scale));
    break;
  case Encoding::size: inputs.push_back(std::log(std::max(value, 0.5))); break;
  case Encoding::indicators: {
    const auto level = is_missing ? -1 : static_cast<std::int64_t>(value) - column.first_level;
    if (!is_missing && (level < 0 || level >= column.level_count))
      throw UserError(fmt::format("`{}` has the value {}, outside of {} to {}, the range in training", column.variable,
                                  value, column.first_level, column.first_level + column.level_count - 1));
    if (column.level_count <= 2) inputs.push_back(level > 0);
    else
      for (std::int64_t i = 0; i < column.level_count; ++i) inputs.push_back(i == level);
  }
  }
  if (allows_missing && column.observed) inputs.push_back(is_missing);
}

std::size_t input_width(const std::vector<InputColumn>& columns, bool allows_missing) {
  std::size_t width = 0;
  for (const InputColumn& column : columns) width += column.width() + (allows_missing && column.observed);
  return width;
}

// The columns that enter moments, covariates before observations, so that what is left of an observation after the
// covariates is the last diagonal element. Categories of more than two levels have no moments.
std::vector<std::size_t> moment_columns(const InputSource& source) {
  std::vector<std::size_t> chosen;
  if (source.order() == RowOrder::one_row) return chosen;
  for (const bool observed : {false, true})
    for (std::size_t i = 0; i < source.columns.size(); ++i)
      if (source.columns[i].observed == observed && source.columns[i].width() == 1) chosen.push_back(i);
  if (chosen.size() > largest_moment_dimension) chosen.clear();
  return chosen;
}

// Means and the square-root-free Cholesky factor of a covariance: unit lower triangular coefficients and variances.
struct Moments {
  std::vector<double> mean, coefficient, variance; // coefficient: [row][column]

  Moments(const std::vector<std::vector<double>>& columns, std::size_t rows) {
    const std::size_t k = columns.size();
    mean.assign(k, 0);
    coefficient.assign(k * k, 0);
    variance.assign(k, 1);
    if (rows == 0) return;
    std::vector<double> covariance(k * k, 0);
    for (std::size_t a = 0; a < k; ++a) {
      for (const double value : columns[a]) mean[a] += value;
      mean[a] /= static_cast<double>(rows);
      for (std::size_t b = 0; b <= a; ++b) {
        double sum = 0;
        for (std::size_t row = 0; row < rows; ++row) sum += (columns[a][row] - mean[a]) * (columns[b][row] - mean[b]);
        covariance[a * k + b] = sum / static_cast<double>(rows);
      }
    }
    for (std::size_t a = 0; a < k; ++a) {
      double left = covariance[a * k + a];
      for (std::size_t b = 0; b < a; ++b) {
        double sum = covariance[a * k + b];
        for (std::size_t c = 0; c < b; ++c) sum -= coefficient[a * k + c] * coefficient[b * k + c] * variance[c];
        coefficient[a * k + b] = sum / variance[b];
        left -= coefficient[a * k + b] * coefficient[a * k + b] * variance[b];
      }
      // A constant column, or one that others determine, has only rounding left.
      const double floor = 1e-12 * covariance[a * k + a] + 1e-30;
      variance[a] = std::max(left, floor);
    }
  }
};

} // namespace

std::size_t InputEncoder::source_width(std::size_t source) const {
  const InputSource& plan = plan_.sources[source];
  return input_width(plan.columns, plan_.allows_missing) + moment_columns(plan).size();
}

std::size_t InputEncoder::planned_direct_width() const {
  std::size_t width = input_width(plan_.direct, plan_.allows_missing) +
                      frame_context_size(frame_, prior_.dimension()) +
                      view_size(viewpoints_.size(), prior_.dimension());
  for (const InputSource& source : plan_.sources) {
    const std::size_t k = moment_columns(source).size();
    width += 2 * k + k * (k - 1) / 2;
  }
  return width;
}

void InputEncoder::encode_rows(const Facts& facts, const DataBatch& batch, std::size_t data_set,
                               const InputSource& source, EncodedSource& target, std::vector<double>& direct) const {
  std::vector<ColumnReader> readers;
  for (const InputColumn& column : source.columns) {
    readers.emplace_back(facts, batch, column, source.order() != RowOrder::one_row);
    readers.back().check(data_set);
    if (source.order() != RowOrder::one_row &&
        readers.back().variable->size(data_set, 0) != readers[0].variable->size(data_set, 0))
      throw UserError(fmt::format("`{}` and `{}` are read row by row and have {} and {} rows",
                                  source.columns[0].variable, column.variable, readers[0].variable->size(data_set, 0),
                                  readers.back().variable->size(data_set, 0)));
  }
  const std::size_t rows =
      source.order() == RowOrder::one_row ? 1 : static_cast<std::size_t>(readers[0].variable->size(data_set, 0));
  target.row_counts[data_set] = static_cast<std::int32_t>(rows);

  const std::vector<std::size_t> chosen = moment_columns(source);
  std::vector<std::vector<double>> columns(chosen.size());
  std::size_t complete_rows = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const bool is_complete = std::none_of(chosen.begin(), chosen.end(),
                                          [&](std::size_t i) { return std::isnan(readers[i].value(data_set, row)); });
    complete_rows += is_complete;
    for (std::size_t i = 0; i < chosen.size() && is_complete; ++i) {
      const InputColumn& column = source.columns[chosen[i]];
      columns[i].push_back(standardize(column, readers[chosen[i]].value(data_set, row)));
    }
  }
  const Moments moments(columns, complete_rows);
  const std::size_t k = chosen.size();
  for (std::size_t a = 0; a < k; ++a) {
    direct.push_back(moments.mean[a]);
    direct.push_back(0.5 * std::log(moments.variance[a]));
    for (std::size_t b = 0; b < a; ++b) direct.push_back(std::asinh(moments.coefficient[a * k + b]));
  }

  float* place = target.rows.data() + data_set * target.row_capacity * target.width;
  std::vector<double> inputs, white(k);
  for (std::size_t row = 0; row < rows; ++row, place += target.width) {
    inputs.clear();
    for (std::size_t i = 0; i < readers.size(); ++i)
      append_inputs(source.columns[i], readers[i].value(data_set, row), plan_.allows_missing, inputs);
    for (std::size_t a = 0; a < k; ++a) {
      const InputColumn& column = source.columns[chosen[a]];
      const double value = readers[chosen[a]].value(data_set, row);
      white[a] = std::isnan(value) ? 0 : standardize(column, value) - moments.mean[a];
      for (std::size_t b = 0; b < a && !std::isnan(value); ++b) white[a] -= moments.coefficient[a * k + b] * white[b];
      inputs.push_back(std::asinh(white[a] / std::sqrt(moments.variance[a])));
    }
    std::transform(inputs.begin(), inputs.end(), place, [](double input) { return static_cast<float>(input); });
  }
}

void InputEncoder::encode_one(const Facts& facts, const DataBatch& batch, const FrameBatch& frames,
                              std::size_t data_set, std::vector<double>& direct, EncodedBatch& result) const {
  direct.clear();
  for (const InputColumn& column : plan_.direct) {
    const ColumnReader reader(facts, batch, column, false);
    reader.check(data_set);
    append_inputs(column, reader.value(data_set, 0), plan_.allows_missing, direct);
  }
  for (std::size_t s = 0; s < plan_.sources.size(); ++s)
    encode_rows(facts, batch, data_set, plan_.sources[s], result.sources[s], direct);
  if (frame_ != FrameKind::prior) append_context(facts, batch, frames, data_set, direct);
  if (const std::size_t size = view_size(viewpoints_.size(), prior_.dimension()); size > 0) {
    if (frames.views.size() != frames.count * size) throw InternalError("the frames have no views of the density");
    const auto view = frames.views.begin() + static_cast<std::ptrdiff_t>(data_set * size);
    direct.insert(direct.end(), view, view + static_cast<std::ptrdiff_t>(size));
  }
}

void InputEncoder::append_context(const Facts& facts, const DataBatch& batch, const FrameBatch& frames,
                                  std::size_t data_set, std::vector<double>& direct) const {
  double value_count = 0;
  for (std::size_t v = 0; v < facts.variables.size(); ++v) {
    if (facts.variables[v].role != Role::observed || !batch.variables[v].present) continue;
    double count = 1;
    for (std::size_t d = 0; d < batch.variables[v].rank(); ++d) count *= batch.variables[v].size(data_set, d);
    value_count += count;
  }
  std::vector<float> context(frame_context_size(frame_, frames.dimension));
  write_frame_context(prior_, frames, data_set, value_count, context.data());
  direct.insert(direct.end(), context.begin(), context.end());
}

EncodedBatch InputEncoder::encode(const Facts& facts, const DataBatch& batch, const FrameBatch& frames) const {
  EncodedBatch result;
  result.count = batch.count;
  for (std::size_t s = 0; s < plan_.sources.size(); ++s) {
    const InputSource& plan = plan_.sources[s];
    EncodedSource source;
    source.width = source_width(s);
    source.row_capacity = 1;
    if (plan.order() != RowOrder::one_row) {
      const auto& first = batch.variables[static_cast<std::size_t>(facts.find(plan.columns[0].variable))];
      source.row_capacity = static_cast<std::size_t>(std::max<std::int64_t>(1, first.capacity[0]));
    }
    source.row_counts.resize(batch.count);
    source.rows.assign(batch.count * source.row_capacity * source.width, 0);
    result.sources.push_back(std::move(source));
  }
  std::vector<double> direct;
  for (std::size_t i = 0; i < batch.count; ++i) {
    encode_one(facts, batch, frames, i, direct, result);
    result.direct_width = direct.size();
    for (std::size_t j = 0; j < direct.size(); ++j) {
      if (direct_center_.empty()) result.direct.push_back(static_cast<float>(direct[j]));
      else result.direct.push_back(static_cast<float>(std::asinh((direct[j] - direct_center_[j]) / direct_scale_[j])));
    }
  }
  return result;
}

InputEncoder::InputEncoder(const Facts& facts, InputPlan plan, FrameKind frame, PriorFrame prior,
                           const DataBatch& pilot, const FrameBatch& pilot_frames, std::vector<double> viewpoints)
    : plan_(std::move(plan)), frame_(frame), prior_(std::move(prior)), viewpoints_(std::move(viewpoints)) {
  const EncodedBatch raw = encode(facts, pilot, pilot_frames);
  std::vector<double> values(raw.count);
  for (std::size_t j = 0; j < raw.direct_width; ++j) {
    for (std::size_t i = 0; i < raw.count; ++i) {
      constexpr double most = std::numeric_limits<float>::max();
      values[i] = std::clamp<double>(raw.direct[i * raw.direct_width + j], -most, most);
    }
    winsorize(values);
    double sum = 0, squares = 0;
    for (const double value : values) sum += value;
    const double mean = sum / static_cast<double>(raw.count);
    for (const double value : values) squares += (value - mean) * (value - mean);
    double scale = std::sqrt(squares / static_cast<double>(raw.count));
    std::sort(values.begin(), values.end());
    const double quartiles = (values[values.size() * 3 / 4] - values[values.size() / 4]) / quartile_distance_of_normal;
    // Outliers must not flatten the bulk; but where most values are the same the quartiles say nothing.
    if (quartiles > 0.05 * scale) scale = std::min(scale, 2 * quartiles);
    direct_center_.push_back(mean);
    direct_scale_.push_back(scale > 1e-6 * (1 + std::abs(mean)) ? scale : 1);
  }
}

void to_json(nlohmann::json& json, const InputEncoder& encoder) {
  json = {{"plan", encoder.plan_},
          {"frame", name_of(encoder.frame_)},
          {"prior", {{"center", encoder.prior_.center}, {"factor", encoder.prior_.factor}}},
          {"viewpoints", encoder.viewpoints_},
          {"direct_center", encoder.direct_center_},
          {"direct_scale", encoder.direct_scale_}};
}

void from_json(const nlohmann::json& json, InputEncoder& encoder) {
  json.at("plan").get_to(encoder.plan_);
  const std::string frame = json.at("frame");
  const auto kind = frame_kind_named(frame);
  if (!kind) throw UserError("this version of Sibyl has no frame `" + frame + "`");
  encoder.frame_ = *kind;
  json.at("prior").at("center").get_to(encoder.prior_.center);
  json.at("prior").at("factor").get_to(encoder.prior_.factor);
  encoder.viewpoints_ = json.value("viewpoints", std::vector<double>()); // files of earlier versions have none
  json.at("direct_center").get_to(encoder.direct_center_);
  json.at("direct_scale").get_to(encoder.direct_scale_);
  const auto require = [](bool is_so, const char* what) {
    if (!is_so) throw UserError(std::string("the sampler file is damaged: ") + what);
  };
  const auto are_finite = [](const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  };
  const auto is_positive = [](double value) { return value > 0; };
  const PriorFrame& prior = encoder.prior_;
  const std::size_t n = prior.dimension();
  constexpr std::size_t most_parameters = 1 << 16; // so that squares stay far from overflow
  require(n > 0 && n <= most_parameters && prior.factor.size() == n * n, "its prior frame has not one size");
  require(are_finite(prior.center) && are_finite(prior.factor), "its prior frame is not finite");
  for (std::size_t p = 0; p < n; ++p) require(is_positive(prior.factor[p * n + p]), "its prior frame has no inverse");
  require(encoder.viewpoints_.size() % n == 0 && are_finite(encoder.viewpoints_), "its viewpoints are cut short");
  require(encoder.direct_center_.size() == encoder.planned_direct_width() &&
              encoder.direct_scale_.size() == encoder.direct_center_.size(),
          "its direct inputs are not those of its plan");
  require(are_finite(encoder.direct_center_) && are_finite(encoder.direct_scale_) &&
              std::all_of(encoder.direct_scale_.begin(), encoder.direct_scale_.end(), is_positive),
          "its direct inputs have no scale");
}

} // namespace sibyl
