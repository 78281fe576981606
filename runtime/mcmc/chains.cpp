#include "runtime/mcmc/chains.hpp"

#include "lang/errors.hpp"
#include "runtime/mcmc/adaptation.hpp"
#include "runtime/model/parallel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>

namespace sibyl::mcmc {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr int first_point_attempts = 100;

// Counts what all chains have done, and tells of it now and then.
class Reporter {
 public:
  explicit Reporter(const ChainsOptions& options) : options_(options) {}

  void count(bool is_warmup, bool is_divergent) {
    (is_warmup ? warmup_ : draws_).fetch_add(1, std::memory_order_relaxed);
    if (is_divergent) divergent_.fetch_add(1, std::memory_order_relaxed);
    if (!options_.progress) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || seconds_since(last_) < 0.1) return;
    options_.progress({warmup_, draws_, divergent_});
    last_ = Clock::now();
  }

 private:
  const ChainsOptions& options_;
  std::atomic<std::size_t> warmup_ = 0, draws_ = 0, divergent_ = 0;
  std::mutex mutex_;
  Clock::time_point last_ = Clock::now();
};

ChainRun run_chain(std::size_t chain, LogDensity& density, const ChainsOptions& options, const StopFlags& stop,
                   Reporter& reporter) {
  RandomNumbers random(options.seed, chain);
  Nuts nuts(density, random, options.metric, options.max_depth);
  ChainRun run(options.metric, density.dimension());
  std::vector<double> point(density.dimension());
  if (!find_finite_point(chain, density, random, options.first_point, stop, point)) return run;
  nuts.set_point(point.data());

  auto start = Clock::now();
  Transition transition;
  StepSizeAdaptation adaptation(options.target_acceptance);
  WarmupWindows windows(options.warmup);
  MomentEstimator moments(options.metric, density.dimension());
  nuts.find_step_size();
  adaptation.restart(nuts.step_size());
  for (; run.warmup_iterations < options.warmup; ++run.warmup_iterations) {
    if (!nuts.transition(transition, stop)) return run;
    nuts.set_step_size(adaptation.update(transition.acceptance));
    if (windows.is_slow(run.warmup_iterations)) moments.add(nuts.point());
    if (windows.ends_window(run.warmup_iterations)) {
      moments.write_to(nuts.metric());
      moments.restart();
      windows.open_next_window();
      nuts.find_step_size();
      adaptation.restart(nuts.step_size());
    }
    reporter.count(true, false);
  }
  if (options.warmup > 0) nuts.set_step_size(adaptation.final_step_size());
  run.step_size = nuts.step_size();
  run.metric = nuts.metric();
  run.warmup_seconds = seconds_since(start);

  start = Clock::now();
  // Not for all of a number that stands for "until I stop it".
  const std::size_t expected = std::min<std::size_t>(options.draws, 10000);
  run.unconstrained.reserve(expected * density.dimension());
  run.transitions.reserve(expected);
  while (run.transitions.size() < options.draws && nuts.transition(transition, stop)) {
    run.transitions.push_back(transition);
    run.unconstrained.insert(run.unconstrained.end(), nuts.point().begin(), nuts.point().end());
    reporter.count(false, transition.is_divergent);
  }
  run.sampling_seconds = seconds_since(start);
  return run;
}

} // namespace

FirstPoint uniform_first_point(double radius) {
  return [radius](std::size_t, RandomNumbers& random, std::span<double> point) {
    for (double& one : point) one = radius * (2 * random.uniform() - 1);
    return radius > 0;
  };
}

bool find_finite_point(std::size_t chain, LogDensity& density, RandomNumbers& random, const FirstPoint& first_point,
                       const StopFlags& stop, std::span<double> point) {
  std::vector<double> gradient(point.size());
  std::string reason;
  for (int attempt = 1; attempt <= first_point_attempts; ++attempt) {
    if (stop.is_raised()) return false;
    const bool may_try_again = first_point(chain, random, point);
    const double value = density.evaluate(point.data(), gradient.data());
    const bool is_value = std::isfinite(value);
    if (is_value && std::all_of(gradient.begin(), gradient.end(), [](double one) { return std::isfinite(one); }))
      return true;
    reason = is_value ? "its gradient is not finite" : density.failure();
    if (reason.empty()) reason = fmt::format("it is {}", value);
    if (!may_try_again)
      throw RuntimeError(fmt::format("the log density is not finite at the initial values: {}", reason));
  }
  throw RuntimeError(fmt::format("the log density is not finite at any of {} random points; at the last: {}",
                                 first_point_attempts, reason));
}

std::vector<ChainRun> run_chains(const std::function<std::unique_ptr<LogDensity>()>& make_density,
                                 const ChainsOptions& options) {
  std::vector<ChainRun> runs(options.chains, ChainRun(options.metric, 0));
  Reporter reporter(options);
  std::atomic<std::size_t> next = 0;
  const int threads = std::clamp(options.threads, 1, static_cast<int>(std::max<std::size_t>(1, options.chains)));
  std::atomic<std::int32_t> has_failed = 0; // where one chain did, there is nothing to go on for
  const StopFlags stop{options.interrupted, &has_failed};
  parallel_for(static_cast<std::size_t>(threads), threads, [&](std::size_t, std::size_t) {
    while (!stop.is_raised()) {
      const std::size_t chain = next++;
      if (chain >= options.chains) return;
      try {
        const auto density = make_density();
        runs[chain] = run_chain(chain, *density, options, stop, reporter);
      } catch (...) {
        has_failed = 1;
        throw;
      }
    }
  });
  return runs;
}

CommonDraws common_draws(std::span<const ChainRun> runs) {
  CommonDraws best;
  for (const ChainRun& one : runs) {
    const std::size_t draws = one.transitions.size();
    CommonDraws candidate{{}, draws};
    for (std::size_t chain = 0; chain < runs.size(); ++chain)
      if (runs[chain].transitions.size() >= draws) candidate.chains.push_back(chain);
    if (candidate.chains.size() * draws > best.chains.size() * best.draws) best = std::move(candidate);
  }
  return best;
}

} // namespace sibyl::mcmc
