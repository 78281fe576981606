#include "runtime/training/torch/device_spline.hpp"

#include "runtime/networks/spline.hpp"

#include <torch/autograd.h>

#include <numbers>

namespace sibyl::training::device {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

using sibyl::spline::bound;

double share_factor(std::int64_t bins) {
  return 2 * bound * (1 - sibyl::spline::smallest_share * static_cast<double>(bins));
}

// NaN where x is infinite or NaN; otherwise 0.
Tensor not_finite(const Tensor& x) { return x * 0; }

Tensor log_cosh(const Tensor& x) {
  const Tensor a = x.abs();
  return a + (-2 * a).exp().log1p() - std::numbers::ln2;
}

// The numbers of each value, one value a row.
struct Numbers {
  std::int64_t bins;
  Tensor log_scale, log_scale_rate;   // [values]; the rates are the derivatives of the bounds
  Tensor shift;                       // [values]
  Tensor shares;                      // [values, 2, bins]: of the widths, of the heights
  Tensor log_slopes, log_slope_rates; // [values, bins + 1]: at the knots

  Numbers(const Tensor& numbers, std::size_t bin_count) : bins(static_cast<std::int64_t>(bin_count)) {
    const Tensor own = numbers.reshape({-1, 3 * bins + 3});
    const auto bounded = [](const Tensor& number, const auto& limit, Tensor& rate) {
      const Tensor share = (number / limit).tanh();
      rate = 1 - share.square();
      return share * limit + not_finite(number);
    };
    log_scale = bounded(own.select(1, 0), sibyl::spline::most_log_scale, log_scale_rate);
    shift = own.select(1, 1);
    shares = own.narrow(1, 2, 2 * bins).reshape({-1, 2, bins}).softmax(2);
    // Those at the spline's ends go on in its tails.
    Tensor limits = torch::full({bins + 1}, sibyl::spline::most_log_slope, own.options());
    limits.select(0, 0).fill_(sibyl::spline::most_log_end_slope);
    limits.select(0, bins).fill_(sibyl::spline::most_log_end_slope);
    log_slopes = bounded(own.narrow(1, 2 + 2 * bins, bins + 1), limits, log_slope_rates);
  }
};

// Where values lie: the bin, and what is next to them outside.
struct Place {
  Tensor index; // [values]
  Tensor x, width, y, height, left_slope,
      right_slope;                 // [values]: its lower corner, its extents, the slopes at its ends
  Tensor is_outside, end, log_end; // the end of the spline that a value lies nearer to
  Tensor delta, bend;

  // `axis` 0: the value is one of x; 1: of y.
  Place(const Numbers& numbers, const Tensor& value, std::int64_t axis) {
    const std::int64_t bins = numbers.bins;
    const Tensor sizes = 2 * bound * sibyl::spline::smallest_share + share_factor(bins) * numbers.shares;
    const Tensor uppers = sizes.cumsum(2) - bound;
    index = (value.unsqueeze(1) >= uppers.select(1, axis).narrow(1, 0, bins - 1)).sum(1);
    const Tensor here = index.reshape({-1, 1, 1}).expand({-1, 2, 1});
    const Tensor extents = sizes.gather(2, here).squeeze(2), corners = uppers.gather(2, here).squeeze(2) - extents;
    x = corners.select(1, 0);
    y = corners.select(1, 1);
    width = extents.select(1, 0);
    height = extents.select(1, 1);
    const Tensor slopes = numbers.log_slopes.gather(1, torch::stack({index, index + 1}, 1)).exp();
    left_slope = slopes.select(1, 0);
    right_slope = slopes.select(1, 1);
    is_outside = value.abs() >= bound;
    end = bound * value.sign();
    log_end = torch::where(value < 0, numbers.log_slopes.select(1, 0), numbers.log_slopes.select(1, bins));
    delta = height / width;
    bend = right_slope + left_slope - 2 * delta;
  }

