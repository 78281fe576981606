// The baselines: two of the example models as someone would write them by hand in C++, one value after the other, with
// the standard library's generator and distributions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace sibyl::bench {

// examples/01_linear_regression: simulates it.
template <typename Real>
class ScalarRegression {
 public:
  // One data set; the number of normal draws in it, those within the gamma distribution not counted.
  int simulate() {
    const int count = sizes_(random_);
    x.resize(static_cast<std::size_t>(count));
    y.resize(static_cast<std::size_t>(count));
    for (Real& one : x) one = normal_(random_);
    intercept = 2 + 3 * normal_(random_);
    slope = normal_(random_);
    sigma = gamma_(random_);
    for (std::size_t n = 0; n < x.size(); ++n) y[n] = intercept + slope * x[n] + sigma * normal_(random_);
    return 2 * count + 2;
  }

  std::vector<Real> x, y;
  Real intercept = 0, slope = 0, sigma = 0;

 private:
  std::mt19937_64 random_{1};
  std::uniform_int_distribution<int> sizes_{5, 14};
  std::normal_distribution<Real> normal_;
  std::gamma_distribution<Real> gamma_{1, 1};
};

// examples/03_drift_diffusion: simulates it.
template <typename Real>
class ScalarDiffusion {
 public:
  // One data set; the number of steps that its walks took.
  std::int64_t simulate() {
    const int count = sizes_(random_);
    condition.resize(static_cast<std::size_t>(count));
    time.resize(condition.size());
    response.resize(condition.size());
    for (int& one : condition) one = uniform_(random_) < Real(0.5) ? 1 : 2;
    const Real drift[2] = {Real(0.5) + Real(1.5) * normal_(random_), Real(0.5) + Real(1.5) * normal_(random_)};
    const Real boundary = normal_between(2, Real(0.8), Real(0.5), 4);
    Real bias;
    do {
      const Real a = gamma_(random_), b = gamma_(random_);
      bias = a / (a + b);
    } while (bias < Real(0.1) || bias > Real(0.9));
    const Real nondecision = normal_between(Real(0.5), Real(0.3), Real(0.1), Real(1.5));

    const Real dt = Real(0.005), root = std::sqrt(dt), edge = Real(0.5826) * root;
    std::int64_t steps = 0;
    for (std::size_t n = 0; n < condition.size(); ++n) {
      const Real move = drift[condition[n] - 1] * dt;
      Real x = bias * boundary, t = 0;
      while (x > edge && x < boundary - edge) {
        x += move + root * normal_(random_);
        t += dt;
        ++steps;
      }
      time[n] = nondecision + t;
      response[n] = x >= boundary - edge;
    }
    return steps;
  }

  std::vector<int> condition, response;
  std::vector<Real> time;

 private:
  Real normal_between(Real mean, Real sd, Real low, Real high) {
    for (;;)
      if (const Real value = mean + sd * normal_(random_); value > low && value < high) return value;
  }

  std::mt19937_64 random_{1};
  std::uniform_int_distribution<int> sizes_{100, 400};
  std::uniform_real_distribution<Real> uniform_;
  std::normal_distribution<Real> normal_;
  std::gamma_distribution<Real> gamma_{10, 1};
};

// examples/01_linear_regression: its log density of (intercept, slope, log sigma), Jacobian included, with its gradient
// derived by hand.
struct ScalarRegressionDensity {
  std::vector<double> x, y;

  double operator()(const double* point, double* gradient) const {
    const double intercept = point[0], slope = point[1], sigma = std::exp(point[2]);
    const double half_log_two_pi = 0.91893853320467274178;
    const double a = (intercept - 2) / 3;
    double value = -0.5 * a * a - std::log(3.0) - 0.5 * slope * slope - 2 * half_log_two_pi - sigma + point[2];
    gradient[0] = -a / 3;
    gradient[1] = -slope;
    gradient[2] = 1 - sigma;
    double squares = 0, sum = 0, sum_x = 0;
    for (std::size_t n = 0; n < x.size(); ++n) {
      const double z = (y[n] - intercept - slope * x[n]) / sigma;
      squares += z * z;
      sum += z;
      sum_x += z * x[n];
    }
    const auto count = static_cast<double>(x.size());
    value -= 0.5 * squares + count * (point[2] + half_log_two_pi);
    gradient[0] += sum / sigma;
    gradient[1] += sum_x / sigma;
    gradient[2] += squares - count;
    return value;
  }
};

} // namespace sibyl::bench
