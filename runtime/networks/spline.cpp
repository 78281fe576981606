#include "runtime/networks/spline.hpp"

#include "runtime/networks/vectors.hpp"

#include <algorithm>

namespace sibyl::spline {

namespace {

using vectors::all;
using vectors::Floats;
using vectors::Integers;
using vectors::lanes;

constexpr float least_share = static_cast<float>(smallest_share);
constexpr float edge = static_cast<float>(bound);
constexpr float log_two = 0.693147181f;
constexpr float scale_limit = static_cast<float>(most_log_scale), slope_limit = static_cast<float>(most_log_slope),
                end_limit = static_cast<float>(most_log_end_slope);

SIBYL_INLINE Floats with_sign_of(Floats magnitude, Floats x) { return x < 0 ? -magnitude : magnitude; }

// asinh: log(1 + (|x| + x^2 / (1 + sqrt(1 + x^2)))), and log 2|x| where squares would be too large.
SIBYL_INLINE Floats asinh(Floats x) {
  const Floats a = vectors::absolute(x), most = vectors::smaller(a, all(1e4f)), square = most * most;
  const Floats near = vectors::logarithm_of_one_plus(most + square / (1.0f + vectors::square_root(1.0f + square)));
  return with_sign_of(a > 1e4f ? vectors::logarithm(a) + log_two : near, x);
}

// sinh, by its series near zero, where the exponentials cancel. Infinite beyond 89.4.
SIBYL_INLINE Floats sinh(Floats x) {
  const Floats a = vectors::absolute(x), square = x * x;
  const Floats root = vectors::exponential(0.5f * a), far = 0.5f * root * root - 0.5f / (root * root);
  Floats series = square * (1.0f / 362880) + 1.0f / 5040;
  series = series * square + 1.0f / 120;
  series = series * square + 1.0f / 6;
  const Floats near = a + a * square * series;
  return with_sign_of(a < 1 ? near : far, x);
}

// NaN where x is infinite or NaN, which comparisons would hide; otherwise 0.
SIBYL_INLINE Floats not_finite(Floats x) { return x * 0.0f; }

SIBYL_INLINE Floats log_cosh(Floats x) {
  const Floats a = vectors::absolute(x);
  return a + vectors::logarithm_of_one_plus(vectors::exponential(-2.0f * a)) - log_two;
}

SIBYL_INLINE Floats tanh(Floats x) {
  const Floats e = vectors::exponential(-2.0f * vectors::absolute(x));
  return with_sign_of((1.0f - e) / (1.0f + e), x);
}

// A bounded number, and its derivative. What is no number stays none: the data set that it comes from is left out then.
SIBYL_INLINE Floats bounded(Floats number, Floats limit) {
  return limit * tanh(number / limit) + not_finite(number);
}
SIBYL_INLINE Floats rate_of_bounded(Floats number, Floats limit) {
  const Floats share = tanh(number / limit);
  return 1.0f - share * share;
}

// The numbers of eight values, each in a vector of its own. Where there are fewer values, the rest are zero.
struct Numbers {
  Floats of[numbers_per_value(most_bins)];
};
SIBYL_INLINE void read(Numbers& numbers, std::size_t count, std::size_t per_value, const float* from) {
  if (count < lanes)
    for (std::size_t j = 0; j < per_value; ++j) numbers.of[j] = Floats{};
  auto* to = reinterpret_cast<float*>(numbers.of);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < per_value; ++j) to[j * lanes + i] = from[i * per_value + j];
}
SIBYL_INLINE void write(const Numbers& numbers, std::size_t count, std::size_t per_value, float* to) {
  const auto* from = reinterpret_cast<const float*>(numbers.of);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < per_value; ++j) to[i * per_value + j] = from[j * lanes + i];
}
SIBYL_INLINE Floats read(std::size_t count, const float* from) {
  Floats result{};
  for (std::size_t i = 0; i < count; ++i) result[i] = from[i];
  return result;
}
SIBYL_INLINE void write(Floats values, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = values[i];
}

// Shares of the bins in the whole: the softmax of their numbers.
SIBYL_INLINE void softmax(std::size_t bins, const Floats* numbers, Floats* shares) {
  Floats largest = numbers[0], total{};
  for (std::size_t k = 1; k < bins; ++k) largest = vectors::larger(largest, numbers[k]);
  for (std::size_t k = 0; k < bins; ++k) total += shares[k] = vectors::exponential(numbers[k] - largest);
  const Floats inverse = 1.0f / total;
  for (std::size_t k = 0; k < bins; ++k) shares[k] *= inverse;
}

