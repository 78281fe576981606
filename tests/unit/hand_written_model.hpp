// A model whose functions are written by hand, so that the runtime is tested without a compiler and against closed
// forms. Its text would be
//
//   data { int<lower=1> N; real<lower=0> noise; vector[N] y; }
//   design { N ~ discrete_range(3, 9); }
//   parameters { real mu; real<lower=0, upper=10> tau; }
//   transformed parameters { vector[2] both = [mu, tau]'; }
//   model { mu ~ normal(1, 2); y ~ normal(mu, noise); }
//   generated quantities { real u = uniform_rng(0, 1); }
//
// `tau` is uniform and independent of the data. Simulations whose `mu` is above 6 fail a check.
#pragma once

#include "compiler/interface/compiled_model.hpp"
#include "runtime/data/data_set.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>

namespace sibyl::hand_written {

enum Variable { N, noise, y, mu, tau, both, u, variable_count };

inline constexpr double prior_mean = 1, prior_sd = 2, tau_upper = 10, largest_mu = 6;

// A number in (0, 1) that depends on its arguments alone.
inline double uniform(std::uint64_t seed, std::uint64_t index, std::uint64_t site, std::uint64_t count) {
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + index * 0xbf58476d1ce4e5b9u + site * 0x94d049bb133111ebu + count + 1;
  for (int round = 0; round < 3; ++round) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 31;
  }
  return (static_cast<double>(x >> 12) + 0.5) / static_cast<double>(std::uint64_t{1} << 52);
}

inline double normal(std::uint64_t seed, std::uint64_t index, std::uint64_t site, std::uint64_t count) {
  return std::sqrt(-2 * std::log(uniform(seed, index, site, 2 * count))) *
         std::cos(2 * M_PI * uniform(seed, index, site, 2 * count + 1));
}

template <typename Real, int W>
struct Functions {
  static bool allocate(sibyl_call* call, std::size_t bytes, void** memory) {
    bytes = (bytes + 63) / 64 * 64;
    if (call->arena + bytes > call->arena_end) return false;
    *memory = call->arena;
    call->arena += bytes;
    return true;
  }

  static bool declare(sibyl_call* call, Variable which, bool is_integer, int extent) {
    sibyl_variable& variable = call->variables[which];
    const std::size_t count = extent < 0 ? 1 : static_cast<std::size_t>(extent);
    if (!allocate(call, count * W * (is_integer ? 4 : sizeof(Real)), &variable.values)) return false;
    if (extent < 0) return true;
    void* sizes;
    if (!allocate(call, W * 4, &sizes)) return false;
    variable.sizes = static_cast<std::int32_t*>(sizes);
    for (int lane = 0; lane < W; ++lane) variable.sizes[lane] = extent;
    variable.capacity[0] = extent;
    return true;
  }

  static Real* reals(sibyl_call* call, Variable which) { return static_cast<Real*>(call->variables[which].values); }
  static std::int32_t* integers(sibyl_call* call, Variable which) {
    return static_cast<std::int32_t*>(call->variables[which].values);
  }

  static bool declare_parameters(sibyl_call* call) {
    return declare(call, mu, false, -1) && declare(call, tau, false, -1);
  }

  static bool declare_blocks(sibyl_call* call) {
    void* blocks;
    if (!allocate(call, 2 * W * sizeof(std::int32_t), &blocks)) return false;
    call->block_sizes = static_cast<std::int32_t*>(blocks);
    std::fill_n(call->block_sizes, 2 * W, 1);
    return true;
  }

  static void fail(sibyl_call* call, int lane, int message, double value) {
    call->failed_message[lane] = message;
    call->failed_values[lane * SIBYL_MAX_REPORTED_VALUES] = value;
  }

  static std::int32_t status(const sibyl_call* call) {
    for (int lane = 0; lane < call->active_lanes; ++lane)
      if (call->failed_message[lane] >= 0) return SIBYL_SOME_LANES_FAILED;
    return SIBYL_OK;
  }

  static std::int32_t sizes(sibyl_call* call) {
    call->unconstrained_count = 2;
    return declare_blocks(call) && declare_parameters(call) && declare(call, both, false, 2) &&
                   declare(call, u, false, -1)
               ? SIBYL_OK
               : SIBYL_ARENA_EXHAUSTED;
  }

  static std::int32_t transform_data(sibyl_call* call) {
    for (int lane = 0; lane < call->active_lanes; ++lane)
      if (!(reals(call, noise)[lane] >= 0)) fail(call, lane, 0, reals(call, noise)[lane]);
    return status(call);
  }

