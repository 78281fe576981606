#include "runtime/mcmc/pathfinder.hpp"

#include "lang/errors.hpp"
#include "runtime/mcmc/extra_columns.hpp"
#include "runtime/model/parallel.hpp"
#include "runtime/model/parameters.hpp"
#include "runtime/trust/beside_limit.hpp"
#include "runtime/trust/importance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numbers>
#include <optional>

namespace sibyl::mcmc {

struct CurvaturePair {
  Eigen::VectorXd step, change; // of the position, of the gradient of the negative log density
};

// A normal distribution whose covariance is diag(alpha) plus a matrix of low rank.
class LowRankNormal {
 public:
  // The inverse Hessian of L-BFGS in its compact form (Byrd, Nocedal and Schnabel 1994, theorem 2.2, and Zhang et al.,
  // algorithm 4 for the factors).
  LowRankNormal(const LbfgsPoint& point, const Eigen::VectorXd& alpha, const std::deque<CurvaturePair>& pairs) {
    const Eigen::Index n = alpha.size(), m = static_cast<Eigen::Index>(pairs.size());
    scale_ = alpha.cwiseSqrt();
    Eigen::MatrixXd steps(n, m), changes(n, m);
    for (Eigen::Index i = 0; i < m; ++i) {
      steps.col(i) = pairs[static_cast<std::size_t>(i)].step;
      changes.col(i) = pairs[static_cast<std::size_t>(i)].change;
    }
    const Eigen::MatrixXd products = steps.transpose() * changes;
    const Eigen::MatrixXd upper = products.triangularView<Eigen::Upper>();
    const Eigen::MatrixXd inverse = upper.triangularView<Eigen::Upper>().solve(Eigen::MatrixXd::Identity(m, m));
    Eigen::MatrixXd middle = changes.transpose() * alpha.asDiagonal() * changes;
    middle.diagonal() += products.diagonal();
    Eigen::MatrixXd gamma = Eigen::MatrixXd::Zero(2 * m, 2 * m);
    gamma.topRightCorner(m, m) = -inverse;
    gamma.bottomLeftCorner(m, m) = -inverse.transpose();
    gamma.bottomRightCorner(m, m) = inverse.transpose() * middle * inverse;
    Eigen::MatrixXd factors(n, 2 * m); // over the scales
    factors.leftCols(m) = scale_.asDiagonal() * changes;
    factors.rightCols(m) = scale_.cwiseInverse().asDiagonal() * steps;

    const Eigen::Index rank = std::min(n, 2 * m);
    const Eigen::HouseholderQR<Eigen::MatrixXd> decomposition(factors);
    basis_ = decomposition.householderQ() * Eigen::MatrixXd::Identity(n, rank);
    const Eigen::MatrixXd triangle = decomposition.matrixQR().topRows(rank).triangularView<Eigen::Upper>();
    Eigen::MatrixXd inner = triangle * gamma * triangle.transpose();
    inner = (0.5 * (inner + inner.transpose())).eval();
    inner.diagonal().array() += 1;
    const Eigen::LLT<Eigen::MatrixXd> cholesky(inner);
    is_valid_ = cholesky.info() == Eigen::Success && inner.allFinite();
    if (!is_valid_) return;
    inner_ = cholesky.matrixL();
    log_determinant_ = scale_.array().log().sum() + inner_.diagonal().array().log().sum();
    // The mean is a Newton step from the point.
    const Eigen::VectorXd scaled = scale_.cwiseProduct(point.gradient), along = basis_.transpose() * scaled;
    mean_ = point.position + scale_.cwiseProduct(scaled + basis_ * (inner * along - along));
    is_valid_ = mean_.allFinite() && std::isfinite(log_determinant_);
  }

  bool is_valid() const { return is_valid_; }

  double log_density(const double* point) const {
    const Eigen::VectorXd z = (Eigen::Map<const Eigen::VectorXd>(point, mean_.size()) - mean_).cwiseQuotient(scale_);
    Eigen::VectorXd along = basis_.transpose() * z;
    const double outside = z.squaredNorm() - along.squaredNorm();
    inner_.triangularView<Eigen::Lower>().solveInPlace(along);
    return -0.5 * (outside + along.squaredNorm() + static_cast<double>(mean_.size()) * std::log(2 * std::numbers::pi)) -
           log_determinant_;
  }

  // Returns the log density of what it draws.
  double draw(RandomNumbers& random, Eigen::VectorXd& result) const {
    result.resize(mean_.size());
    for (double& one : result) one = random.normal();
    const double square = result.squaredNorm();
    const Eigen::VectorXd along = basis_.transpose() * result;
    result = mean_ + scale_.cwiseProduct(result + basis_ * (inner_ * along - along));
    return -0.5 * (square + static_cast<double>(mean_.size()) * std::log(2 * std::numbers::pi)) - log_determinant_;
  }

 private:
  Eigen::VectorXd mean_, scale_;
  Eigen::MatrixXd basis_, inner_; // orthonormal columns; the factor within their span
  double log_determinant_ = 0;    // of the factor of the covariance
  bool is_valid_ = false;
};

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The diagonal after one more pair (Gilbert and Lemarechal 1989; Zhang et al., algorithm 3).
void update_diagonal(const CurvaturePair& pair, Eigen::VectorXd& alpha) {
  const double a = pair.change.cwiseAbs2().dot(alpha), b = pair.change.dot(pair.step),
               c = pair.step.cwiseAbs2().dot(alpha.cwiseInverse());
  const Eigen::ArrayXd old = alpha.array();
  alpha = (a / (b * old) + pair.change.array().square() / b - a * pair.step.array().square() / (b * c * old.square()))
              .inverse()
              .matrix();
}

// All components have the same weight.
double mixture_density(const std::vector<const LowRankNormal*>& mixture, const double* point) {
  std::vector<double> parts;
  for (const LowRankNormal* one : mixture) parts.push_back(one->log_density(point));
  return log_sum_exp(parts) - std::log(static_cast<double>(parts.size()));
}

} // namespace

