// Writes transforms.json: what Stan Math gives for the constrained types and the distributions over them. For each
// point in unconstrained space: the constrained value (column by column), its log Jacobian, and the gradient of
//   sum over i of sin(i) x_i (elements counted from 1, column by column), plus the log Jacobian;
// for each distribution its log density at the constrained value plus the log Jacobian, and the gradient of that.
//
// Compiled by hand against Stan Math's headers (transforms.json came from Stan Math 5.3.0, that of Stan 2.39; the
// transforms are those of 2.37 and later):
//   g++ -std=c++17 -O0 -D_REENTRANT -DBOOST_DISABLE_ASSERTS -Ihttpstan/include make_transforms.cpp \
//     httpstan/lib/libtbb.so.2 -o make_transforms && ./make_transforms > transforms.json
// where httpstan is the folder of that name in httpstan's wheel, which holds the headers.
#include <stan/math.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using stan::math::var;
using Vector = Eigen::Matrix<var, Eigen::Dynamic, 1>;
using Matrix = Eigen::Matrix<var, Eigen::Dynamic, Eigen::Dynamic>;
using Constrain = std::function<Matrix(const Vector&, var&)>;
using LogDensity = std::function<var(const Matrix&)>;

static void print(const char* name, const std::vector<double>& values) {
  std::printf("\"%s\": [", name);
  for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.17g", i ? ", " : "", values[i]);
  std::printf("]");
}

static std::vector<double> point(int size, double scale, int number) {
  std::vector<double> u(size);
  for (int i = 0; i < size; ++i) u[i] = scale * std::sin(1.3 * i + 0.7 * number + 0.5);
  return u;
}

static bool first_entry = true;

static void entry(const std::string& type, const std::string& statement, int size, const Constrain& constrain,
                  const LogDensity& log_density) {
  const double scales[] = {0.4, 1.0, 2.0};
  for (int number = 0; number < 3; ++number) {
    const std::vector<double> u = point(size, scales[number], number);
    Vector parameters(size);
    for (int i = 0; i < size; ++i) parameters(i) = u[i];
    var log_jacobian = 0;
    const Matrix x = constrain(parameters, log_jacobian);
    var value = log_jacobian;
    if (log_density) value += log_density(x);
    else
      for (int i = 0; i < x.size(); ++i) value += std::sin(i + 1.0) * x.coeff(i);
    stan::math::set_zero_all_adjoints();
    value.grad();
    std::vector<double> elements, gradient;
    for (int i = 0; i < x.size(); ++i) elements.push_back(x.coeff(i).val());
    for (int i = 0; i < size; ++i) gradient.push_back(parameters(i).adj());
    std::printf("%s  {\"type\": \"%s\", \"statement\": \"%s\", ", first_entry ? "" : ",\n", type.c_str(),
                statement.c_str());
    first_entry = false;
    print("unconstrained", u);
    std::printf(", ");
    print("constrained", elements);
    std::printf(", \"log_jacobian\": %.17g, \"value\": %.17g, ", log_jacobian.val(), value.val());
    print("gradient", gradient);
    std::printf("}");
    stan::math::recover_memory();
  }
}

static std::string of_size(const std::string& name, int k) { return name + "[" + std::to_string(k) + "]"; }

static Eigen::MatrixXd scale_matrix(int k) {
  Eigen::MatrixXd s = Eigen::MatrixXd::Identity(k, k);
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < k; ++j) s(i, j) = (i == j ? 1 + 0.5 * i : 0.3 / (1 + std::abs(i - j)));
  return s;
}
static Eigen::VectorXd ramp(int k, double from, double step) {
  Eigen::VectorXd v(k);
  for (int i = 0; i < k; ++i) v(i) = from + step * i;
  return v;
}