  Tensor log_slope_within(const Tensor& xi) const {
    const Tensor rest = 1 - xi, product = xi * rest;
    const Tensor numerator = right_slope * xi.square() + 2 * delta * product + left_slope * rest.square();
    return ((delta / (delta + bend * product)).square() * numerator).log();
  }
};

struct Mapped {
  Tensor value, log_slope;
};

Mapped map(const Tensor& x, const Tensor& all_numbers, std::size_t bins) {
  const Numbers numbers(all_numbers, bins);
  const Tensor value = x.reshape({-1});
  const Tensor s = (value * numbers.log_scale.exp() + numbers.shift).asinh();
  const Place place(numbers, s, 0);
  const Tensor xi = ((s - place.x) / place.width).clamp(0, 1), product = xi * (1 - xi);
  const Tensor within = place.y + place.height * (place.delta * xi.square() + place.left_slope * product) /
                                      (place.delta + place.bend * product);
  const Tensor t = torch::where(place.is_outside, place.end + place.log_end.exp() * (s - place.end), within);
  const Tensor log_spline = torch::where(place.is_outside, place.log_end, place.log_slope_within(xi));
  const Tensor nothing = not_finite(value);
  return {(t.sinh() + nothing).reshape(x.sizes()),
          (numbers.log_scale + log_spline + log_cosh(t) - log_cosh(s) + nothing).reshape(x.sizes())};
}

// Gradients of a loss through `map`, from those of its results.
struct Gradients {
  Tensor x, numbers;
};

Gradients gradients_of_map(const Tensor& x, const Tensor& all_numbers, std::size_t bins, const Tensor& value_gradient,
                           const Tensor& log_slope_gradient) {
  const Numbers numbers(all_numbers, bins);
  const Tensor value = x.reshape({-1}), gy = value_gradient.reshape({-1}), gl = log_slope_gradient.reshape({-1});
  const Tensor scale = numbers.log_scale.exp(), s = (value * scale + numbers.shift).asinh();
  const Place place(numbers, s, 0);
  const Tensor &w = place.width, &h = place.height, &delta = place.delta, &d0 = place.left_slope,
               &d1 = place.right_slope, &is_outside = place.is_outside;
  const Tensor xi = ((s - place.x) / w).clamp(0, 1), rest = 1 - xi, product = xi * rest;
  const Tensor denominator = delta + place.bend * product, above = delta * xi.square() + d0 * product;
  const Tensor numerator = d1 * xi.square() + 2 * delta * product + d0 * rest.square();
  const Tensor slope = place.log_end.exp(), beyond = s - place.end;
  const Tensor share = above / denominator;
  const Tensor t = torch::where(is_outside, place.end + slope * beyond, place.y + h * share);
  const Tensor gt = gy * t.cosh() + gl * t.tanh();

  // Within: t = y0 + h above / denominator, log slope = 2 log(delta / denominator) + log numerator, backwards.
  const Tensor g_above = gt * h / denominator;
  const Tensor g_denominator = -(gt * h * share + 2 * gl) / denominator;
  const Tensor g_numerator = gl / numerator, g_bend = g_denominator * product;
  const Tensor g_product = 2 * g_numerator * delta + g_above * d0 + g_denominator * place.bend;
  const Tensor g_rest = 2 * g_numerator * d0 * rest + g_product * xi;
  const Tensor g_xi = 2 * g_numerator * d1 * xi + 2 * g_above * delta * xi + g_product * rest - g_rest;
  const Tensor g_delta =
      2 * gl / delta + 2 * g_numerator * product + g_above * xi.square() + g_denominator - 2 * g_bend;
  const Tensor g_d0 = g_numerator * rest.square() + g_above * product + g_bend;
  const Tensor g_d1 = g_numerator * xi.square() + g_bend;
  const Tensor none = torch::zeros_like(gt);
  const Tensor g_corner = torch::where(is_outside.unsqueeze(1), none.unsqueeze(1), torch::stack({-g_xi / w, gt}, 1));
  const Tensor g_extent = torch::where(is_outside.unsqueeze(1), none.unsqueeze(1),
                                       torch::stack({-(g_xi * xi + g_delta * delta) / w, gt * share + g_delta / w}, 1));
  // Outside: t = end + slope (s - end), log slope = log slope.
  const Tensor g_log_end = gt * beyond * slope + gl;

  // A knot is the sum of the bins before it; sizes are softmaxes.
  const Tensor number = torch::arange(numbers.bins, place.index.options());
  const Tensor here = place.index.unsqueeze(1);
  const Tensor g_sizes = torch::where((number < here).unsqueeze(1), g_corner.unsqueeze(2), none.reshape({-1, 1, 1})) +
                         torch::where((number == here).unsqueeze(1), g_extent.unsqueeze(2), none.reshape({-1, 1, 1}));
  const Tensor mean = (g_sizes * numbers.shares).sum(2, true);
  const Tensor of_sizes = share_factor(numbers.bins) * numbers.shares * (g_sizes - mean);
  // Log slopes of the ends of the bin, or of the one end that the value lies beyond.
  const Tensor end_index =
      torch::where(s < 0, torch::zeros_like(place.index), torch::full_like(place.index, numbers.bins));
  const Tensor at = torch::stack({torch::where(is_outside, end_index, place.index), place.index + 1}, 1);
  const Tensor of_ends =
      torch::stack({torch::where(is_outside, g_log_end, g_d0 * d0), torch::where(is_outside, none, g_d1 * d1)}, 1);
  const Tensor of_slopes = torch::zeros_like(numbers.log_slopes).scatter_add(1, at, of_ends) * numbers.log_slope_rates;

  // s = asinh u: ds/du = 1 / cosh s, and log_slope has -log cosh s.
  const Tensor gu = (torch::where(is_outside, gt * slope, g_xi / w) - gl * s.tanh()) / s.cosh();
  const Tensor of_scale = (gu * value * scale + gl) * numbers.log_scale_rate;
  const Tensor of_numbers =
      torch::cat({torch::stack({of_scale, gu}, 1), of_sizes.reshape({-1, 2 * numbers.bins}), of_slopes}, 1);
  return {(gu * scale).reshape(x.sizes()), of_numbers.reshape(all_numbers.sizes())};
}

Mapped map_back(const Tensor& y, const Tensor& all_numbers, std::size_t bins) {
  const Numbers numbers(all_numbers, bins);
  const Tensor value = y.reshape({-1}), t = value.asinh();
  const Place place(numbers, t, 1);
  // The quadratic of Durkan et al. (2019), eq. 29-32, in the form that does not cancel.
  const Tensor &h = place.height, rise = torch::minimum((t - place.y).clamp_min(0), h);
  const Tensor a = h * (place.delta - place.left_slope) + rise * place.bend,
               b = h * place.left_slope - rise * place.bend, c = -place.delta * rise;
  const Tensor root = (b.square() - 4 * a * c).clamp_min(0).sqrt();
  const Tensor xi = (2 * c / (-b - root)).clamp_max(1);
  const Tensor s =
      torch::where(place.is_outside, place.end + (t - place.end) * (-place.log_end).exp(), place.x + xi * place.width);
  const Tensor log_spline = torch::where(place.is_outside, place.log_end, place.log_slope_within(xi));
  return {(not_finite(value) + (s.sinh() - numbers.shift) * (-numbers.log_scale).exp()).reshape(y.sizes()),
          (numbers.log_scale + log_spline + log_cosh(t) - log_cosh(s)).reshape(y.sizes())};
}

struct Spline : torch::autograd::Function<Spline> {
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& numbers, std::int64_t bins) {
    const Mapped result = map(x, numbers, static_cast<std::size_t>(bins));
    context->save_for_backward({x, numbers});
    context->saved_data["bins"] = bins;
    return {result.value, result.log_slope};
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto bins = static_cast<std::size_t>(context->saved_data["bins"].toInt());
    const Gradients result = gradients_of_map(saved[0], saved[1], bins, gradients[0], gradients[1]);
    return {result.x, result.numbers, Tensor()};
  }
};

