#include "runtime/mcmc/optimize.hpp"

#include "lang/errors.hpp"
#include "runtime/mcmc/extra_columns.hpp"
#include "runtime/model/parameters.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace sibyl::mcmc {

namespace {

Eigen::VectorXd find_start(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                           const OptimizeOptions& options, LogDensity& density, RandomNumbers& random) {
  const FirstPoint first = first_point(model, data, options.initial, 1);
  Eigen::VectorXd point(static_cast<Eigen::Index>(density.dimension()));
  if (!find_finite_point(0, density, random, first, {options.interrupted}, {point.data(), density.dimension()}))
    throw RuntimeError("interrupted before the first iteration");
  return point;
}

// The negative Hessian at the mode, factored.
Eigen::LLT<Eigen::MatrixXd> curvature(const std::shared_ptr<const CompiledModel>& model, const DataBatch& batch,
                                      const ParameterSpace& space, const Eigen::VectorXd& mode) {
  Density density(model, 1);
  const std::size_t first = 0;
  density.bind(batch, {&first, 1});
  std::copy(mode.begin(), mode.end(), density.points());
  std::vector<double> hessian;
  density.hessian(hessian);
  const Eigen::Index n = mode.size();
  Eigen::MatrixXd matrix = -Eigen::Map<const Eigen::MatrixXd>(hessian.data(), n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    if (!(matrix(i, i) > 0))
      throw RuntimeError(fmt::format("the log density is not curved downwards along {} at its mode, so that no normal "
                                     "distribution approximates it there",
                                     owner(space, static_cast<std::size_t>(i))));
  Eigen::LLT<Eigen::MatrixXd> factor(matrix);
  if (factor.info() != Eigen::Success)
    throw RuntimeError("the log density is not curved downwards in all directions at its mode, so that no normal "
                       "distribution approximates it there");
  return factor;
}

void draw_laplace(const std::shared_ptr<const CompiledModel>& model, const DataBatch& batch,
                  ParameterTransform& transform, LogDensity& density, const OptimizeOptions& options,
                  RandomNumbers& random, Optimum& result) {
  const Eigen::VectorXd& mode = result.search.best.position;
  const auto factor = curvature(model, batch, transform.space(), mode);
  const Eigen::Index n = mode.size();
  double log_determinant = 0;
  for (Eigen::Index i = 0; i < n; ++i) log_determinant += std::log(factor.matrixL()(i, i));
  std::vector<double> unconstrained, target, normal;
  Eigen::VectorXd z(n), gradient(n);
  for (std::size_t draw = 0; draw < options.laplace_draws; ++draw) {
    for (double& one : z) one = random.normal();
    normal.push_back(log_determinant - 0.5 * z.squaredNorm() -
                     0.5 * static_cast<double>(n) * std::log(2 * std::numbers::pi));
    factor.matrixU().solveInPlace(z);
    z += mode;
    target.push_back(density.evaluate(z.data(), gradient.data()));
    unconstrained.insert(unconstrained.end(), z.begin(), z.end());
  }
  result.laplace = transform.constrain(unconstrained, Outputs::all, options.seed, 0, &result.failed);
  append_columns(result.laplace, {{"log_p__", std::move(target)}, {"log_q__", std::move(normal)}});
}

} // namespace

Optimum optimize(const std::shared_ptr<const CompiledModel>& model, const DataSet& data,
                 const OptimizeOptions& options) {
  if (options.laplace_draws > 0 && !options.jacobian)
    throw UserError("Laplace draws approximate the posterior of the unconstrained parameters: they want the Jacobian");
  if (options.max_iterations < 1) throw UserError("no iterations are asked for");
  require_density(*model);
  const DataBatch batch = prepare_data(model, data);
  ModelTarget density(model, batch, options.jacobian);
  if (density.dimension() == 0) throw UserError("the model has no parameters to optimize");
  RandomNumbers random(options.seed, 0);
  Optimum result;
  const Eigen::VectorXd start = find_start(model, data, options, density, random);
  result.search = maximize(density, start, options);
  if (!result.search.converged && !result.search.was_interrupted)
    throw RuntimeError(
        fmt::format("no mode was found in {} iterations, at the log density {:.6g}: {}. It may have none: a "
                    "density without bound, as where the scale of a hierarchy goes to zero; the Jacobian, "
                    "a prior, or other initial values may help",
                    result.search.iterations, result.search.best.log_density, result.search.reason));
  const Eigen::VectorXd& mode = result.search.best.position;
  result.unconstrained.assign(mode.begin(), mode.end());
  result.log_density = result.search.best.log_density;
  ParameterTransform transform(model);
  transform.bind(batch, 0);
  LeftOut mode_failed;
  result.mode = transform.constrain(result.unconstrained, Outputs::all, options.seed, 0, &mode_failed);
  append_columns(result.mode, {{"lp__", {result.log_density}}});
  if (options.laplace_draws > 0 && result.search.converged)
    draw_laplace(model, batch, transform, density, options, random, result);
  return result;
}

} // namespace sibyl::mcmc
