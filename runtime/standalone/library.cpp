// The C interface of sampler libraries, and what a page's worker calls.
#include "runtime/standalone/sibyl_sampler.h"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/model/exception_memory.hpp"
#include "runtime/standalone/embedded_sampler.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#ifndef __wasm__
#include <thread>
#endif

namespace sibyl {

// For this thread's next sibyl_sampler_last_error.
void keep_last_error(const char* text);

} // namespace sibyl

namespace {

using sibyl::Facts;
using sibyl::Posterior;
using sibyl::PosteriorSampler;
using sibyl::ReadResult;
using sibyl::Role;

thread_local std::string last_error;

// The sampler is read when it is first needed.
const PosteriorSampler& sampler() {
  static const PosteriorSampler only = sibyl::embedded_sampler();
  return only;
}

// What `body` returns, or `failure` with the message kept for sibyl_sampler_last_error.
template <typename Result, typename Body>
Result guarded(Result failure, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    sibyl::keep_last_error(error.what());
  } catch (...) {
    sibyl::keep_last_error("unknown exception");
  }
  return failure;
}

// Owns what a sibyl_posteriors points to; that is its first member, so that `free` finds the rest.
struct Result {
  sibyl_posteriors shown{};
  std::vector<sibyl_posterior> items;
  std::vector<Posterior> posteriors;
  std::vector<std::string> verdicts;
  std::vector<std::vector<const char*>> columns;
  std::vector<std::vector<double>> summaries;
  std::string notes;
};

int thread_count(const sibyl_options& options) {
  if (options.threads > 0) return options.threads;
#ifdef __wasm__
  return 1;
#else
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
}

const sibyl_posteriors* sample(const ReadResult& read, const sibyl_options& options) {
  auto result = std::make_unique<Result>();
  result->posteriors =
      sampler().sample(read.data_sets, {.draws = options.draws > 0 ? static_cast<std::size_t>(options.draws) : 4000,
                                        .seed = options.seed > 0 ? options.seed : 1,
                                        .with_density = options.with_density != 0,
                                        .exact = options.exact != 0,
                                        .exact_seconds = options.exact_seconds > 0 ? options.exact_seconds : 30,
                                        .threads = thread_count(options)});
  const std::size_t count = result->posteriors.size();
  result->columns.resize(count);
  result->summaries.resize(count);
  for (const Posterior& one : result->posteriors) result->verdicts.push_back(one.verdict.text());
  for (std::size_t i = 0; i < count; ++i) {
    const sibyl::Draws& draws = result->posteriors[i].draws;
    for (const std::string& column : draws.columns) result->columns[i].push_back(column.c_str());
    result->summaries[i].assign(draws.columns.size() * 5, 0);
    // A summary is of the model's own columns; those that end in __ come behind them.
    const std::vector<sibyl::ColumnSummary> summaries = summarize(draws);
    for (std::size_t c = 0; c < summaries.size(); ++c) {
      const sibyl::ColumnSummary& from = summaries[c];
      const double numbers[] = {from.mean, from.sd, from.q5, from.median, from.q95};
      std::copy_n(numbers, 5, result->summaries[i].begin() + static_cast<std::ptrdiff_t>(5 * c));
    }
    const auto& check = result->posteriors[i].verdict.check;
    const bool has_evidence = check && check->log_evidence;
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    result->items.push_back({.label = draws.label.c_str(),
                             .verdict = result->verdicts[i].c_str(),
                             .is_fine = result->posteriors[i].verdict.is_fine(),
                             .draw_count = draws.row_count,
                             .column_count = draws.columns.size(),
                             .columns = result->columns[i].data(),
                             .draws = draws.values.data(),
                             .summaries = result->summaries[i].data(),
                             .k_hat = check ? check->k_hat : unknown,
                             .effective_size = check ? check->effective_size : unknown,
                             .log_evidence = has_evidence ? *check->log_evidence : unknown,
                             .log_evidence_error = has_evidence ? check->log_evidence_error : unknown});
  }
  for (const std::string& note : read.notes) result->notes += note + "\n";
  result->shown = {count, result->items.data(), result->notes.c_str()};
  return &result.release()->shown;
}