  static std::int32_t simulate(sibyl_call* call) {
    const auto draw = [&](int lane, int site, int count, bool is_normal) {
      return (is_normal ? normal : uniform)(call->seed, call->first_index + static_cast<std::uint64_t>(lane),
                                            static_cast<std::uint64_t>(site), static_cast<std::uint64_t>(count));
    };
    if (!declare(call, N, true, -1) || !declare_blocks(call) || !declare_parameters(call) ||
        !declare(call, both, false, 2))
      return SIBYL_ARENA_EXHAUSTED;
    int largest = 0;
    for (int lane = 0; lane < W; ++lane) {
      integers(call, N)[lane] = 3 + static_cast<int>(7 * draw(lane, 0, 0, false));
      largest = std::max(largest, integers(call, N)[lane]);
    }
    void* unconstrained;
    if (!declare(call, y, false, largest) || !allocate(call, 2 * W * sizeof(Real), &unconstrained))
      return SIBYL_ARENA_EXHAUSTED;
    call->unconstrained = unconstrained;
    call->unconstrained_count = 2;
    for (int lane = 0; lane < call->active_lanes; ++lane) {
      const Real m = static_cast<Real>(prior_mean + prior_sd * draw(lane, 1, 0, true));
      const Real t = static_cast<Real>(tau_upper * draw(lane, 2, 0, false));
      if (m > static_cast<Real>(largest_mu)) fail(call, lane, 1, m);
      reals(call, mu)[lane] = reals(call, both)[lane] = m;
      reals(call, tau)[lane] = reals(call, both)[W + lane] = t;
      static_cast<Real*>(unconstrained)[lane] = m;
      static_cast<Real*>(unconstrained)[W + lane] = static_cast<Real>(std::log(t / (tau_upper - t)));
      call->variables[y].sizes[lane] = integers(call, N)[lane];
      for (int i = 0; i < integers(call, N)[lane]; ++i)
        reals(call, y)[i * W + lane] = static_cast<Real>(m + reals(call, noise)[lane] * draw(lane, 3, i, true));
    }
    return status(call);
  }

  static std::int32_t density(sibyl_call* call, bool with_gradient) {
    const auto* point = static_cast<const Real*>(call->unconstrained);
    for (int lane = 0; lane < call->active_lanes; ++lane) {
      const double m = point[lane], v = point[W + lane], s = reals(call, noise)[lane];
      double value = -0.5 * (m - prior_mean) * (m - prior_mean) / (prior_sd * prior_sd);
      double slope = -(m - prior_mean) / (prior_sd * prior_sd);
      for (int i = 0; i < call->variables[y].sizes[lane]; ++i) {
        const double error = reals(call, y)[i * W + lane] - m;
        value -= 0.5 * error * error / (s * s);
        slope += error / (s * s);
      }
      if (call->include_jacobian) value += -std::abs(v) - 2 * std::log1p(std::exp(-std::abs(v))) + std::log(tau_upper);
      static_cast<Real*>(call->log_density)[lane] = static_cast<Real>(value);
      if (!with_gradient) continue;
      auto* gradient = static_cast<Real*>(call->gradient);
      gradient[lane] = static_cast<Real>(slope);
      gradient[W + lane] = static_cast<Real>(call->include_jacobian ? 1 - 2 / (1 + std::exp(-v)) : 0);
    }
    return SIBYL_OK;
  }
  static std::int32_t log_density(sibyl_call* call) { return density(call, false); }
  static std::int32_t log_density_gradient(sibyl_call* call) { return density(call, true); }

  static std::int32_t constrain(sibyl_call* call) {
    const auto* point = static_cast<const Real*>(call->unconstrained);
    if (sizes(call) != SIBYL_OK) return SIBYL_ARENA_EXHAUSTED;
    for (int lane = 0; lane < call->active_lanes; ++lane) {
      reals(call, mu)[lane] = reals(call, both)[lane] = point[lane];
      reals(call, tau)[lane] = reals(call, both)[W + lane] =
          static_cast<Real>(tau_upper / (1 + std::exp(-point[W + lane])));
      reals(call, u)[lane] =
          static_cast<Real>(uniform(call->seed, call->first_index + static_cast<std::uint64_t>(lane), 9, 0));
    }
    return SIBYL_OK;
  }

