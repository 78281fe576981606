// How a posterior moves where its prior or its likelihood is raised to a power: which conclusions hang on which.
//
// Kallioinen, Paananen, Bürkner and Vehtari 2024, "Detecting and diagnosing prior and likelihood sensitivity with
// power-scaling", Statistics and Computing 34: draws are reweighted by the component to the power alpha - 1; how far a
// parameter's marginal moves is the cumulative Jensen-Shannon distance (section 2.4), for each doubling of alpha.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sibyl {

// Above this distance for each doubling a marginal is sensitive (section 2.5 of the paper).
inline constexpr double noteworthy_sensitivity = 0.05;

// The cumulative Jensen-Shannon distance of two weightings of the same values, from 0 to 1; the larger of that of the
// values and of their negatives. Weights are not negative and sum to one.
double cumulative_jensen_shannon(std::span<const double> values, std::span<const double> first,
                                 std::span<const double> second);

struct PowerScaled {
  double mean = 0, sd = 0; // of the reweighted draws
  double k_hat = 0;
};

// `component` and `log_ratios` as below.
PowerScaled power_scaled(std::span<const double> values, std::span<const double> component,
                         std::span<const double> log_ratios, double power);

// One parameter and one component of the density.
struct PowerSensitivity {
  double distance = 0;          // for each doubling, at alpha close to one
  PowerScaled weaker, stronger; // at alpha 0.8 and 1.25
  bool is_sensitive() const { return distance >= noteworthy_sensitivity; }
};

inline constexpr double weaker_power = 0.8, stronger_power = 1.25;

// `component`: the log prior or log likelihood of each draw; `log_ratios` as in loo.hpp.
PowerSensitivity power_sensitivity(std::span<const double> values, std::span<const double> component,
                                   std::span<const double> log_ratios);

// "prior and data conflict", "the prior decides", or "-".
std::string diagnose_sensitivity(const PowerSensitivity& prior, const PowerSensitivity& likelihood);

} // namespace sibyl
