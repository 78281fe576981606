// Which conclusions hang on the prior and which on the data (runtime/trust/power_scaling.hpp), for each parameter of a
// data set's posterior.
#pragma once

#include "runtime/criticism/weighted_posterior.hpp"
#include "runtime/trust/power_scaling.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// One parameter's mean and sd at powers of one component of the density.
struct PowerCurve {
  std::vector<double> powers;
  std::vector<PowerScaled> at;
};

struct MarginalSensitivity {
  std::string name; // of one number: "theta.2"
  PowerSensitivity prior, likelihood;
  PowerCurve prior_curve, likelihood_curve;
  std::string diagnosis() const { return diagnose_sensitivity(prior, likelihood); }
};

struct DataSensitivity {
  std::string label;
  std::vector<MarginalSensitivity> parameters;
};

// Throws UserError where the model's log likelihood has no terms.
DataSensitivity find_sensitivity(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                 const WeightedPosterior& posterior);

// The same by the networks of a sampler that was trained for powers (lang/powers.hpp): its draws at other ones. The
// component that its text does not raise has the distance NaN and no curve; k-hat is that of the draws towards the
// density at their power, NaN where there is none. Throws UserError where the sampler knows no powers.
DataSensitivity find_sensitivity_by_networks(const PosteriorSampler& sampler, const DataSet& data,
                                             const SampleOptions& options);

// HTML: what the plots show, the plots of at most so many parameters, and a page of all data sets.
std::string sensitivity_explanation();
std::string sensitivity_plots(const DataSensitivity& sensitivity, std::size_t most);
std::string sensitivity_page(const std::string& model_name, std::span<const DataSensitivity> sensitivities);

} // namespace sibyl