Path find_path(LogDensity& density, const Eigen::VectorXd& start, RandomNumbers& random, const PathOptions& options) {
  Path path;
  path.elbo = -infinity;
  std::optional<LbfgsPoint> before;
  std::deque<CurvaturePair> pairs;
  Eigen::VectorXd alpha = Eigen::VectorXd::Ones(start.size()), draw, gradient(start.size());
  const auto observe = [&](const LbfgsPoint& point) {
    if (before) {
      CurvaturePair pair{point.position - before->position, before->gradient - point.gradient};
      if (pair.step.dot(pair.change) > 1e-12 * pair.change.squaredNorm()) {
        update_diagonal(pair, alpha);
        pairs.push_back(std::move(pair));
        if (pairs.size() > static_cast<std::size_t>(options.history)) pairs.pop_front();
      }
      LowRankNormal normal(point, alpha, pairs);
      double elbo = normal.is_valid() ? 0 : -infinity;
      for (std::size_t i = 0; i < options.elbo_draws && elbo > -infinity; ++i) {
        const double log_q = normal.draw(random, draw);
        elbo += (density.evaluate(draw.data(), gradient.data()) - log_q) / static_cast<double>(options.elbo_draws);
      }
      if (elbo > path.elbo) {
        path.elbo = elbo;
        path.normal = std::make_shared<const LowRankNormal>(std::move(normal));
      }
    }
    before = point;
  };
  LbfgsOptions search;
  search.max_iterations = options.max_iterations;
  search.history = options.history;
  search.interrupted = options.interrupted;
  path.iterations = maximize(density, start, search, observe).iterations;
  if (!path.normal) return path;
  for (std::size_t i = 0; i < options.draws; ++i) {
    path.log_q.push_back(path.normal->draw(random, draw));
    path.log_p.push_back(density.evaluate(draw.data(), gradient.data()));
    path.draws.insert(path.draws.end(), draw.begin(), draw.end());
  }
  return path;
}

PathfinderResult pathfinder(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                            const PathfinderOptions& options) {
  if (options.paths == 0) throw UserError("no paths are asked for");
  if (options.draws == 0 || options.resampled == 0) throw UserError("no draws are asked for");
  if (options.elbo_draws == 0) throw UserError("the evidence lower bound needs draws");
  if (options.max_iterations < 1 || options.history < 1) throw UserError("no iterations are asked for");
  require_density(*model);
  const DataBatch batch = prepare_data(model, data);
  const std::size_t n = ModelTarget(model, batch).dimension();
  if (n == 0) throw UserError("the model has no parameters to sample");
  const FirstPoint first = first_point(model, data, options.initial, options.paths);
  std::vector<Path> paths(options.paths);
  parallel_for(options.paths, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      ModelTarget density(model, batch);
      RandomNumbers random(options.seed, i);
      Eigen::VectorXd start(static_cast<Eigen::Index>(n));
      paths[i].elbo = -infinity;
      if (find_finite_point(i, density, random, first, {options.interrupted}, {start.data(), n}))
        paths[i] = find_path(density, start, random, options);
    }
  });
  if (options.interrupted && *options.interrupted) throw RuntimeError("interrupted before the draws");

  PathfinderResult result;
  std::vector<const LowRankNormal*> mixture;
  for (const Path& path : paths)
    if (path.normal) mixture.push_back(path.normal.get());
  std::vector<double> all, log_p, log_q, ratios, numbers;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Path& path = paths[i];
    result.elbo.push_back(path.elbo);
    all.insert(all.end(), path.draws.begin(), path.draws.end());
    log_p.insert(log_p.end(), path.log_p.begin(), path.log_p.end());
    for (std::size_t draw = 0; draw < path.log_p.size(); ++draw)
      log_q.push_back(mixture_density(mixture, path.draws.data() + draw * n));
    numbers.insert(numbers.end(), path.log_p.size(), static_cast<double>(i + 1));
  }
  for (std::size_t i = 0; i < log_p.size(); ++i) ratios.push_back(log_p[i] - log_q[i]);
  if (std::none_of(ratios.begin(), ratios.end(), [](double one) { return std::isfinite(one); }))
    throw RuntimeError("no path found a normal distribution near the density: it may have no mode, or jumps");
  const ImportanceWeights weights = smooth_importance_weights(ratios);
  result.k_hat = weights.k_hat;
  result.effective_size = weights.effective_size;
  if (!weights.are_good())
    result.warning =
        fmt::format("k-hat is {}, above {}: these draws are near the posterior at best, and neither tails nor "
                    "means are to be relied on; `mcmc` gives the exact ones",
                    fixed_beside(weights.k_hat, 2, largest_good_k_hat), largest_good_k_hat);
  std::vector<std::vector<double>> columns(3);
  for (const std::size_t chosen : resample(weights, options.resampled, options.seed)) {
    const auto row = all.begin() + static_cast<std::ptrdiff_t>(chosen * n);
    result.unconstrained.insert(result.unconstrained.end(), row, row + static_cast<std::ptrdiff_t>(n));
    columns[0].push_back(log_p[chosen]);
    columns[1].push_back(log_q[chosen]);
    columns[2].push_back(numbers[chosen]);
  }
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  result.draws = transform.constrain(result.unconstrained, Outputs::all, options.seed, 0, &result.failed);
  append_columns(result.draws, {{"lp_approx__", columns[1]}, {"lp__", columns[0]}, {"path__", columns[2]}});
  return result;
}

} // namespace sibyl::mcmc
