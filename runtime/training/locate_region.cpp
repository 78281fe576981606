#include "runtime/training/locate_region.hpp"

#include "lang/errors.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/mcmc/chains.hpp"
#include "runtime/mcmc/model_target.hpp"
#include "runtime/trust/chain_diagnostics.hpp"

#include <Eigen/Dense>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sibyl {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

constexpr std::size_t chain_count = 4;

// Short chains find most posteriors; ridges and funnels take those that a careful user would run.
struct Effort {
  std::size_t warmup, draws;
  int max_depth;
};
constexpr Effort short_chains{400, 400, 8}, long_chains{1000, 1000, 10};
constexpr double agreement = 1.1;        // R-hat
constexpr std::size_t fewest_draws = 50; // of a chain, to tell a covariance from
constexpr double smallest_acceptance = 0.02;
constexpr std::size_t candidate_count = 2000;
// Of the text's own draws, that must lie in a region for them to be its candidates.
constexpr double smallest_prior_acceptance = 0.001;
constexpr std::size_t prior_candidate_count = 20000;
constexpr Eigen::Index most_paired = 100; // parameters

std::vector<mcmc::ChainRun> run_chains(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                       const Effort& effort, double seconds, const LocateOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::int32_t> stop = 0;
  mcmc::ChainsOptions chains;
  chains.chains = chain_count;
  chains.warmup = effort.warmup;
  chains.draws = effort.draws;
  chains.seed = options.seed;
  chains.threads = options.threads;
  chains.max_depth = effort.max_depth;
  chains.interrupted = &stop;
  chains.progress = [&](const mcmc::ChainsProgress&) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() > seconds || (options.interrupted && *options.interrupted)) stop = 1;
  };
  const DataBatch batch = mcmc::prepare_data(model, data);
  std::vector<mcmc::ChainRun> runs =
      mcmc::run_chains([&] { return std::make_unique<mcmc::ModelTarget>(model, batch); }, chains);
  if (options.interrupted && *options.interrupted) throw RuntimeError("interrupted");
  std::erase_if(runs, [](const mcmc::ChainRun& run) { return run.transitions.size() < fewest_draws; });
  return runs;
}

Matrix draws_of(const mcmc::ChainRun& run) {
  const auto count = static_cast<Eigen::Index>(run.transitions.size());
  return Eigen::Map<const Matrix>(run.unconstrained.data(), static_cast<Eigen::Index>(run.unconstrained.size()) / count,
                                  count);
}

Matrix covariance_of(const Matrix& draws) {
  const Matrix centred = draws.colwise() - draws.rowwise().mean();
  Matrix covariance = centred * centred.transpose() / static_cast<double>(draws.cols() - 1);
  covariance.diagonal() *= 1 + 1e-9;
  return covariance;
}

// The logarithm, up to a constant, of the posterior mass where a chain was, were that a normal distribution. The height
// of the density alone says nothing: in the neck of a funnel it is highest, and hardly any mass is there.
double log_mass(const mcmc::ChainRun& run) {
  double mean = 0;
  for (const mcmc::Transition& one : run.transitions) mean += one.log_density;
  mean /= static_cast<double>(run.transitions.size());
  const Vector widths = covariance_of(draws_of(run)).ldlt().vectorD();
  return mean + 0.5 * widths.array().max(1e-300).log().sum();
}

// A chain that was caught in a lesser mode would make the region as wide as the way there.
std::size_t drop_stragglers(std::vector<mcmc::ChainRun>& runs) {
  std::vector<double> masses;
  for (const mcmc::ChainRun& run : runs) masses.push_back(log_mass(run));
  // Covariances of few draws that depend on each other are not known better.
  const double smallest = *std::ranges::max_element(masses) - 10 - static_cast<double>(draws_of(runs[0]).rows());
  std::size_t at = 0;
  return std::erase_if(runs, [&](const mcmc::ChainRun&) { return masses[at++] < smallest; });
}

double largest_rhat(const std::vector<mcmc::ChainRun>& runs) {
  const auto dimension = static_cast<std::size_t>(draws_of(runs.front()).rows());
  std::size_t length = runs.front().transitions.size();
  for (const mcmc::ChainRun& run : runs) length = std::min(length, run.transitions.size());
  double largest = 0;
  for (std::size_t p = 0; p < dimension; ++p) {
    std::vector<double> column;
    for (const mcmc::ChainRun& run : runs)
      for (std::size_t i = 0; i < length; ++i) column.push_back(run.unconstrained[i * dimension + p]);
    const double one = rhat(column, runs.size());
    if (!(one <= largest)) largest = one; // not a number where nothing moved
  }
  return largest;
}