  static std::int32_t log_jacobian(sibyl_call* call) {
    const Real* unconstrained = static_cast<const Real*>(call->unconstrained);
    for (int lane = 0; lane < call->active_lanes; ++lane) {
      const Real v = unconstrained[W + lane], magnitude = std::abs(v);
      static_cast<Real*>(call->log_density)[lane] =
          std::log(static_cast<Real>(tau_upper)) - magnitude - 2 * std::log1p(std::exp(-magnitude));
    }
    return status(call);
  }

  static std::int32_t unconstrain(sibyl_call* call) {
    void* memory;
    if (!allocate(call, 2 * W * sizeof(Real), &memory)) return SIBYL_ARENA_EXHAUSTED;
    call->unconstrained = memory;
    call->unconstrained_count = 2;
    for (int lane = 0; lane < call->active_lanes; ++lane) {
      const Real t = reals(call, tau)[lane];
      if (!(t >= 0 && t <= tau_upper)) fail(call, lane, 2, t);
      static_cast<Real*>(memory)[lane] = reals(call, mu)[lane];
      static_cast<Real*>(memory)[W + lane] = std::log(t / (static_cast<Real>(tau_upper) - t));
    }
    return status(call);
  }

  static sibyl_function find(std::string_view name) {
    if (name == "sizes") return sizes;
    if (name == "transform_data") return transform_data;
    if (name == "simulate") return simulate;
    if (name == "log_density") return log_density;
    if (name == "log_density_gradient") return log_density_gradient;
    if (name == "constrain" || name == "constrain_parameters") return constrain;
    if (name == "log_jacobian") return log_jacobian;
    if (name == "unconstrain") return unconstrain;
    return nullptr;
  }
};

class Source final : public FunctionSource {
 public:
  sibyl_function find(std::string_view function, Precision precision, int lanes) override {
    const auto of = [&]<typename Real>(Real) {
      switch (lanes) {
      case 1: return Functions<Real, 1>::find(function);
      case 4: return Functions<Real, 4>::find(function);
      case 8: return Functions<Real, 8>::find(function);
      default: return Functions<Real, 16>::find(function);
      }
    };
    return precision == Precision::f32 ? of(float()) : of(double());
  }
  int preferred_lanes(Precision precision) const override { return precision == Precision::f32 ? 16 : 8; }
};

inline VariableFact variable(const std::string& name, Role role, const std::string& type, bool is_integer = false) {
  VariableFact fact;
  fact.name = name;
  fact.role = role;
  fact.type = fact.base = type;
  fact.is_integer = is_integer;
  return fact;
}

inline std::shared_ptr<CompiledModel> make() {
  Facts facts;
  facts.variables = {
      variable("N", Role::design, "int", true),   variable("noise", Role::design, "real"),
      variable("y", Role::observed, "vector[N]"), variable("mu", Role::parameter, "real"),
      variable("tau", Role::parameter, "real"),   variable("both", Role::transformed_parameter, "vector[2]"),
      variable("u", Role::generated, "real")};
  facts.variables[N].has_design_distribution = facts.variables[N].is_size = true;
  facts.variables[noise].lower = "0";
  facts.variables[noise].constant_lower = 0;
  facts.plates = {{"N", -1, "N"}};
  facts.variables[y].dimensions = {{"N", {}, DimensionKind::exchangeable, "independent", 0}};
  facts.variables[tau].lower = "0";
  facts.variables[tau].upper = "10";
  facts.variables[tau].constant_lower = 0;
  facts.variables[tau].constant_upper = tau_upper;
  facts.variables[both].dimensions = {{"2", 2, DimensionKind::fixed, "", -1}};
  return std::make_shared<CompiledModel>("hand_written", "", facts,
                                         std::vector<ModelMessage>{{"noise is {}, must be >= 0", {}},
                                                                   {"mu is {}, too large", {}},
                                                                   {"tau is {}, outside of its bounds", {}}},
                                         std::make_shared<Source>());
}

// A data set with these observations.
inline DataSet data_set(const std::vector<double>& observations, double noise_sd) {
  DataSet set;
  const auto count = static_cast<std::int64_t>(observations.size());
  set.variables["N"] = {true, {}, {static_cast<double>(count)}};
  set.variables["noise"] = {false, {}, {noise_sd}};
  set.variables["y"] = {false, {count}, observations};
  return set;
}

inline DataSet design(double noise_sd) {
  DataSet set;
  set.variables["noise"] = {false, {}, {noise_sd}};
  return set;
}

} // namespace sibyl::hand_written