// The bin that a value lies in: its number, its lower corner, its extents, and the numbers of the log slopes at its
// ends.
struct Bin {
  Floats number, x, width, y, height, left, right;
};

struct Shares {
  Floats width[most_bins], height[most_bins];
};

// `in_x`: the value is one of x; otherwise of y.
SIBYL_INLINE Bin find(std::size_t bins, const Numbers& numbers, Shares& shares, Floats value, bool in_x) {
  softmax(bins, numbers.of + 2, shares.width);
  softmax(bins, numbers.of + 2 + bins, shares.height);
  const float factor = 2 * edge * (1 - least_share * static_cast<float>(bins)), least = 2 * edge * least_share;
  const Floats* slopes = numbers.of + 2 + 2 * bins;
  Floats x = all(-edge), y = x;
  Bin bin{};
  for (std::size_t k = 0; k < bins; ++k) {
    const Floats width = least + factor * shares.width[k], height = least + factor * shares.height[k];
    const Integers is_behind = k == 0 ? Integers{} - 1 : (in_x ? value >= x : value >= y);
    bin.number = is_behind ? all(static_cast<float>(k)) : bin.number;
    bin.x = is_behind ? x : bin.x;
    bin.width = is_behind ? width : bin.width;
    bin.y = is_behind ? y : bin.y;
    bin.height = is_behind ? height : bin.height;
    bin.left = is_behind ? slopes[k] : bin.left;
    bin.right = is_behind ? slopes[k + 1] : bin.right;
    x += width;
    y += height;
  }
  return bin;
}

// The bounds of the log slopes at a bin's ends: those of the spline's ends go on in its tails.
SIBYL_INLINE Floats left_limit(const Bin& bin) { return bin.number == all(0) ? all(end_limit) : all(slope_limit); }
SIBYL_INLINE Floats right_limit(const Bin& bin, std::size_t bins) {
  return bin.number == all(static_cast<float>(bins - 1)) ? all(end_limit) : all(slope_limit);
}
SIBYL_INLINE Floats left_log_slope(const Bin& bin) { return bounded(bin.left, left_limit(bin)); }
SIBYL_INLINE Floats right_log_slope(const Bin& bin, std::size_t bins) {
  return bounded(bin.right, right_limit(bin, bins));
}

// The log slope at the end of the spline that a value lies nearer to.
SIBYL_INLINE Floats end_log_slope(std::size_t bins, const Numbers& numbers, Floats value) {
  const Floats* slopes = numbers.of + 2 + 2 * bins;
  return bounded(value < 0 ? slopes[0] : slopes[bins], all(end_limit));
}

SIBYL_INLINE Floats log_slope_within(Floats xi, Floats delta, Floats d0, Floats d1) {
  const Floats rest = 1.0f - xi, product = xi * rest;
  const Floats denominator = delta + (d1 + d0 - 2.0f * delta) * product;
  const Floats numerator = d1 * xi * xi + 2.0f * delta * product + d0 * rest * rest;
  const Floats ratio = delta / denominator;
  return vectors::logarithm(ratio * ratio * numerator);
}

} // namespace

SIBYL_EACH_PROCESSOR
void forward(std::size_t count, std::size_t bins, const float* x, const float* numbers, float* y, float* log_slope) {
  const std::size_t per_value = numbers_per_value(bins);
  Numbers own;
  Shares shares;
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    read(own, here, per_value, numbers + i * per_value);
    const Floats log_scale = bounded(own.of[0], all(scale_limit));
    const Floats value = read(here, x + i), s = asinh(value * vectors::exponential(log_scale) + own.of[1]);
    const Bin bin = find(bins, own, shares, s, true);
    const Floats d0 = vectors::exponential(left_log_slope(bin)), d1 = vectors::exponential(right_log_slope(bin, bins));
    const Floats delta = bin.height / bin.width;
    const Floats xi = vectors::smaller(vectors::larger((s - bin.x) / bin.width, all(0)), all(1));
    const Floats product = xi * (1.0f - xi);
    const Floats within =
        bin.y + bin.height * (delta * xi * xi + d0 * product) / (delta + (d1 + d0 - 2.0f * delta) * product);
    const Floats log_end = end_log_slope(bins, own, s), end = with_sign_of(all(edge), s);
    const Integers is_outside = vectors::absolute(s) >= edge;
    const Floats t = is_outside ? end + vectors::exponential(log_end) * (s - end) : within;
    const Floats log_spline = is_outside ? log_end : log_slope_within(xi, delta, d0, d1);
    write(sinh(t) + not_finite(value), here, y + i);
    write(not_finite(value) + log_scale + log_spline + log_cosh(t) - log_cosh(s), here, log_slope + i);
  }
}