// Chains where the posterior is, the draws of each one.
struct FoundPosterior {
  std::vector<mcmc::ChainRun> runs;
  std::size_t dropped = 0; // chains
  double rhat = 0;
};

FoundPosterior look_for_posterior(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                                  const Effort& effort, double seconds, const LocateOptions& options) {
  FoundPosterior found{run_chains(model, data, effort, seconds, options)};
  if (found.runs.empty()) return found;
  found.dropped = drop_stragglers(found.runs);
  found.rhat = largest_rhat(found.runs);
  return found;
}

FoundPosterior find_posterior(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                              const LocateOptions& options, std::vector<std::string>& notes) {
  const auto start = std::chrono::steady_clock::now();
  FoundPosterior found = look_for_posterior(model, data, short_chains, options.seconds, options);
  if (found.runs.empty())
    throw RuntimeError(
        fmt::format("in {:.0f} s the Markov chains did not get to the posterior of the data", options.seconds));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  if (!(found.rhat < agreement && found.dropped == 0) && taken.count() < 0.5 * options.seconds) {
    FoundPosterior longer = look_for_posterior(model, data, long_chains, options.seconds - taken.count(), options);
    if (!longer.runs.empty() && !(longer.rhat > found.rhat && longer.dropped >= found.dropped))
      found = std::move(longer);
  }
  if (found.dropped > 0)
    notes.push_back(fmt::format("{} of {} chains stayed where hardly any of the posterior is, and do not count",
                                found.dropped, chain_count));
  if (!(found.rhat < agreement))
    notes.push_back(
        fmt::format("the chains do not agree (R-hat {:.2f}): the region covers what all of them found", found.rhat));
  return found;
}

Matrix pool(const std::vector<mcmc::ChainRun>& runs) {
  Eigen::Index count = 0;
  for (const mcmc::ChainRun& run : runs) count += draws_of(run).cols();
  Matrix draws(draws_of(runs.front()).rows(), count);
  count = 0;
  for (const mcmc::ChainRun& run : runs) {
    const Matrix own = draws_of(run);
    draws.middleCols(count, own.cols()) = own;
    count += own.cols();
  }
  return draws;
}

// The precision of the prior in the coordinates in which the posterior's is the unit matrix: second differences over
// one standard deviation, which average over the posterior's extent. Of very many parameters along the axes alone:
// pairs of them are too many.
Matrix prior_precision(RegionDraws& prior, const Vector& mean, const Matrix& factor) {
  const Eigen::Index n = mean.size();
  const auto is_skipped = [n](Eigen::Index i, Eigen::Index j) { return i != j && n > most_paired; };
  std::vector<double> points;
  const auto add = [&](const Vector& point) { points.insert(points.end(), point.data(), point.data() + n); };
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j <= i; ++j) {
      if (is_skipped(i, j)) continue;
      for (const double a : {0.5, -0.5})
        for (const double b : {0.5, -0.5}) add(mean + a * factor.col(i) + b * factor.col(j));
    }
  const std::vector<double> values = prior.log_prior(points);
  Matrix precision = Matrix::Zero(n, n);
  std::size_t at = 0;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j <= i; ++j) {
      if (is_skipped(i, j)) continue;
      const double second = values[at] - values[at + 1] - values[at + 2] + values[at + 3];
      precision(i, j) = precision(j, i) = std::isfinite(second) ? -second : 0;
      at += 4;
    }
  return precision;
}

Matrix widened(const Matrix& factor, const Matrix& prior_precision, double widening) {
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(prior_precision);
  Vector scale = eigen.eigenvalues();
  for (double& one : scale) {
    const double of_prior = std::clamp(one, 0.0, 1.0);
    one = 1 / std::sqrt(of_prior + (1 - of_prior) / (widening * widening));
  }
  const Matrix root = factor * eigen.eigenvectors() * scale.asDiagonal();
  return Matrix(root * root.transpose());
}

double acceptance(const std::vector<double>& ratios, double log_bound) {
  double sum = 0;
  for (const double ratio : ratios) sum += std::exp(std::min(0.0, ratio - log_bound));
  return sum / static_cast<double>(ratios.size());
}

