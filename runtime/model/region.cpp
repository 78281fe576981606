#include "runtime/model/region.hpp"

#include "lang/errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace sibyl {

namespace {

constexpr double nothing = -std::numeric_limits<double>::infinity();
constexpr int most_tries = 100000; // for one data set

std::mt19937_64 engine(std::uint64_t seed, std::uint64_t index) {
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  std::seed_seq sequence{low(seed), low(seed >> 32), low(index), low(index >> 32)};
  return std::mt19937_64(sequence);
}

std::shared_ptr<const CompiledModel> usable(std::shared_ptr<const CompiledModel> model) {
  const Facts& facts = model->facts();
  if (!facts.simulates_data) throw UserError("this model's data cannot be simulated: " + facts.no_data_simulation.text);
  if (const VariableFact* late = facts.with_late_bound())
    throw UserError(
        "a bound of `" + late->name +
        "` depends on data that are drawn given it, so no region of parameters holds for other data: give it a "
        "prior, and train without `--around`");
  if (!facts.has_density)
    throw UserError("parameters around a data set need the model's density, and it has none: " + facts.no_density.text);
  return model;
}

// The part of the data set that a simulation takes.
DataSet design_of(const Facts& facts, const DataSet& data) {
  DataSet design;
  for (const VariableFact& fact : facts.variables)
    if (const auto found = data.variables.find(fact.name); fact.role == Role::design && found != data.variables.end())
      design.variables.insert(*found);
  return design;
}

} // namespace

bool can_draw_from_prior(const Facts& facts) {
  return facts.is_generative && facts.remarks.empty() &&
         std::ranges::none_of(facts.variables, [](const VariableFact& fact) {
           return (fact.role == Role::design && fact.has_design_distribution) ||
                  fact.given_elements != GivenElements::none;
         });
}

RegionDraws::RegionDraws(std::shared_ptr<const CompiledModel> model, const Region& region,
                         const std::atomic<std::int32_t>* interrupted)
    : region_(region), prior_(usable(model), Precision::f64) {
  if (interrupted) prior_.set_interrupt_flag(interrupted);
  const DataBatch batch = gather(prior_.model().facts(), std::vector<DataSet>{region.data});
  prior_.bind(batch, std::vector<std::size_t>(static_cast<std::size_t>(prior_.lanes()), 0));
  if (!prior_.transform_data() || !prior_.run("sizes")) throw RuntimeError(prior_.first_failure());
  if (prior_.unconstrained_count() != region.dimension())
    throw UserError(
        fmt::format("the region has {} parameters, the model {}", region.dimension(), prior_.unconstrained_count()));
  if (region.from_prior) {
    const Facts& facts = prior_.model().facts();
    if (!can_draw_from_prior(facts))
      throw UserError("this region's parameters are drawn from the text's priors, and this model's cannot be");
    simulation_.emplace(std::move(model), Precision::f64, prior_.lanes());
    if (interrupted) simulation_->set_interrupt_flag(interrupted);
    const DataBatch design = gather(facts, std::vector<DataSet>{design_of(facts, region.data)});
    simulation_->bind(design, std::vector<std::size_t>(static_cast<std::size_t>(prior_.lanes()), 0));
  }
  points_ = prior_.unconstrained_input(region.dimension());
  std::fill_n(points_, region.dimension() * static_cast<std::size_t>(prior_.lanes()), 0.0);
  for (std::size_t i = 0; i < region.dimension(); ++i)
    log_determinant_ += std::log(region.factor[i * region.dimension() + i]);
}

double RegionDraws::candidate(std::mt19937_64& random, double* point) const {
  const std::size_t n = region_.dimension();
  const double nu = region_.degrees_of_freedom;
  std::normal_distribution<double> normal;
  std::vector<double> z(n);
  for (double& one : z) one = normal(random);
  std::gamma_distribution<double> half_chi_square(nu / 2, 2);
  const double stretch = std::sqrt(nu / half_chi_square(random));
  double square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j) sum += region_.factor[i * n + j] * z[j];
    point[i] = region_.location[i] + stretch * sum;
    square += stretch * z[i] * stretch * z[i];
  }
  return -log_determinant_ - 0.5 * (nu + static_cast<double>(n)) * std::log1p(square / nu);
}

double RegionDraws::log_density(const double* point) const {
  const std::size_t n = region_.dimension();
  const double nu = region_.degrees_of_freedom;
  std::vector<double> z(n);
  double square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double rest = point[i] - region_.location[i];
    for (std::size_t j = 0; j < i; ++j) rest -= region_.factor[i * n + j] * z[j];
    z[i] = rest / region_.factor[i * n + i];
    square += z[i] * z[i];
  }
  return -log_determinant_ - 0.5 * (nu + static_cast<double>(n)) * std::log1p(square / nu);
}

// Failures are told from the values: a lane that failed has none.
void RegionDraws::evaluate_prior() { prior_.run("log_prior", {.include_jacobian = true}); }