// The derivative of the map's inverse, from that of the map itself:
// dx = (dy - dF / d numbers . d numbers) / F', and the slope changes with x and with the numbers.
struct InverseSpline : torch::autograd::Function<InverseSpline> {
  static variable_list forward(AutogradContext* context, const Tensor& y, const Tensor& numbers, std::int64_t bins) {
    const Mapped result = map_back(y, numbers, static_cast<std::size_t>(bins));
    context->save_for_backward({result.value, numbers, result.log_slope});
    context->saved_data["bins"] = bins;
    return {result.value, result.log_slope};
  }
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &numbers = saved[1];
    const auto bins = static_cast<std::size_t>(context->saved_data["bins"].toInt());
    const Tensor none = torch::zeros_like(x);
    const Gradients of_slope = gradients_of_map(x, numbers, bins, none, gradients[1]);
    const Tensor of_y = (gradients[0] + of_slope.x) * (-saved[2]).exp();
    const Gradients of_value = gradients_of_map(x, numbers, bins, -of_y, none);
    return {of_y, of_slope.numbers + of_value.numbers, Tensor()};
  }
};

} // namespace

std::pair<Tensor, Tensor> spline(const Tensor& x, const Tensor& numbers, std::size_t bins) {
  const variable_list result = Spline::apply(x, numbers, static_cast<std::int64_t>(bins));
  return {result[0], result[1]};
}

std::pair<Tensor, Tensor> inverse_spline(const Tensor& y, const Tensor& numbers, std::size_t bins) {
  const variable_list result = InverseSpline::apply(y, numbers, static_cast<std::int64_t>(bins));
  return {result[0], result[1]};
}

} // namespace sibyl::training::device
