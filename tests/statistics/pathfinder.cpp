// Pathfinder on normal distributions, which it must find exactly, and on a posterior of posteriordb's. Seeds are fixed;
// another seed would fail one of the comparisons with a probability below 0.01 (four standard errors).
#include "runtime/mcmc/pathfinder.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/trust/importance.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace sibyl;
using namespace sibyl::mcmc;
using Catch::Contains;
using test::compiled;

namespace {

// Unnormalized: normal(i, sd of i) with a correlation of neighbours through a common factor.
class CorrelatedNormal : public LogDensity {
 public:
  CorrelatedNormal(int n, double spread) : precision_(n, n) {
    Eigen::MatrixXd covariance(n, n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) covariance(i, j) = std::pow(spread, (i + j) / (2.0 * n)) * (i == j ? 1 : 0.5);
    precision_ = covariance.inverse();
    log_integral_ = 0.5 * (n * std::log(2 * M_PI) + std::log(covariance.determinant()));
    mean_ = Eigen::VectorXd::LinSpaced(n, 0, n - 1);
  }
  std::size_t dimension() const override { return static_cast<std::size_t>(mean_.size()); }
  double evaluate(const double* point, double* gradient) override {
    const Eigen::VectorXd d = Eigen::Map<const Eigen::VectorXd>(point, mean_.size()) - mean_, slope = -precision_ * d;
    std::copy(slope.begin(), slope.end(), gradient);
    return 0.5 * d.dot(slope);
  }
  double log_integral() const { return log_integral_; }

 private:
  Eigen::MatrixXd precision_;
  Eigen::VectorXd mean_;
  double log_integral_ = 0;
};

} // namespace

TEST_CASE("a normal distribution is found, with its density's integral") {
  for (const int n : {2, 5, 12}) {
    INFO(n);
    CorrelatedNormal density(n, 10);
    RandomNumbers random(1, 0);
    PathOptions options;
    options.draws = 4000;
    const Path path = find_path(density, Eigen::VectorXd::Constant(n, 3.0), random, options);
    REQUIRE(path.log_p.size() == 4000);
    std::vector<double> ratios, mean(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < 4000; ++i) ratios.push_back(path.log_p[i] - path.log_q[i]);
    const ImportanceWeights weights = smooth_importance_weights(ratios);
    CHECK(weights.k_hat < 0.7);
    CHECK(std::abs(weights.log_mean - density.log_integral()) < 4 * weights.log_mean_error + 1e-3);
    CHECK(path.elbo < density.log_integral() + 0.3);
    for (std::size_t i = 0; i < 4000; ++i)
      for (std::size_t j = 0; j < mean.size(); ++j)
        mean[j] += std::exp(weights.log_weights[i]) * path.draws[i * mean.size() + j];
    for (std::size_t j = 0; j < mean.size(); ++j)
      CHECK(std::abs(mean[j] - static_cast<double>(j)) <
            4 * std::pow(10, static_cast<double>(j) / (2.0 * n)) / std::sqrt(weights.effective_size) + 1e-3);
  }
}

TEST_CASE("a regression: the draws are near those of Stan's chains, and do not depend on threads") {
  const std::string folder = SIBYL_SOURCE_DIR "/tests/models/posteriordb/";
  const auto model = compiled(read_file(folder + "sblrc-blr.stan"));
  const DataSet data = read_data_sets(folder + "data/sblrc.json", model->facts()).data_sets.front();
  PathfinderOptions options;
  options.resampled = 2000;
  const PathfinderResult one = pathfinder(model, data, options);
  options.threads = 3;
  CHECK(one.unconstrained == pathfinder(model, data, options).unconstrained);
  CHECK(one.elbo.size() == 4);
  CHECK(one.k_hat < 0.7);
  CHECK(one.warning.empty());
  CHECK(one.draws.columns == std::vector<std::string>{"beta.1", "beta.2", "beta.3", "beta.4", "beta.5", "sigma",
                                                      "lp_approx__", "lp__", "path__"});
  const std::pair<double, double> stan[] = {{0.999647, 0.000982565}, {0.998732, 0.00100604},  {0.998199, 0.0010862},
                                            {0.998844, 0.0010192},   {0.998593, 0.000978024}, {1.04229, 0.0767019}};
  for (std::size_t column = 0; column < 6; ++column) {
    double mean = 0, squares = 0;
    for (std::size_t row = 0; row < 2000; ++row) {
      const double z = (one.draws.at(row, column) - stan[column].first) / stan[column].second;
      mean += z / 2000;
      squares += z * z / 2000;
    }
    INFO(one.draws.columns[column]);
    CHECK(std::abs(mean) < 4 / std::sqrt(one.effective_size));
    CHECK(std::abs(squares - 1) < 0.25);
  }
}

TEST_CASE("a posterior that no normal distribution is near is told") {
  const auto model =
      compiled("parameters { real y; vector[9] x; } model { y ~ normal(0, 3); x ~ normal(0, exp(y / 2)); }");
  const PathfinderResult result = pathfinder(model, {}, {});
  CHECK(result.k_hat > largest_good_k_hat);
  CHECK_THAT(result.warning, Contains("k-hat is") && Contains("`mcmc`"));
}

TEST_CASE("what no path can be found for is an error") {
  CHECK_THROWS_AS(pathfinder(compiled("model { target += 0; }"), {}, {}), UserError);
  CHECK_THROWS_WITH(
      pathfinder(compiled("parameters { real x; } model { target += negative_infinity(); x ~ normal(0, 1); }"), {}, {}),
      Contains("not finite at any of 100 random points"));
  PathfinderOptions none;
  none.paths = 0;
  CHECK_THROWS_AS(pathfinder(compiled("parameters { real x; } model { x ~ normal(0, 1); }"), {}, none), UserError);
}
