#include "runtime/training/add_self_consistency.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/catalogue.hpp"
#include "runtime/training/unlabelled_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace sibyl {

namespace {

constexpr std::size_t draws_of_each = 16, sets_of_step = 16, sets_of_validation = 32;
constexpr double default_weight = 0.1;

std::mt19937_64 random_of_step(std::uint64_t seed, std::int64_t step) {
  std::seed_seq seeds{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32), 0x5e1fu};
  return std::mt19937_64(seeds);
}

// Simulated data sets, and behind them real ones.
class Pool {
 public:
  Pool(const TrainingPlan& plan, const SamplerTrainingOptions& options, std::vector<std::string>& notes)
      : seed_(options.setup.seed),
        simulated_(plan.model, *plan.setup, plan.pilot->data, options.setup.threads) {
    if (!options.real.empty())
      real_.emplace(plan.model, *plan.setup, gather_unlabelled(plan.model, *plan.setup, options.real, notes),
                    options.setup.threads);
  }

  UnlabelledBatch of_step(std::int64_t step) const { return choose(sets_of_step, random_of_step(seed_, step)); }
  UnlabelledBatch of_validation() const { return choose(sets_of_validation, random_of_step(seed_, -1)); }

  void evaluate(std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                std::span<double> gradients) {
    const auto border = static_cast<std::size_t>(
        std::find_if(which.begin(), which.end(), [&](std::size_t i) { return i >= simulated_.count(); }) -
        which.begin());
    const std::size_t draws = values.size() / which.size(), n = z.size() / values.size(), first = border * draws;
    if (border > 0)
      simulated_.evaluate(which.first(border), z.first(first * n), values.first(first), gradients.first(first * n));
    if (border == which.size()) return;
    std::vector<std::size_t> own(which.begin() + static_cast<std::ptrdiff_t>(border), which.end());
    for (std::size_t& i : own) i -= simulated_.count();
    real_->evaluate(own, z.subspan(first * n), values.subspan(first), gradients.subspan(first * n));
  }

 private:
  static std::vector<std::size_t> some(std::size_t count, std::size_t wanted, std::mt19937_64& random) {
    std::vector<std::size_t> all(count);
    std::iota(all.begin(), all.end(), 0);
    wanted = std::min(wanted, count);
    for (std::size_t i = 0; i < wanted; ++i) std::swap(all[i], all[i + random() % (count - i)]);
    all.resize(wanted);
    return all;
  }

  // Half of them real, where there are so many.
  UnlabelledBatch choose(std::size_t count, std::mt19937_64 random) const {
    const std::vector<std::size_t> real = real_ ? some(real_->count(), count / 2, random) : std::vector<std::size_t>();
    UnlabelledBatch batch = simulated_.select(some(simulated_.count(), count - real.size(), random));
    if (real.empty()) return batch;
    append(batch.inputs, real_->select(real).inputs);
    for (const std::size_t i : real) batch.which.push_back(simulated_.count() + i);
    return batch;
  }

  std::uint64_t seed_;
  UnlabelledData simulated_;
  std::optional<UnlabelledData> real_;
};

bool has_quick_density(const SamplerTrainingOptions& options) {
  return find_posterior_family(options.family).loss_is_negative_log_density;
}

} // namespace

void require_self_consistency(const CompiledModel& model, const SamplerTrainingOptions& options) {
  const bool is_wanted = options.self_consistency.value_or(0) > 0;
  if (options.self_consistency && !(*options.self_consistency >= 0 && *options.self_consistency <= 1e6))
    throw UserError(
        fmt::format("the weight of self-consistency is {}, it must be 0 or more", *options.self_consistency));
  if (!options.real.empty() && options.self_consistency == 0)
    throw UserError("real data sets are learned from by self-consistency, whose weight is 0");
  if (!is_wanted && options.real.empty()) return;
  if (!model.facts().has_density)
    throw UserError("self-consistency needs the model's density: " + model.facts().no_density.text);
  if (!has_quick_density(options))
    throw UserError(fmt::format("self-consistency takes the density of draws at each step, which {} does not have at "
                                "hand; train spline_flow",
                                options.family));
}

void add_self_consistency(TrainingPlan& plan, const SamplerTrainingOptions& options, std::vector<std::string>& notes) {
  if (options.self_consistency == 0 || (!options.self_consistency && options.real.empty())) return;
  const auto pool = std::make_shared<Pool>(plan, options, notes);
  SelfConsistency& term = plan.job.self_consistency;
  term.weight = options.self_consistency.value_or(default_weight);
  term.draws = draws_of_each;
  term.batch = [pool](std::int64_t step) { return pool->of_step(step); };
  term.validation = pool->of_validation();
  term.density = [pool](std::span<const std::size_t> which, std::span<const double> z, std::span<double> values,
                        std::span<double> gradients) { pool->evaluate(which, z, values, gradients); };
  const std::string of_what =
      options.real.empty() ? "simulated data sets"
                           : fmt::format("simulated data sets and {} real ones", options.real.size());
  notes.push_back(fmt::format("self-consistency with the model's density, weight {}, on {}", term.weight, of_what));
}

} // namespace sibyl