ReadResult read_text(const char* text, const char* name, const char* by) {
  if (!text) throw sibyl::UserError(std::string(name) + " are a null pointer");
  return sibyl::parse_data_sets(text, name, sampler().model().facts(), {.by = by ? by : ""});
}

sibyl::DataSet data_set_from(const sibyl_array* arrays, std::size_t count) {
  sibyl::DataSet set;
  set.label = "1";
  for (std::size_t i = 0; i < count; ++i) {
    const sibyl_array& from = arrays[i];
    sibyl::Tensor tensor;
    tensor.extents.assign(from.extents, from.extents + from.rank);
    tensor.values.assign(from.values, from.values + sibyl::element_count(tensor.extents));
    const auto may_be_integer = [](double value) { // NaN is a missing one; conform() refuses what has no 32 bits
      return std::isnan(value) || value == std::floor(value);
    };
    tensor.is_integer = std::all_of(tensor.values.begin(), tensor.values.end(), may_be_integer);
    set.variables[from.name] = std::move(tensor);
  }
  return set;
}

std::string describe() {
  const Facts& facts = sampler().model().facts();
  auto data = nlohmann::ordered_json::array(), parameters = data, derived = data;
  for (const sibyl::VariableFact& variable : facts.variables) {
    const nlohmann::ordered_json entry = {{"name", variable.name}, {"type", variable.type}};
    if (sibyl::is_data(variable)) {
      data.push_back(entry);
      data.back()["observed"] = variable.role != Role::design;
    } else if (variable.role == Role::parameter) {
      parameters.push_back(entry);
    } else if (variable.role == Role::transformed_parameter || variable.role == Role::generated) {
      derived.push_back(entry);
    }
  }
  const nlohmann::ordered_json all = {
      {"name", sampler().model().name()}, {"version", SIBYL_VERSION}, {"data", data},
      {"parameters", parameters},         {"derived", derived},       {"text", sampler().model().text()}};
  return all.dump();
}

} // namespace

namespace sibyl {

void keep_last_error(const char* text) { last_error = text; }

} // namespace sibyl

extern "C" {

const char* sibyl_sampler_version(void) { return SIBYL_VERSION; }

const char* sibyl_sampler_info(void) {
  return guarded<const char*>(nullptr, [] {
    static const std::string info = describe();
    return info.c_str();
  });
}

const sibyl_posteriors* sibyl_sampler_sample_text(const char* text, const sibyl_options* options) {
  return guarded<const sibyl_posteriors*>(nullptr, [&] {
    const sibyl_options chosen = options ? *options : sibyl_options{};
    return sample(read_text(text, "the data", chosen.by), chosen);
  });
}

const sibyl_posteriors* sibyl_sampler_sample_arrays(const sibyl_array* arrays, size_t count,
                                                    const sibyl_options* options) {
  return guarded<const sibyl_posteriors*>(nullptr, [&] {
    ReadResult read;
    read.data_sets = {sibyl::conform(data_set_from(arrays, count), sampler().model().facts(), "the data")};
    return sample(read, options ? *options : sibyl_options{});
  });
}

void sibyl_sampler_free(const sibyl_posteriors* posteriors) { delete reinterpret_cast<const Result*>(posteriors); }

int64_t sibyl_sampler_densities(const char* data, const char* parameters, const char* by, double* result,
                                size_t count) {
  return guarded<std::int64_t>(-1, [&] {
    const ReadResult read = read_text(data, "the data", by);
    if (read.data_sets.size() > count)
      throw sibyl::UserError(
          fmt::format("there are {} data sets, and room for {} densities", read.data_sets.size(), count));
    if (!parameters) throw sibyl::UserError("the parameters are a null pointer");
    const sibyl::Table table = sibyl::parse_csv(parameters, "the parameters");
    const std::vector<sibyl::DataSet> points =
        sibyl::read_parameters(table, sampler().model().facts(), read.data_sets, by ? by : "");
    const std::vector<double> densities = sampler().density_at(read.data_sets, points);
    std::copy(densities.begin(), densities.end(), result);
    return static_cast<std::int64_t>(densities.size());
  });
}

const char* sibyl_sampler_last_error(void) { return last_error.c_str(); }

} // extern "C"
