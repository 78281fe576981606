// Posteriors as ArviZ's InferenceData: groups of arrays with named dimensions. It is written as netCDF, by a library
// that is opened only then (runtime/netcdf).
#pragma once

#include "compiler/interface/facts.hpp"
#include "runtime/data/data_set.hpp"
#include "runtime/data/draws.hpp"

#include <span>
#include <string>
#include <vector>

namespace sibyl {

struct LabelledArray {
  std::string name;
  std::vector<std::string> dimensions; // one name for each extent of `values`
  Tensor values;                       // row-major; integers have no missing values
  std::vector<std::string> texts;      // instead of `values`: an array of texts with the extents of `values`
};

struct InferenceGroup {
  std::string name;
  std::vector<LabelledArray> variables;
  std::vector<LabelledArray> coordinates; // one for each dimension, of its name
};

using InferenceData = std::vector<InferenceGroup>;

// A number for each data set, in order.
struct DataSetNumbers {
  std::string name;
  std::vector<double> values;
};

// The groups posterior, sample_stats, observed_data and constant_data, by ArviZ's schema: posterior variables have the
// dimensions chain, draw, the data set, and their own (`theta_dim_0`). The data set's dimension is called `by` (or
// `set`) and holds the labels; a single data set without `by` has none. Where sizes differ between data sets, arrays
// are padded with NaN. sample_stats holds the verdicts, `numbers`, and log_density__ where it was sampled. Throws
// UserError where a variable has the name of a dimension.
InferenceData to_inference_data(const Facts& facts, std::span<const DataSet> data_sets, std::span<const Draws> draws,
                                std::span<const std::string> verdicts, const std::string& by,
                                std::span<const DataSetNumbers> numbers = {});

// Markov chains for one data set, one element of `chains` each, of the same columns and numbers of draws: the groups
// posterior, sample_stats (Stan's columns, lp__ and others, under ArviZ's names), observed_data and constant_data.
InferenceData chains_to_inference_data(const Facts& facts, const DataSet& data, std::span<const Draws> chains);

// Throws UserError where the library for it is not installed or the place cannot be written to, RuntimeError where the
// disk is full; the file is complete or not there.
void write_netcdf(const std::string& path, const InferenceData& data);

// What libsibyl_netcdf.so exports under the name sibyl_netcdf_bytes: the whole file. Throws RuntimeError.
using NetcdfFunction = void (*)(const InferenceData& data, std::string& bytes);

} // namespace sibyl