SIBYL_EACH_PROCESSOR
void inverse(std::size_t count, std::size_t bins, const float* y, const float* numbers, float* x, float* log_slope) {
  const std::size_t per_value = numbers_per_value(bins);
  Numbers own;
  Shares shares;
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    read(own, here, per_value, numbers + i * per_value);
    const Floats value = read(here, y + i), t = asinh(value), log_scale = bounded(own.of[0], all(scale_limit));
    const Bin bin = find(bins, own, shares, t, false);
    const Floats d0 = vectors::exponential(left_log_slope(bin)), d1 = vectors::exponential(right_log_slope(bin, bins));
    const Floats h = bin.height, delta = h / bin.width;
    // The quadratic of Durkan et al. (2019), eq. 29-32, in the form that does not cancel.
    const Floats rise = vectors::smaller(vectors::larger(t - bin.y, all(0)), h), bend = d1 + d0 - 2.0f * delta;
    const Floats a = h * (delta - d0) + rise * bend, b = h * d0 - rise * bend, c = -delta * rise;
    const Floats root = vectors::square_root(vectors::larger(b * b - 4.0f * a * c, all(0)));
    const Floats xi = vectors::smaller(2.0f * c / (-b - root), all(1));
    const Floats log_end = end_log_slope(bins, own, t), end = with_sign_of(all(edge), t);
    const Integers is_outside = vectors::absolute(t) >= edge;
    const Floats s = is_outside ? end + (t - end) * vectors::exponential(-log_end) : bin.x + xi * bin.width;
    const Floats log_spline = is_outside ? log_end : log_slope_within(xi, delta, d0, d1);
    write(not_finite(value) + (sinh(s) - own.of[1]) * vectors::exponential(-log_scale), here, x + i);
    write(log_scale + log_spline + log_cosh(t) - log_cosh(s), here, log_slope + i);
  }
}

