// The operations of the training backend as an accelerator computes them, on LibTorch's processor: their values and
// gradients against the processor's own functions.
#include "runtime/training/torch/device_segments.hpp"
#include "runtime/training/torch/device_spline.hpp"
#include "runtime/training/torch/torch_backend.hpp"
#include "tests/waits_for_device.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>

#include <catch2/catch.hpp>

using namespace sibyl;
using sibyl::training::TorchBackend;
using torch::Tensor;
namespace device = sibyl::training::device;

namespace {

// Data sets of 4, 0, 1, 300, 0 and 7 rows; then such as have none at the ends; then all alike.
const std::vector<networks::Offsets> divisions{{0, 4, 4, 5, 305, 305, 312}, {0, 0, 3, 3}, {0, 0}, {0, 6, 12, 18}};

Tensor leaf(std::vector<std::int64_t> shape, double scale = 1) {
  return (scale * torch::randn(shape)).requires_grad_(true);
}

// What a function makes of each data set's rows, below each other.
template <typename Map>
Tensor each_set(const networks::Offsets& offsets, Map map) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) parts.push_back(map(offsets[i], offsets[i + 1]));
  return torch::cat(parts, 0);
}

// Relative to the largest entry, where there is none to each entry itself.
void check_close(const Tensor& ours, const Tensor& theirs, double tolerance) {
  REQUIRE(ours.sizes() == theirs.sizes());
  if (ours.numel() == 0) return;
  const Tensor error = (ours - theirs).abs() / (theirs.abs() + theirs.abs().mean() + 1e-6);
  CHECK(error.max().item<float>() < tolerance);
}

void check_same(const Tensor& ours, const Tensor& theirs, const std::vector<Tensor>& inputs, double tolerance = 1e-5) {
  check_close(ours.detach(), theirs.detach(), tolerance);
  const Tensor weighing = torch::randn_like(ours);
  const auto own = torch::autograd::grad({(ours * weighing).sum()}, inputs, {}, true);
  const auto other = torch::autograd::grad({(theirs * weighing).sum()}, inputs, {}, true);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    check_close(own[i], other[i], tolerance);
  }
}

} // namespace

TEST_CASE("Rows of data sets are summed, weighed and repeated on a device as on the processor") {
  torch::manual_seed(1);
  TorchBackend backend(torch::kCPU);
  for (const networks::Offsets& offsets : divisions) {
    INFO(offsets.back() << " rows");
    device::Segments segments(offsets, torch::kCPU);
    const auto sets = static_cast<std::int64_t>(offsets.size()) - 1;
    const Tensor rows = leaf({offsets.back(), 5}), x = leaf({sets, 3});
    // Scores so far apart that exponentials would neither fit nor differ from zero.
    const Tensor scores = leaf({offsets.back(), 4}, 60);
    check_same(device::segment_mean(rows, segments), backend.segment_mean(rows, offsets), {rows});
    // A weight near one has a derivative near zero, the difference of two near one.
    check_same(device::segment_attention(rows, scores, segments), backend.segment_attention(rows, scores, offsets),
               {rows, scores}, 5e-4);
    check_same(device::expand(x, segments), backend.expand(x, offsets), {x});
    check_same(device::last_row(rows, segments),
               each_set(offsets,
                        [&](std::int64_t begin, std::int64_t end) {
                          return begin == end ? rows.slice(0, 0, 0).sum(0, true) : rows.slice(0, end - 1, end);
                        }),
               {rows});
    for (const std::int64_t distance : {1, 4})
      check_same(device::window(rows, segments, static_cast<std::size_t>(distance)),
                 each_set(offsets,
                          [&](std::int64_t begin, std::int64_t end) {
                            const Tensor own = rows.slice(0, begin, end), outside = torch::zeros({distance, 5});
                            const Tensor padded = torch::cat({outside, own, outside}, 0);
                            return torch::cat({padded.slice(0, 0, end - begin), own, padded.slice(0, 2 * distance)}, 1);
                          }),
                 {rows});
  }
}

