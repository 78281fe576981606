#include "runtime/networks/spline.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace sibyl::spline {

namespace {

constexpr double smallest_share = 1e-3; // of a bin in the whole
constexpr double smallest_slope = 1e-3;

double softplus(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// Where a number of zero gives the slope 1.
const double slope_shift = std::log(std::expm1(1 - smallest_slope));

// One value's spline: knots and slopes from its numbers.
struct Knots {
  std::size_t bins;
  std::array<double, most_bins> width, height;             // of the bins
  std::array<double, most_bins> width_share, height_share; // softmax
  std::array<double, most_bins + 1> x, y;
  const float* slope_numbers;

  Knots(std::size_t bins_, const float* numbers) : bins(bins_), slope_numbers(numbers + 2 + 2 * bins_) {
    fill(numbers + 2, width, width_share, x);
    fill(numbers + 2 + bins, height, height_share, y);
  }

  // On demand: a value needs two of them.
  double slope(std::size_t k) const { return smallest_slope + softplus(slope_numbers[k] + slope_shift); }

  void fill(const float* numbers, std::array<double, most_bins>& size, std::array<double, most_bins>& share,
            std::array<double, most_bins + 1>& knot) const {
    double largest = numbers[0], total = 0;
    for (std::size_t k = 1; k < bins; ++k) largest = std::max<double>(largest, numbers[k]);
    for (std::size_t k = 0; k < bins; ++k) total += share[k] = std::exp(numbers[k] - largest);
    knot[0] = -bound;
    for (std::size_t k = 0; k < bins; ++k) {
      share[k] /= total;
      size[k] = 2 * bound * (smallest_share + (1 - smallest_share * static_cast<double>(bins)) * share[k]);
      knot[k + 1] = knot[k] + size[k];
    }
  }

  static std::size_t find(const std::array<double, most_bins + 1>& knot, std::size_t bins, double value) {
    const auto after = std::upper_bound(knot.begin() + 1, knot.begin() + static_cast<std::ptrdiff_t>(bins), value);
    return static_cast<std::size_t>(after - knot.begin()) - 1;
  }
};

double log_cosh(double x) {
  const double a = std::abs(x);
  return a + std::log1p(std::exp(-2 * a)) - 0.69314718055994530942;
}

// t = spline(s) and log dt/ds within bin k.
template <typename Number>
struct Point {
  Number t, log_slope;
};

template <typename Number>
Point<Number> within(Number s, Number x0, Number w, Number y0, Number h, Number d0, Number d1) {
  using std::log;
  const Number xi = (s - x0) / w, rest = 1.0 - xi, delta = h / w, product = xi * rest;
  const Number denominator = delta + (d1 + d0 - 2.0 * delta) * product;
  const Number t = y0 + h * (delta * xi * xi + d0 * product) / denominator;
  const Number numerator = d1 * xi * xi + 2.0 * delta * product + d0 * rest * rest;
  return {t, 2.0 * log(delta) + log(numerator) - 2.0 * log(denominator)};
}

// A number with its derivatives by the seven inputs of `within`.
struct Dual {
  double value = 0;
  std::array<double, 7> d{};
  Dual() = default;
  Dual(double v) : value(v) {}
  Dual(double v, std::size_t input) : value(v) { d[input] = 1; }
};
template <typename Combine>
Dual combine(double value, const Dual& a, const Dual& b, Combine derivative) {
  Dual result(value);
  for (std::size_t i = 0; i < result.d.size(); ++i) result.d[i] = derivative(a.d[i], b.d[i]);
  return result;
}
Dual operator+(const Dual& a, const Dual& b) {
  return combine(a.value + b.value, a, b, [](double x, double y) { return x + y; });
}
Dual operator-(const Dual& a, const Dual& b) {
  return combine(a.value - b.value, a, b, [](double x, double y) { return x - y; });
}
Dual operator*(const Dual& a, const Dual& b) {
  return combine(a.value * b.value, a, b, [&](double x, double y) { return x * b.value + a.value * y; });
}
Dual operator/(const Dual& a, const Dual& b) {
  const double q = a.value / b.value;
  return combine(q, a, b, [&](double x, double y) { return (x - q * y) / b.value; });
}
Dual log(const Dual& a) {
  return combine(std::log(a.value), a, a, [&](double x, double) { return x / a.value; });
}

} // namespace

void forward(std::size_t count, std::size_t bins, const float* x, const float* numbers, float* y, float* log_slope) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* own = numbers + i * numbers_per_value(bins);
    const double s = std::asinh(x[i] * std::exp(static_cast<double>(own[0])) + own[1]);
    const Knots knots(bins, own);
    Point<double> point;
    if (s <= -bound) point = {-bound + knots.slope(0) * (s + bound), std::log(knots.slope(0))};
    else if (s >= bound) point = {bound + knots.slope(bins) * (s - bound), std::log(knots.slope(bins))};
    else {
      const std::size_t k = Knots::find(knots.x, bins, s);
      point = within<double>(s, knots.x[k], knots.width[k], knots.y[k], knots.height[k], knots.slope(k),
                             knots.slope(k + 1));
    }
    y[i] = static_cast<float>(std::sinh(point.t));
    log_slope[i] = static_cast<float>(own[0] + point.log_slope + log_cosh(point.t) - log_cosh(s));
  }
}