int main() {
  using namespace stan::math;
  const auto simplex = [](const Vector& u, var& lp) { return Matrix(simplex_constrain(u, lp)); };
  const auto corr = [](int k) {
    return [k](const Vector& u, var& lp) { return Matrix(corr_matrix_constrain(u, k, lp)); };
  };
  const auto cov = [](int k) {
    return [k](const Vector& u, var& lp) { return Matrix(cov_matrix_constrain(u, k, lp)); };
  };
  const auto corr_factor = [](int k) {
    return [k](const Vector& u, var& lp) { return Matrix(cholesky_corr_constrain(u, k, lp)); };
  };
  const auto factor = [](int m, int n) {
    return [m, n](const Vector& u, var& lp) { return Matrix(cholesky_factor_constrain(u, m, n, lp)); };
  };
  const auto plain = [](const Vector& u, var&) { return Matrix(u); };
  std::printf("[\n");
  for (const int k : {1, 2, 3, 6}) {
    const int pairs = k * (k - 1) / 2;
    entry(of_size("simplex", k), "", k - 1, simplex, {});
    entry(of_size("ordered", k), "", k, [](const Vector& u, var& lp) { return Matrix(ordered_constrain(u, lp)); }, {});
    entry(of_size("positive_ordered", k), "", k,
          [](const Vector& u, var& lp) { return Matrix(positive_ordered_constrain(u, lp)); }, {});
    entry(of_size("unit_vector", k), "", k,
          [](const Vector& u, var& lp) { return Matrix(unit_vector_constrain(u, lp)); }, {});
    entry(of_size("sum_to_zero_vector", k), "", k - 1,
          [](const Vector& u, var& lp) { return Matrix(sum_to_zero_constrain(u, lp)); }, {});
    entry(of_size("cholesky_factor_corr", k), "", pairs, corr_factor(k), {});
    entry(of_size("corr_matrix", k), "", pairs, corr(k), {});
    entry(of_size("cholesky_factor_cov", k), "", pairs + k, factor(k, k), {});
    entry(of_size("cov_matrix", k), "", pairs + k, cov(k), {});
  }
  entry("cholesky_factor_cov[5, 3]", "", 12, factor(5, 3), {});

  const Eigen::VectorXd alpha = ramp(4, 0.5, 0.75), mu = ramp(3, -1, 0.5);
  const Eigen::MatrixXd s = scale_matrix(3), l = s.llt().matrixL();
  const std::string given_alpha = "[0.5, 1.25, 2.0, 2.75]'", given_mu = "[-1.0, -0.5, 0.0]'",
                    given_s = "[[1.0, 0.15, 0.1], [0.15, 1.5, 0.15], [0.1, 0.15, 2.0]]";
  entry("simplex[4]", "x ~ dirichlet(" + given_alpha + ");", 3, simplex,
        [&](const Matrix& x) { return dirichlet_lpdf<false>(Vector(x.col(0)), alpha); });
  for (const double eta : {0.5, 1.0, 2.5})
    for (const int k : {2, 4}) {
      const std::string given = std::to_string(eta);
      entry(of_size("corr_matrix", k), "x ~ lkj_corr(" + given + ");", k * (k - 1) / 2, corr(k),
            [&](const Matrix& x) { return lkj_corr_lpdf<false>(x, eta); });
      entry(of_size("cholesky_factor_corr", k), "x ~ lkj_corr_cholesky(" + given + ");", k * (k - 1) / 2,
            corr_factor(k), [&](const Matrix& x) { return lkj_corr_cholesky_lpdf<false>(x, eta); });
    }
  entry("vector[3]", "x ~ multi_normal(" + given_mu + ", " + given_s + ");", 3, plain,
        [&](const Matrix& x) { return multi_normal_lpdf<false>(Vector(x.col(0)), mu, s); });
  entry("vector[3]", "x ~ multi_normal_cholesky(" + given_mu + ", cholesky_decompose(" + given_s + "));", 3, plain,
        [&](const Matrix& x) { return multi_normal_cholesky_lpdf<false>(Vector(x.col(0)), mu, l); });
  entry("vector[3]", "x ~ multi_normal_prec(" + given_mu + ", " + given_s + ");", 3, plain,
        [&](const Matrix& x) { return multi_normal_prec_lpdf<false>(Vector(x.col(0)), mu, s); });
  entry("vector[3]", "x ~ multi_student_t(3.5, " + given_mu + ", " + given_s + ");", 3, plain,
        [&](const Matrix& x) { return multi_student_t_lpdf<false>(Vector(x.col(0)), 3.5, mu, s); });
  entry("cov_matrix[3]", "x ~ wishart(4.5, " + given_s + ");", 6, cov(3),
        [&](const Matrix& x) { return wishart_lpdf<false>(x, 4.5, s); });
  entry("cov_matrix[3]", "x ~ inv_wishart(4.5, " + given_s + ");", 6, cov(3),
        [&](const Matrix& x) { return inv_wishart_lpdf<false>(x, 4.5, s); });
  entry("vector[3]", "x ~ multi_student_t_cholesky(3.5, " + given_mu + ", cholesky_decompose(" + given_s + "));", 3,
        plain, [&](const Matrix& x) { return multi_student_t_cholesky_lpdf<false>(Vector(x.col(0)), 3.5, mu, l); });
  entry("cholesky_factor_cov[3]", "x ~ wishart_cholesky(4.5, cholesky_decompose(" + given_s + "));", 6, factor(3, 3),
        [&](const Matrix& x) { return wishart_cholesky_lpdf<false>(x, 4.5, l); });
  entry("cholesky_factor_cov[3]", "x ~ inv_wishart_cholesky(4.5, cholesky_decompose(" + given_s + "));", 6,
        factor(3, 3), [&](const Matrix& x) { return inv_wishart_cholesky_lpdf<false>(x, 4.5, l); });
  const auto rows = [](const Vector& u, var&) {
    Matrix x(2, 3);
    for (int i = 0; i < 6; ++i) x(i % 2, i / 2) = u(i);
    return x;
  };
  const Eigen::VectorXd weights = ramp(2, 0.5, 1.5);
  entry("matrix[2, 3]", "x ~ multi_gp(" + given_s + ", [0.5, 2.0]');", 6, rows,
        [&](const Matrix& x) { return multi_gp_lpdf<false>(x, s, weights); });
  entry("matrix[2, 3]", "x ~ multi_gp_cholesky(cholesky_decompose(" + given_s + "), [0.5, 2.0]');", 6, rows,
        [&](const Matrix& x) { return multi_gp_cholesky_lpdf<false>(x, l, weights); });
  entry("cov_matrix[3]", "[0.5, -0.25, 1.0]' ~ multi_normal(" + given_mu + ", x);", 6, cov(3), [&](const Matrix& x) {
    Eigen::VectorXd y(3);
    y << 0.5, -0.25, 1;
    return multi_normal_lpdf<false>(y, mu, x);
  });
  entry("cholesky_factor_cov[3]", "[0.5, -0.25, 1.0]' ~ multi_normal_cholesky(" + given_mu + ", x);", 6, factor(3, 3),
        [&](const Matrix& x) {
          Eigen::VectorXd y(3);
          y << 0.5, -0.25, 1;
          return multi_normal_cholesky_lpdf<false>(y, mu, x);
        });
  std::printf("\n]\n");
}