std::vector<double> RegionDraws::draw(std::uint64_t first_index, std::size_t count, std::uint64_t seed) {
  if (simulation_) return draw_from_prior(first_index, count, seed);
  const std::size_t n = region_.dimension(), width = static_cast<std::size_t>(prior_.lanes());
  std::vector<double> result(count * n);
  struct Slot {
    std::size_t data_set;
    std::mt19937_64 random;
    double log_density = 0;
    int tries = 0;
  };
  std::vector<std::optional<Slot>> slots(width);
  std::size_t started = 0, accepted = 0;
  while (accepted < count) {
    for (std::size_t lane = 0; lane < width; ++lane) {
      std::optional<Slot>& slot = slots[lane];
      if (!slot && started < count) {
        slot.emplace(Slot{started, engine(seed, first_index + started)});
        ++started;
      }
      if (!slot) continue;
      double* point = result.data() + slot->data_set * n;
      slot->log_density = candidate(slot->random, point);
      for (std::size_t p = 0; p < n; ++p) points_[p * width + lane] = point[p];
    }
    evaluate_prior();
    for (std::size_t lane = 0; lane < width; ++lane) {
      std::optional<Slot>& slot = slots[lane];
      if (!slot) continue;
      const double prior = prior_.failed(static_cast<int>(lane)) ? nothing : prior_.log_density(static_cast<int>(lane));
      const double uniform = std::uniform_real_distribution<double>()(slot->random);
      if (std::log(uniform) < prior - slot->log_density - region_.log_bound) {
        slot.reset();
        ++accepted;
      } else if (++slot->tries == most_tries) {
        throw RuntimeError(
            fmt::format("none of {} parameters from the region has a prior density to speak of", most_tries));
      }
    }
  }
  return result;
}

void RegionDraws::try_prior(std::uint64_t first_index, std::uint64_t seed, int number, std::vector<char>& is_accepted) {
  const std::size_t n = region_.dimension(), width = static_cast<std::size_t>(prior_.lanes());
  const std::uint64_t own_seed = engine(seed, static_cast<std::uint64_t>(number))();
  simulation_->run("simulate", {.seed = own_seed, .first_index = first_index});
  std::vector<double> point(n);
  std::vector<double> log_region(width);
  for (std::size_t lane = 0; lane < width; ++lane) {
    if (simulation_->failed(static_cast<int>(lane))) continue; // has no parameters; the prior's are those of before
    for (std::size_t p = 0; p < n; ++p)
      point[p] = points_[p * width + lane] = simulation_->unconstrained(p, static_cast<int>(lane));
    log_region[lane] = log_density(point.data());
  }
  evaluate_prior();
  for (std::size_t lane = 0; lane < width; ++lane) {
    const int one = static_cast<int>(lane);
    std::mt19937_64 random = engine(own_seed, first_index + lane);
    const double log_chance = region_.log_bound + log_region[lane] - prior_.log_density(one);
    is_accepted[lane] = !simulation_->failed(one) && !prior_.failed(one) &&
                        std::log(std::uniform_real_distribution<double>()(random)) < log_chance;
  }
}

std::vector<double> RegionDraws::draw_from_prior(std::uint64_t first_index, std::size_t count, std::uint64_t seed) {
  const std::size_t n = region_.dimension(), width = static_cast<std::size_t>(prior_.lanes());
  std::vector<double> result(count * n);
  std::vector<char> is_accepted(width), is_drawn;
  for (std::size_t first = 0; first < count; first += width) {
    const std::size_t wanted = std::min(width, count - first);
    is_drawn.assign(wanted, false);
    for (int number = 0; std::ranges::count(is_drawn, true) < static_cast<std::ptrdiff_t>(wanted); ++number) {
      if (number == most_tries)
        throw RuntimeError(
            fmt::format("none of {} parameters from the text's priors lies around the data's posterior", most_tries));
      try_prior(first_index + first, seed, number, is_accepted);
      for (std::size_t lane = 0; lane < wanted; ++lane) {
        if (is_drawn[lane] || !is_accepted[lane]) continue;
        is_drawn[lane] = true;
        for (std::size_t p = 0; p < n; ++p) result[(first + lane) * n + p] = points_[p * width + lane];
      }
    }
  }
  return result;
}

double RegionDraws::acceptance(std::size_t count, std::uint64_t seed) {
  const auto width = static_cast<std::size_t>(prior_.lanes());
  std::vector<char> is_accepted(width);
  std::size_t accepted = 0, tried = 0;
  for (; tried < count; tried += width) {
    try_prior(tried, seed, 0, is_accepted);
    accepted += static_cast<std::size_t>(std::ranges::count(is_accepted, true));
  }
  return static_cast<double>(accepted) / static_cast<double>(tried);
}

std::vector<double> RegionDraws::log_prior(std::span<const double> points) {
  const std::size_t n = region_.dimension(), width = static_cast<std::size_t>(prior_.lanes());
  const std::size_t count = points.size() / n;
  std::vector<double> result(count, nothing);
  for (std::size_t first = 0; first < count; first += width) {
    const std::size_t active = std::min(width, count - first);
    for (std::size_t lane = 0; lane < width; ++lane) {
      const double* point = points.data() + (first + std::min(lane, active - 1)) * n;
      for (std::size_t p = 0; p < n; ++p) points_[p * width + lane] = point[p];
    }
    evaluate_prior();
    for (std::size_t lane = 0; lane < active; ++lane)
      if (const double value = prior_.log_density(static_cast<int>(lane));
          !prior_.failed(static_cast<int>(lane)) && !std::isnan(value))
        result[first + lane] = value;
  }
  return result;
}

std::vector<double> RegionDraws::log_ratio(std::span<const double> points) {
  std::vector<double> result = log_prior(points);
  for (std::size_t i = 0; i < result.size(); ++i) result[i] -= log_density(points.data() + i * region_.dimension());
  return result;
}

std::vector<double> RegionDraws::draw_unbounded(std::size_t count, std::uint64_t seed) {
  const std::size_t n = region_.dimension();
  std::vector<double> result(count * n);
  std::mt19937_64 random = engine(seed, 0);
  for (std::size_t i = 0; i < count; ++i) candidate(random, result.data() + i * n);
  return result;
}

} // namespace sibyl