SIBYL_EACH_PROCESSOR
void backward(std::size_t count, std::size_t bins, const float* x, const float* numbers, const float* y_gradient,
              const float* log_slope_gradient, float* x_gradient, float* numbers_gradient) {
  const std::size_t per_value = numbers_per_value(bins);
  const float factor = 2 * edge * (1 - least_share * static_cast<float>(bins));
  Numbers own, gradient;
  Shares shares;
  for (std::size_t i = 0; i < count; i += lanes) {
    const std::size_t here = std::min(lanes, count - i);
    read(own, here, per_value, numbers + i * per_value);
    const Floats value = read(here, x + i), gy = read(here, y_gradient + i), gl = read(here, log_slope_gradient + i);
    const Floats scale = vectors::exponential(bounded(own.of[0], all(scale_limit)));
    const Floats s = asinh(value * scale + own.of[1]);
    const Bin bin = find(bins, own, shares, s, true);
    const Floats d0 = vectors::exponential(left_log_slope(bin)), d1 = vectors::exponential(right_log_slope(bin, bins));
    const Floats w = bin.width, h = bin.height, delta = h / w;
    const Floats xi = vectors::smaller(vectors::larger((s - bin.x) / w, all(0)), all(1)), rest = 1.0f - xi;
    const Floats product = xi * rest, bend = d0 + d1 - 2.0f * delta, denominator = delta + bend * product;
    const Floats above = delta * xi * xi + d0 * product;
    const Floats numerator = d1 * xi * xi + 2.0f * delta * product + d0 * rest * rest;
    const Floats slope = vectors::exponential(end_log_slope(bins, own, s)), end = with_sign_of(all(edge), s);
    const Integers is_outside = vectors::absolute(s) >= edge;
    const Floats t = is_outside ? end + slope * (s - end) : bin.y + h * above / denominator;
    // y = sinh t, and log_slope has log cosh t.
    const Floats et = vectors::exponential(vectors::absolute(t));
    const Floats gt = gy * (0.5f * et + 0.5f / et) + gl * tanh(t);

    // Within: t = y0 + h above / denominator, log slope = 2 log(delta / denominator) + log numerator, backwards.
    const Floats g_above = gt * h / denominator;
    const Floats g_denominator = -(gt * h * above / denominator + 2.0f * gl) / denominator;
    const Floats g_numerator = gl / numerator, g_bend = g_denominator * product;
    const Floats g_product = g_numerator * 2.0f * delta + g_above * d0 + g_denominator * bend;
    const Floats g_rest = g_numerator * 2.0f * d0 * rest + g_product * xi;
    const Floats g_xi = g_numerator * 2.0f * d1 * xi + g_above * 2.0f * delta * xi + g_product * rest - g_rest;
    const Floats g_delta =
        2.0f * gl / delta + g_numerator * 2.0f * product + g_above * xi * xi + g_denominator - 2.0f * g_bend;
    const Floats g_d0 = g_numerator * rest * rest + g_above * product + g_bend;
    const Floats g_d1 = g_numerator * xi * xi + g_bend;
    const Floats g_x0 = is_outside ? all(0) : -g_xi / w, g_y0 = is_outside ? all(0) : gt;
    const Floats g_w = is_outside ? all(0) : -(g_xi * xi + g_delta * delta) / w;
    const Floats g_h = is_outside ? all(0) : gt * above / denominator + g_delta / w;
    // Outside: t = end + slope (s - end), log slope = log slope.
    const Floats g_log_end = gt * (s - end) * slope + gl;

    // A knot is the sum of the bins before it; sizes are softmaxes.
    Floats mean_w{}, mean_h{};
    for (std::size_t k = 0; k < bins; ++k) {
      const Floats number = all(static_cast<float>(k));
      const Floats gw = number < bin.number ? g_x0 : number == bin.number ? g_w : all(0);
      const Floats gh = number < bin.number ? g_y0 : number == bin.number ? g_h : all(0);
      gradient.of[2 + k] = gw;
      gradient.of[2 + bins + k] = gh;
      mean_w += gw * shares.width[k];
      mean_h += gh * shares.height[k];
    }
    for (std::size_t k = 0; k < bins; ++k) {
      gradient.of[2 + k] = factor * shares.width[k] * (gradient.of[2 + k] - mean_w);
      gradient.of[2 + bins + k] = factor * shares.height[k] * (gradient.of[2 + bins + k] - mean_h);
    }
    // Log slopes of the ends of the bin, or of the one end that the value lies beyond, through their bounds.
    const Floats* slopes = own.of + 2 + 2 * bins;
    const Floats last = all(static_cast<float>(bins));
    const Floats at_left = is_outside ? (s < 0 ? all(0) : last) : bin.number;
    const Floats at_right = is_outside ? all(-1) : bin.number + 1.0f;
    const Floats left = (is_outside ? g_log_end : g_d0 * d0) *
                        rate_of_bounded(is_outside ? (s < 0 ? slopes[0] : slopes[bins]) : bin.left,
                                        is_outside ? all(end_limit) : left_limit(bin));
    const Floats right = g_d1 * d1 * rate_of_bounded(bin.right, right_limit(bin, bins));
    for (std::size_t k = 0; k <= bins; ++k) {
      const Floats number = all(static_cast<float>(k));
      gradient.of[2 + 2 * bins + k] = number == at_left ? left : number == at_right ? right : all(0);
    }

    // s = asinh u: ds/du = 1 / cosh s, and log_slope has -log cosh s.
    const Floats es = vectors::exponential(vectors::absolute(s));
    const Floats gs = (is_outside ? gt * slope : g_xi / w) - gl * tanh(s), gu = gs / (0.5f * es + 0.5f / es);
    gradient.of[0] = (gu * value * scale + gl) * rate_of_bounded(own.of[0], all(scale_limit));
    gradient.of[1] = gu;
    write(gu * scale, here, x_gradient + i);
    write(gradient, here, per_value, numbers_gradient + i * per_value);
  }
}

} // namespace sibyl::spline