void inverse(std::size_t count, std::size_t bins, const float* y, const float* numbers, float* x, float* log_slope) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* own = numbers + i * numbers_per_value(bins);
    const double t = std::asinh(static_cast<double>(y[i]));
    const Knots knots(bins, own);
    double s, slope;
    if (t <= -bound) {
      s = -bound + (t + bound) / knots.slope(0);
      slope = std::log(knots.slope(0));
    } else if (t >= bound) {
      s = bound + (t - bound) / knots.slope(bins);
      slope = std::log(knots.slope(bins));
    } else {
      // The quadratic of Durkan et al. (2019), eq. 29-32, in the form that does not cancel.
      const std::size_t k = Knots::find(knots.y, bins, t);
      const double h = knots.height[k], w = knots.width[k], delta = h / w, d0 = knots.slope(k), d1 = knots.slope(k + 1),
                   rise = t - knots.y[k];
      const double bend = d1 + d0 - 2 * delta;
      const double a = h * (delta - d0) + rise * bend, b = h * d0 - rise * bend, c = -delta * rise;
      const double xi = 2 * c / (-b - std::sqrt(std::max(0.0, b * b - 4 * a * c)));
      s = knots.x[k] + xi * w;
      slope = within<double>(s, knots.x[k], w, knots.y[k], h, d0, d1).log_slope;
    }
    x[i] = static_cast<float>((std::sinh(s) - own[1]) * std::exp(-static_cast<double>(own[0])));
    log_slope[i] = static_cast<float>(own[0] + slope + log_cosh(t) - log_cosh(s));
  }
}

void backward(std::size_t count, std::size_t bins, const float* x, const float* numbers, const float* y_gradient,
              const float* log_slope_gradient, float* x_gradient, float* numbers_gradient) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* own = numbers + i * numbers_per_value(bins);
    float* own_gradient = numbers_gradient + i * numbers_per_value(bins);
    std::fill_n(own_gradient, numbers_per_value(bins), 0.0f);
    const double scale = std::exp(static_cast<double>(own[0])), u = x[i] * scale + own[1], s = std::asinh(u);
    const Knots knots(bins, own);
    const double gy = y_gradient[i], gl = log_slope_gradient[i];
    const auto through = [&](double t) { return gy * std::cosh(t) + gl * std::tanh(t); }; // gradient of t

    std::array<double, most_bins> width_gradient{}, height_gradient{};
    std::array<double, most_bins + 1> slope_gradient{};
    double gs = -gl * std::tanh(s);
    if (std::abs(s) >= bound) {
      const std::size_t end = s < 0 ? 0 : bins;
      const double edge = s < 0 ? -bound : bound, t = edge + knots.slope(end) * (s - edge), gt = through(t);
      gs += gt * knots.slope(end);
      slope_gradient[end] = gt * (s - edge) + gl / knots.slope(end);
    } else {
      const std::size_t k = Knots::find(knots.x, bins, s);
      const Point<Dual> point = within<Dual>({s, 0}, {knots.x[k], 1}, {knots.width[k], 2}, {knots.y[k], 3},
                                             {knots.height[k], 4}, {knots.slope(k), 5}, {knots.slope(k + 1), 6});
      const double gt = through(point.t.value);
      std::array<double, 7> g;
      for (std::size_t j = 0; j < 7; ++j) g[j] = gt * point.t.d[j] + gl * point.log_slope.d[j];
      gs += g[0];
      // A knot is the sum of the bins before it.
      for (std::size_t j = 0; j < k; ++j) {
        width_gradient[j] += g[1];
        height_gradient[j] += g[3];
      }
      width_gradient[k] += g[2];
      height_gradient[k] += g[4];
      slope_gradient[k] = g[5];
      slope_gradient[k + 1] = g[6];
    }
    const double factor = 2 * bound * (1 - smallest_share * static_cast<double>(bins));
    const auto softmax = [&](const std::array<double, most_bins>& gradient, const std::array<double, most_bins>& share,
                             float* target) {
      double mean = 0;
      for (std::size_t k = 0; k < bins; ++k) mean += gradient[k] * share[k];
      for (std::size_t k = 0; k < bins; ++k) target[k] = static_cast<float>(factor * share[k] * (gradient[k] - mean));
    };
    softmax(width_gradient, knots.width_share, own_gradient + 2);
    softmax(height_gradient, knots.height_share, own_gradient + 2 + bins);
    for (std::size_t k = 0; k <= bins; ++k)
      if (slope_gradient[k] != 0)
        own_gradient[2 + 2 * bins + k] =
            static_cast<float>(slope_gradient[k] * logistic(own[2 + 2 * bins + k] + slope_shift));
    const double gu = gs / std::cosh(s);
    own_gradient[0] = static_cast<float>(gu * x[i] * scale + gl);
    own_gradient[1] = static_cast<float>(gu);
    x_gradient[i] = static_cast<float>(gu * scale);
  }
}

} // namespace sibyl::spline