// As high as the posterior's draws and most of the region's want it; lower where hardly a draw would be accepted.
void choose_bound(Region& region, const std::vector<double>& of_region, const std::vector<double>& of_posterior) {
  std::vector<double> finite = of_region;
  std::erase_if(finite, [](double ratio) { return !std::isfinite(ratio); });
  if (finite.size() < of_region.size() / 100)
    throw RuntimeError("the prior cannot be computed nearly anywhere around the posterior");
  std::ranges::sort(finite);
  std::vector<double> posterior = of_posterior;
  std::ranges::sort(posterior);
  double bound = std::max(sorted_quantile(finite, 0.75), sorted_quantile(posterior, 0.99));
  if (acceptance(of_region, bound) < smallest_acceptance) {
    double low = finite.front();
    for (int i = 0; i < 60; ++i) {
      const double middle = 0.5 * (low + bound);
      (acceptance(of_region, middle) < smallest_acceptance ? bound : low) = middle;
    }
    bound = low;
  }
  region.log_bound = bound;
  const auto beyond = std::ranges::count_if(posterior, [&](double ratio) { return ratio > bound; });
  region.weaker_share = static_cast<double>(beyond) / static_cast<double>(posterior.size());
}

// With the text's own draws as candidates the bound may be as high as the posterior wants it: the higher, the more of
// them are accepted.
bool draw_from_prior(const std::shared_ptr<const CompiledModel>& model, Region& region,
                     const std::vector<double>& of_posterior, const LocateOptions& options,
                     std::vector<std::string>& notes) {
  if (!can_draw_from_prior(model->facts())) return false;
  Region own = region;
  own.from_prior = true;
  own.log_bound = *std::ranges::max_element(of_posterior);
  own.weaker_share = 0;
  if (!std::isfinite(own.log_bound)) return false;
  const double accepted = RegionDraws(model, own, options.interrupted).acceptance(prior_candidate_count, options.seed);
  if (accepted < smallest_prior_acceptance) return false;
  region = std::move(own);
  notes.push_back(fmt::format("parameters are simulated from the text's priors, and kept where they lie around the "
                              "posterior of the data: {:.2g}% of them",
                              100 * accepted));
  return true;
}

} // namespace

LocatedRegion locate_region(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                            const LocateOptions& options) {
  LocatedRegion result;
  const Matrix draws = pool(find_posterior(model, data, options, result.notes).runs);
  const Vector mean = draws.rowwise().mean();
  const Eigen::Index n = mean.size();
  const auto dimension = static_cast<std::size_t>(n);
  const Eigen::LLT<Matrix> posterior(covariance_of(draws));
  if (posterior.info() != Eigen::Success)
    throw RuntimeError("the posterior of the data has directions without any width");
  const Matrix factor = posterior.matrixL();

  Region& region = result.region;
  region.data = data;
  region.location.assign(mean.data(), mean.data() + n);
  const auto set_factor = [&](const Matrix& lower) {
    region.factor.resize(dimension * dimension);
    Eigen::Map<Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(region.factor.data(), n, n) = lower;
  };
  set_factor(factor);
  RegionDraws narrow(model, region, options.interrupted);
  const Eigen::LLT<Matrix> wide(widened(factor, prior_precision(narrow, mean, factor), options.widening));
  if (wide.info() != Eigen::Success) throw RuntimeError("the region around the posterior has no width");
  set_factor(wide.matrixL());

  RegionDraws proposal(model, region, options.interrupted);
  const std::vector<double> candidates = proposal.draw_unbounded(candidate_count, options.seed);
  const std::span all(draws.data(), static_cast<std::size_t>(draws.size()));
  const std::vector<double> of_posterior = proposal.log_ratio(all);
  choose_bound(region, proposal.log_ratio(candidates), of_posterior);
  if (!region.covers_posterior()) {
    if (draw_from_prior(model, region, of_posterior, options, result.notes)) return result;
    result.notes.push_back(
        fmt::format("for {:.0f}% of the posterior the prior in training is weaker than the text's: there the "
                    "draws are not its own (`sample --exact` gives those)",
                    100 * region.weaker_share));
  }
  result.notes.push_back(
      fmt::format("parameters are simulated around the posterior of the data, {:g} times as wide where the data decide",
                  options.widening));
  return result;
}

} // namespace sibyl
