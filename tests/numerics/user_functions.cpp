// Functions of the text: what they return from several places, and its derivatives.
#include "runtime/model/density.hpp"
#include "tests/distribution_table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <numeric>

using namespace sibyl;

namespace {

using Vector = std::vector<double>;

double sum(const Vector& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

} // namespace

TEST_CASE("containers are returned from several places, of several sizes, from loops too") {
  Density density(test::compile_text(R"(
functions {
  vector pick(vector x, int n) {
    if (n == 0) return x;
    if (n == 1) return 2 * x;
    for (i in 1:size(x)) {
      if (i == n) return rep_vector(x[i], i);
    }
    vector[3] z = [1, 2, 3]';
    return z;
  }
  vector later(vector x, int n) {
    int m = n;
    m += 1;
    if (n > 1) {
      vector[m] z = rep_vector(x[1], m);
      return z;
    }
    return head(x, n);
  }
  array[] vector several(vector x, int n) {
    if (n == 1) return {x, x};
    else return {2 * x};
  }
  matrix squared(matrix m) {
    if (rows(m) > 1) return m * m;
    return m;
  }
  vector added_lp(vector x, int n) {
    target += 1000;
    if (n > 2) return later(x, n);
    return x;
  }
}
data { int n; }
parameters { vector[3] x; }
model {
  target += sum(pick(x, n)) + 10 * sum(later(x, n)) + 100 * sum(several(x, n)[1]);
  target += sum(squared([[x[1], 1], [2, x[2]]])) + 1e4 * sum(added_lp(x, n));
  target += size(pick(x, n)) + 1e-3 * size(later(x, n));
})"));
  const auto pick = [](const Vector& x, int n) {
    if (n == 0) return x;
    if (n == 1) return Vector{2 * x[0], 2 * x[1], 2 * x[2]};
    return n <= 3 ? Vector(static_cast<std::size_t>(n), x[static_cast<std::size_t>(n - 1)]) : Vector{1, 2, 3};
  };
  const auto later = [](const Vector& x, int n) {
    return n > 1 ? Vector(static_cast<std::size_t>(n + 1), x[0]) : Vector(x.begin(), x.begin() + n);
  };
  const auto expected = [&](const Vector& x, int n) {
    const double matrix = x[0] * x[0] + x[1] * x[1] + 4 + 3 * (x[0] + x[1]);
    return sum(pick(x, n)) + 10 * sum(later(x, n)) + 100 * (n == 1 ? 1 : 2) * sum(x) + matrix + 1000 +
           1e4 * (n > 2 ? sum(later(x, n)) : sum(x)) + static_cast<double>(pick(x, n).size()) +
           1e-3 * static_cast<double>(later(x, n).size());
  };
  const auto lanes = static_cast<std::size_t>(density.lanes());
  // Lanes with different sizes beside each other.
  std::vector<DataSet> sets(5);
  for (int n = 0; n < 5; ++n) sets[static_cast<std::size_t>(n)].variables["n"] = {true, {}, {static_cast<double>(n)}};
  std::vector<std::size_t> which(lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) which[lane] = lane % 5;
  for (std::size_t shift = 0; shift < 5; shift += lanes) {
    for (std::size_t& one : which) one = (one + shift) % 5;
    density.bind(gather(density.model().facts(), sets), which);
    const Vector x{0.3, -0.5, 0.8};
    for (std::size_t p = 0; p < 3; ++p)
      for (std::size_t lane = 0; lane < lanes; ++lane) density.points()[p * lanes + lane] = x[p];
    density.evaluate(true);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const int n = static_cast<int>(which[lane]);
      INFO("n " << n << ": " << density.failure(static_cast<int>(lane)));
      CHECK(std::abs(density.value(static_cast<int>(lane)) - expected(x, n)) < 1e-9);
      for (std::size_t p = 0; p < 3; ++p) {
        Vector up = x, down = x;
        up[p] += 1e-4, down[p] -= 1e-4;
        CHECK(std::abs(density.gradient()[p * lanes + lane] - (expected(up, n) - expected(down, n)) / 2e-4) < 1e-6);
      }
    }
  }
}

TEST_CASE("tuples are returned from one place and from several, of several sizes, and evaluated once") {
  Density density(test::compile_text(R"(
functions {
  tuple(real, vector) scaled(vector x, tuple(real, int) by) {
    return (sum(x) * by.1, x * by.2);
  }
  tuple(vector, tuple(int, real)) pick(vector x, int n) {
    if (n == 0) return (x, (1, x[1]));
    for (i in 1:size(x)) {
      if (i == n) return (rep_vector(x[i], i), (i, x[i] ^ 2));
    }
    vector[2] z = 3 * x[1:2];
    return (z, (7, 2.5));
  }
  tuple(real, real) added_lp(real x) {
    target += 1000 * x;
    return (x, 2 * x);
  }
  tuple(vector, vector) exchanged(vector a, vector b) { return (b, a); }
}
data { int n; array[2] tuple(real, vector[2]) d; }
parameters { vector[3] x; }
model {
  real s;
  vector[3] v;
  (s, v) = scaled(x, (x[2], 2));
  target += s + 10 * v[3];
  target += sum(pick(x, n).1) + 100 * pick(x, n).2.1 + 1e4 * pick(x, n).2.2;
  if (n > 1) target += added_lp(x[1]).2;
  vector[3] w = 2 * x;
  (v, w) = exchanged(v, w);
  (v[1], v[2]) = (v[2], v[1]);
  target += v[1] - 0.5 * w[2];
  tuple(real, vector[3]) t = (1, x);
  t.2[2] *= 2;
  t.1 += t.2[2];
  target += t.1 * t.2[1];
  for (one in d) target += one.1 * one.2[2] * x[3];
})"));
  const auto expected = [](const Vector& x, int n) {
    const double picked = n == 0 ? sum(x) : n <= 3 ? n * x[static_cast<std::size_t>(n - 1)] : 3 * (x[0] + x[1]);
    const double number = n == 0 ? 1 : n <= 3 ? n : 7;
    const double value = n == 0 ? x[0] : n <= 3 ? std::pow(x[static_cast<std::size_t>(n - 1)], 2) : 2.5;
    return sum(x) * x[1] + 20 * x[2] + picked + 100 * number + 1e4 * value + (n > 1 ? 1002 * x[0] : 0) + 2 * x[1] -
           0.5 * 2 * x[1] + (1 + 2 * x[1]) * x[0] + (1.5 * 3 + 2.5 * 5) * x[2];
  };
  const auto lanes = static_cast<std::size_t>(density.lanes());
  std::vector<DataSet> sets(5);
  for (int n = 0; n < 5; ++n) {
    auto& variables = sets[static_cast<std::size_t>(n)].variables;
    variables["n"] = {true, {}, {static_cast<double>(n)}};
    variables["d:1"] = {false, {2}, {1.5, 2.5}};
    variables["d:2"] = {false, {2, 2}, {2, 3, 4, 5}};
  }
  std::vector<std::size_t> which(lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) which[lane] = lane % 5;
  for (std::size_t shift = 0; shift < 5; shift += lanes) {
    for (std::size_t& one : which) one = (one + shift) % 5;
    density.bind(gather(density.model().facts(), sets), which);
    const Vector x{0.3, -0.5, 0.8};
    for (std::size_t p = 0; p < 3; ++p)
      for (std::size_t lane = 0; lane < lanes; ++lane) density.points()[p * lanes + lane] = x[p];
    density.evaluate(true);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const int n = static_cast<int>(which[lane]);
      INFO("n " << n << ": " << density.failure(static_cast<int>(lane)));
      CHECK(std::abs(density.value(static_cast<int>(lane)) - expected(x, n)) < 1e-9);
      for (std::size_t p = 0; p < 3; ++p) {
        Vector up = x, down = x;
        up[p] += 1e-4, down[p] -= 1e-4;
        CHECK(std::abs(density.gradient()[p * lanes + lane] - (expected(up, n) - expected(down, n)) / 2e-4) < 1e-5);
      }
    }
  }
}

TEST_CASE("partial sums of a density are the density of all") {
  Density density(test::compile_text(R"(
functions {
  real part_lpmf(array[] int slice, int first, int last, vector mu) {
    return poisson_log_lpmf(slice | mu[first:last]);
  }
}
data { int N; array[N] int y; }
parameters { vector[N] mu; }
model { target += reduce_sum(part_lpmf, y, 1, mu) + 10 * reduce_sum_static(part_lupmf, y, 2, mu); })"));
  DataSet set;
  set.variables["N"] = {true, {}, {3}};
  set.variables["y"] = {true, {3}, {0, 2, 5}};
  const auto lanes = static_cast<std::size_t>(density.lanes());
  density.bind(gather(density.model().facts(), std::vector<DataSet>{set}), std::vector<std::size_t>(lanes, 0));
  const Vector mu{-0.4, 0.3, 1.2}, y{0, 2, 5};
  double expected = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    for (std::size_t lane = 0; lane < lanes; ++lane) density.points()[n * lanes + lane] = mu[n];
    expected += y[n] * mu[n] - std::exp(mu[n]) - std::lgamma(y[n] + 1);
  }
  density.evaluate(true);
  CHECK(density.value(0) == Approx(11 * expected).epsilon(1e-12));
  for (std::size_t n = 0; n < 3; ++n)
    CHECK(density.gradient()[n * lanes] == Approx(11 * (y[n] - std::exp(mu[n]))).epsilon(1e-12));
}
