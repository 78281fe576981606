// Whether it is the design alone that puts a data set far from the simulations: covariates and sizes that training
// seldom or never drew make summaries of their own, and say nothing about whether the model can have made the data.
#pragma once

#include "runtime/posterior/posterior_sampler.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace sibyl {

// Whether the model has a design that differs between the data sets of training.
bool has_drawn_design(const Facts& facts, const InferenceSetup& setup);

// Data sets with one's design and its missing values, made with given parameters.
struct SetsOfDesign {
  std::vector<DataSet> sets;
  std::vector<std::size_t> places; // of their parameters; simulations that failed are left out
};

// `parameters`: unconstrained, [draw][parameter], one data set each.
SetsOfDesign simulate_with_design(const PosteriorSampler& sampler, const DataSet& data,
                                  std::span<const double> parameters, std::uint64_t seed,
                                  const std::atomic<std::int32_t>* interrupted);

// The share of data sets with this one's design, and parameters from where training had them, whose summaries lie at
// least as far out as `distance`; as a p-value, never zero. One where none can be made. `parameters`: unconstrained,
// [draw][parameter], one data set each.
double share_as_far(const PosteriorSampler& sampler, const DataSet& data, double distance,
                    std::span<const double> parameters, std::uint64_t seed,
                    const std::atomic<std::int32_t>* interrupted);

} // namespace sibyl