TEST_CASE("Divisions into data sets are made once while they are in use") {
  device::SegmentsInUse in_use(torch::kCPU);
  const device::Segments* first = &in_use.of(divisions[0]);
  CHECK(&in_use.of(divisions[1]) != first);
  CHECK(&in_use.of(networks::Offsets(divisions[0])) == first);
  for (std::int64_t rows = 1; rows < 40; ++rows) CHECK(in_use.of({0, rows}).set_of_row().numel() == rows);
  CHECK(in_use.of(divisions[0]).set_of_row().numel() == 312);
}

namespace {

// The mapped values, the sums of each row's log slopes, and the gradients of both in the values and in the numbers.
template <typename Map>
std::vector<Tensor> values_and_gradients(const Tensor& x, const Tensor& numbers, Map map) {
  const Tensor own_x = x.clone().requires_grad_(true), own_numbers = numbers.clone().requires_grad_(true);
  const auto [y, log_slopes] = map(own_x, own_numbers);
  std::vector<Tensor> result{y.detach(), log_slopes.detach()};
  for (const Tensor& one : {y, log_slopes})
    for (const Tensor& gradient : torch::autograd::grad({one.sum()}, {own_x, own_numbers}, {}, true))
      result.push_back(gradient);
  return result;
}

// 99 in 100 entries have no larger an error. The worst are of values so near a knot, or in a bin so steep, that the
// rounding of floats decides.
double usual_error(const Tensor& floats, const Tensor& exact) {
  const Tensor scale = exact.abs() + 1e-3 * exact.abs().mean() + 1e-6;
  const Tensor errors = std::get<0>(((floats - exact).abs() / scale).flatten().sort());
  return errors[errors.numel() * 99 / 100].item<double>();
}

} // namespace

TEST_CASE("The spline and its inverse on a device are those of the processor's kernel, with gradients") {
  torch::manual_seed(2);
  TorchBackend backend(torch::kCPU);
  constexpr std::int64_t rows = 400, columns = 3;
  const char* const names[] = {"value", "log slope", "dy/dx", "dy/d numbers", "dl/dx", "dl/d numbers"};
  for (const bool is_inverse : {false, true})
    for (const std::size_t bins : {1, 2, 10, 32})
      for (const double spread : {0.3, 2.0}) {
        const auto width = static_cast<std::int64_t>(columns * spline::numbers_per_value(bins));
        const Tensor numbers = spread * torch::randn({rows, width});
        // From the middle of the spline to far beyond its last knots.
        const Tensor x = torch::randn({rows, columns}) * torch::linspace(-3, 12, rows).unsqueeze(1).exp();
        const auto kernel = values_and_gradients(x, numbers, [&](const Tensor& a, const Tensor& b) {
          Tensor log_slope = torch::zeros({rows, 1});
          const Tensor y =
              is_inverse ? backend.inverse_spline(a, b, bins, log_slope) : backend.spline(a, b, bins, log_slope);
          return std::pair(y, log_slope);
        });
        const auto on_device = [&](const Tensor& a, const Tensor& b) {
          const auto [y, log_slopes] = is_inverse ? device::inverse_spline(a, b, bins) : device::spline(a, b, bins);
          return std::pair(y, log_slopes.sum(1, true));
        };
        const auto own = values_and_gradients(x, numbers, on_device);
        const auto exact = values_and_gradients(x.to(torch::kFloat64), numbers.to(torch::kFloat64), on_device);
        for (std::size_t i = 0; i < own.size(); ++i) {
          INFO((is_inverse ? "inverse, " : "") << names[i] << ", " << bins << " bins, numbers of size " << spread);
          REQUIRE(own[i].sizes() == kernel[i].sizes());
          REQUIRE(own[i].isfinite().all().item<bool>());
          const double of_kernel = usual_error(kernel[i], exact[i]), of_own = usual_error(own[i], exact[i]);
          // Backwards through steep bins the slope's derivatives lose digits, to either.
          CHECK(of_kernel < (is_inverse && i > 3 ? 0.1 : 1e-3));
          CHECK(of_own < 5 * of_kernel + 1e-6);
        }
      }
}

TEST_CASE("At the knots at its ends and in the farthest tails the spline of a device is finite and the kernel's") {
  torch::manual_seed(3);
  TorchBackend backend(torch::kCPU);
  constexpr std::size_t bins = 4;
  const Tensor x =
      torch::tensor({0.0, std::sinh(3.0), -std::sinh(3.0), 1e-30, -1e8, 1e15}).to(torch::kFloat32).reshape({6, 1});
  const Tensor numbers = 0.5 * torch::randn({6, static_cast<std::int64_t>(spline::numbers_per_value(bins))});
  for (const bool is_inverse : {false, true}) {
    Tensor log_slope = torch::zeros({6, 1});
    const Tensor y =
        is_inverse ? backend.inverse_spline(x, numbers, bins, log_slope) : backend.spline(x, numbers, bins, log_slope);
    const auto own = values_and_gradients(x, numbers, [&](const Tensor& a, const Tensor& b) {
      return is_inverse ? device::inverse_spline(a, b, bins) : device::spline(a, b, bins);
    });
    CHECK(torch::allclose(own[0], y, 1e-4, 1e-5));
    CHECK(torch::allclose(own[1], log_slope, 1e-4, 1e-4));
    for (const Tensor& one : own) CHECK(one.isfinite().all().item<bool>());
  }
}

TEST_CASE("What is not finite stays so through the spline of a device") {
  constexpr std::size_t bins = 4;
  const Tensor x = torch::tensor({0.5f, INFINITY, NAN, 0.5f, 0.5f}).unsqueeze(1);
  Tensor numbers = torch::zeros({5, static_cast<std::int64_t>(spline::numbers_per_value(bins))});
  numbers[3][0] = INFINITY;       // of the scale
  numbers[4][2 + 2 * bins] = NAN; // of a slope; the value lies elsewhere
  const Tensor y = device::spline(x, numbers, bins).first, back = device::inverse_spline(x, numbers, bins).first;
  for (const Tensor& one : {y, back}) {
    CHECK(one[0].item<float>() == Approx(0.5));
    CHECK(one.slice(0, 1, 4).isnan().all().item<bool>());
  }
}

namespace {

// Every operation with its gradients.
void run_all(torch::Device where) {
  const auto leaf = [&](std::vector<std::int64_t> shape) {
    return torch::empty(shape, where).fill_(0.5).requires_grad_(true);
  };
  for (const networks::Offsets& offsets : divisions) {
    device::Segments segments(offsets, where);
    const Tensor rows = leaf({offsets.back(), 5}), scores = leaf({offsets.back(), 4});
    const Tensor mean = device::segment_mean(rows, segments);
    const Tensor pooled =
        torch::cat({mean, device::segment_attention(rows, scores, segments), device::last_row(rows, segments)}, 1);
    const Tensor sum = pooled.sum() + device::expand(mean, segments).sum() + device::window(rows, segments, 2).sum();
    for (const Tensor& gradient : torch::autograd::grad({sum}, {rows, scores})) CHECK(gradient.device() == where);
  }
  const Tensor x = leaf({7, 3}), numbers = leaf({7, static_cast<std::int64_t>(3 * spline::numbers_per_value(5))});
  for (const auto map : {&device::spline, &device::inverse_spline}) {
    const auto [y, log_slopes] = map(x, numbers, 5);
    for (const Tensor& gradient : torch::autograd::grad({(y + log_slopes).sum()}, {x, numbers}))
      CHECK(gradient.device() == where);
  }
}

} // namespace

TEST_CASE("No operation of a device makes the processor wait for it") {
  const test::WaitsForDevice waits;
  run_all(torch::kCPU);
  CHECK(waits.seen() == std::vector<std::string>());
  torch::ones({1}).item<float>();
  CHECK(waits.seen().size() == 1);
}
