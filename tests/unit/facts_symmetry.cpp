// Which positions may change places: more than 100 ways of telling them apart, or not, and texts as they are written
// every day. Where positions may, the density is the same when they do.
#include "tests/unit/permuted_density.hpp"

#include "compiler/compile.hpp"
#include "lang/diagnostic.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;

namespace {

struct Case {
  std::string statements; // of the model, or or of transformed data, `--`, and the model
  bool exchangeable;      // of y
  std::string data = "";
};

std::string text_of(const Case& one) {
  const std::string data = one.data.empty() ? "vector[N] x; vector[N] y; array[N] int g; matrix[N, 2] X;" : one.data;
  const std::string::size_type end = one.statements.find(" -- ");
  const std::string before = end == std::string::npos ? "" : one.statements.substr(0, end);
  const std::string model = end == std::string::npos ? one.statements : one.statements.substr(end + 4);
  return "functions { vector twist(vector v) { vector[size(v)] r = v; r[1] = 2 * v[1]; return r; } real twice(real v) "
         "{ "
         "return 2 * v; } vector line(vector v, real p, real q) { return p + q * v; } vector curve(vector v, real p) { "
         "int n = rows(v); vector[n] r; for (i in 1:n) r[i] = p * exp(-v[i]); return r; } vector first(int n, vector "
         "v) {"
         "vector[n] r; for (i in 1:n) r[i] = v[i]; return r; } vector walk(vector v) { vector[rows(v)] r; real t = 0; "
         "for "
         "(i in 1:rows(v)) { t += v[i]; r[i] = t; } return r; } real all_lpdf(vector v, real p) { real t = 0; for (i "
         "in "
         "1:size(v)) t += normal_lpdf(v[i] | p, 1); return t; } real late_lpdf(vector v, real p) { real t = 0; for (i "
         "in "
         "1:size(v)) t += i * normal_lpdf(v[i] | p, 1); return t; } void add_lp(vector v, real p) { for (i in "
         "1:size(v)) "
         "target += i * normal_lpdf(v[i] | p, 1); } real one(vector v, int k) { return v[k]; } real early(vector v) { "
         "for "
         "(i in 1:size(v)) if (v[i] > 1) return v[i]; return 0; } }"
         "data { int N; " +
         data + "} transformed data {" + before +
         "} parameters { real a; real b; real<lower=0> s; vector[3] al; } model { a ~ normal(0, 1); b "
         "~ normal(0, 1); s ~ exponential(1); al ~ normal(0, 1); " +
         model + "}";
}

DimensionKind kind_of_y(const Case& one) {
  const Source source("model.sib", text_of(one));
  const Frontend frontend = compile_to_ir(source);
  INFO(render(frontend.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(frontend.model);
  const Facts& facts = frontend.model->facts;
  return facts.variables.at(static_cast<std::size_t>(facts.find("y"))).dimensions.at(0).kind;
}

// Data that fit the declarations: N of 7, other sizes of 3, ints that are groups or counts of one to three.
DataSet some_data(const Facts& facts) {
  DataSet data;
  std::uint32_t state = 1;
  const auto next = [&] { return static_cast<double>((state = state * 1664525 + 1013904223) >> 8) / (1 << 24); };
  for (const VariableFact& variable : facts.variables) {
    if (variable.role != Role::observed && variable.role != Role::design && variable.role != Role::underlying) continue;
    if (variable.is_computed) continue;
    Tensor tensor{variable.is_integer, {}, {}};
    std::size_t count = 1;
    for (const DimensionFact& dimension : variable.dimensions) {
      const double size = dimension.constant_size ? static_cast<double>(*dimension.constant_size)
                                                  : data.variables.at(dimension.size).values.at(0);
      tensor.extents.push_back(static_cast<std::int64_t>(size));
      count *= static_cast<std::size_t>(size);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_binary = variable.constant_upper == 1.0;
      const double drawn = next();
      tensor.values.push_back(variable.name == "N"     ? 7
                              : tensor.extents.empty() ? 3
                              : variable.is_integer    ? std::floor(drawn * (is_binary ? 2 : 3)) + !is_binary
                                                       : 0.1 + 0.8 * drawn);
    }
    data.variables[variable.name] = tensor;
  }
  return data;
}

void require_unchanged_by_permuting(const std::string& text) {
  const Source source("model.sib", text);
  const CompileResult result = compile(source);
  INFO(render(result.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(result.model);
  if (!result.model->facts().has_density) return;
  CHECK(test::change_by_permuting(result.model, some_data(result.model->facts())) < 1e-12);
}

const std::vector<Case> cases = {
    {"y ~ normal(a + b * x, s);", true},
    {"for (n in 1:N) y[n] ~ normal(a + b * x[n], s);", true},
    {"for (n in 1:size(y)) y[n] ~ normal(twice(x[n]), s);", true},
    {"y ~ normal(al[g] + X * [a, b]', s);", true},
    {"for (n in 1:N) y[n] ~ normal(X[n] * [a, b]', s);", true},
    {"y ~ normal(a + b * (x - mean(x)) / sd(x), s);", true},
    {"vector[N] z = (x - mean(x)) / sd(x); -- y ~ normal(a + b * z, s);", true},
    {"vector[N] z; z ~ normal(a, 1); y ~ normal(z, s);", true},
    {"vector[N] z; for (n in 1:N) z[n] ~ normal(a, 1); for (n in 1:N) y[n] ~ normal(z[n], s);", true},
    {"vector[N] e; e ~ normal(0, 1); for (n in 1:N) y[n] = a + b * x[n] + s * e[n];", true},
    {"for (n in 1:N) target += log_mix(inv_logit(a), normal_lpdf(y[n] | b, s), normal_lpdf(y[n] | 0, s));", true},
    {"real t = 0; for (v in x) t += v; y ~ normal(a + b * t, s);", true},
    {"y ~ normal(a, s); x ~ normal(b, s);", true},
    {"y ~ normal(a, s); for (n in 1:N) for (m in 1:N) target += -square(y[n] - y[m]);", true},
    {"for (n in 1:10) y[n] ~ normal(a + b * x[n], s);", true, "vector[10] x; vector[10] y;"},
    {"real z; for (n in 1:N) { z = a + b * x[n]; y[n] ~ normal(z, s); }", true},
    {"real z; for (n in 1:N) { z ~ normal(a, 1); y[n] ~ normal(z, s); }", true},
    {"real z; z ~ normal(0, 1); for (n in 1:N) { z ~ normal(z, 1); y[n] ~ normal(z, s); }", false},
    {"real z; z ~ normal(0, 1); for (n in 1:N) { y[n] ~ normal(z, s); z ~ normal(0, 1); }", false},
    {"real z; z ~ normal(0, 1); for (n in 1:N) { if (x[n] > 0) z ~ normal(0, 1); y[n] ~ normal(z, s); }", false},
    {"real z = 0; for (n in 1:N) { z ~ normal(x[n], 1); y[n] ~ normal(a, s); } target += z;", false},
    {"real z = 0; for (n in 1:N) { z = x[n]; y[n] ~ normal(a, s); } target += a * z;", false},
    {"vector[3] z; z ~ normal(0, 1); for (n in 1:N) { z[1] ~ normal(z[2], 1); y[n] ~ normal(z[1], s); }", false},
    {"real z = 0; for (n in 1:N) { for (m in 1:N) { z = b * z + x[m]; } y[n] ~ normal(z, s); }", false},
    {"y ~ normal(a * x + rank(x, 1), s);", false},
    {"y ~ normal(a * x + rank(y, 1), s);", false},
    {"for (n in 1:N) y[n] ~ normal(a * x[n] + rank(x, n), s);", false},
    {"for (n in 1:N) y[n] ~ normal(a * x[n] + rank(x, K), s);", false,
     "int<lower=1, upper=N> K; vector[N] x; vector[N] y;"},
    {"vector[N] e; e ~ normal(0, 1); y = s * sort_asc(e);", false},
    {"vector[N] e; e ~ normal(0, 1); y = s * e; y[K] = 0;", false, "int<lower=1, upper=N> K; vector[N] y;"},
    {"for (n in 1:N) for (m in 1:N) y[n, m] ~ normal(a, s);", false, "matrix[N, N] y;"},
    {"for (n in 1:N) y[n] ~ normal(a + b * x[N - n + 1], s);", false},
    {"for (n in 1:N) { int k = N - n + 1; y[n] ~ normal(a + b * x[k], s); }", false},
    {"y ~ normal(a + b * reverse(x), s);", false},
    {"y ~ normal(a + b * twist(x), s);", false},
    {"y ~ normal(a + b * cumulative_sum(x), s);", false},
    {"vector[N] z = cumulative_sum(x); -- y ~ normal(a + b * z, s);", false},
    {"vector[N] z = sort_asc(x); -- y ~ normal(a + b * z, s);", false},
    {"vector[N] t; for (n in 1:N) t[n] = n; -- y ~ normal(a + b * t, s);", false},
    {"vector[N] t = linspaced_vector(N, 0, 1); -- y ~ normal(a + b * t, s);", false},
    {"y ~ normal(a + b * append_row(0, head(x, N - 1)), s);", false},
    {"y ~ normal(a + b * append_row(0, x[1:(N - 1)]), s);", false},
    {"y ~ normal(N > 10 ? a + x : b * reverse(x), s);", false},
    {"for (n in 1:N) target += n * normal_lpdf(y[n] | a, s);", false},
    {"for (n in 1:N) y[n] ~ normal(a, s * n);", false},
    {"for (n in 1:N) y[n] ~ normal(n < 10 ? a : b, s);", false},
    {"for (n in 1:N) if (n > 5) y[n] ~ normal(a, s); else y[n] ~ normal(b, s);", false},
    {"for (n in 1:5) y[n] ~ normal(a, s); for (n in 6:N) y[n] ~ normal(b, s);", false},
    {"for (n in 1:N) { if (x[n] > 3) break; y[n] ~ normal(a, s); }", false},
    {"for (n in 1:K) y[n] ~ normal(a + b * x[n], s);", false, "int K; vector[N] x; vector[N] y;"},
    {"y[1] ~ normal(0, 1); for (n in 2:N) y[n] ~ normal(b * y[n - 1], s);", false},
    {"y[1] ~ normal(0, 1); y[2:N] ~ normal(a + b * y[1:(N - 1)], s);", false},
    {"y ~ normal(a, s); for (n in 2:N) target += -square(y[n] - y[n - 1]);", false},
    {"real m = a; for (n in 1:N) { y[n] ~ normal(m, s); m = b * m + x[n]; }", false},
    {"real m = 1; for (n in 1:N) { m = -m; y[n] ~ normal(a * m, s); }", false},
    {"int k = 0; for (n in 1:N) { k += 1; y[n] ~ normal(a * k, s); }", false},
    {"int k = 0; real t = 0; for (v in x) { k += 1; t += k * v; } y ~ normal(a + b * t, s);", true},
    {"int k = 0; for (v in y) { k += 1; target += normal_lpdf(v | a * k, s); }", false},
    {"vector[N] z; z[1] ~ normal(0, 1); for (n in 2:N) z[n] ~ normal(z[n - 1], 1);"
     "for (n in 1:N) y[n] ~ normal(z[n], s);",
     false},
    {"vector[N] z; real p = 0; for (n in 1:N) { z[n] ~ normal(p, 1); p = z[n]; } y ~ normal(z, s);", false},
    {"vector[N] z; z ~ normal(0, 1); y ~ normal(cumulative_sum(z), s);", false},
    {"real t = 0; for (n in 1:N) { real e; e ~ normal(0, 1); t += s * e; y[n] = t; }", false},
    {"int k = 1; for (j in 1:J) for (i in 1:n[j]) { y[k] ~ normal(a, s); k += 1; }", false,
     "int J; array[J] int n; vector[N] y;"},
    {"for (j in 1:J) y[p[j]:(p[j] + n[j] - 1)] ~ normal(a * j, s);", false,
     "int J; array[J] int p; array[J] int n; vector[N] y;"},
    // Columns that meet in what is computed from them.
    {"vector[N] z = x .* u; -- y ~ normal(a + b * z + u, s);", true, "vector[N] x; vector[N] u; vector[N] y;"},
    {"vector[N] z = x .* u; -- for (n in 1:N) y[n] ~ normal(a + b * z[n], s);", true,
     "vector[N] x; vector[N] u; vector[N] y;"},
    {"vector[N] m = a + b * x; for (n in 1:N) y[n] ~ normal(m[n], s);", true},
    {"vector[N] m = al[g] + b * x; for (n in 1:N) y[n] ~ normal(m[n], s);", true,
     "vector[N] x; vector[N] y; array[N] int<lower=1, upper=3> g;"},
    {"matrix[N, 2] Z; for (k in 1:2) Z[, k] = X[, k] - mean(X[, k]); -- for (n in 1:N) y[n] ~ normal(Z[n] * [a, b]', "
     "s);",
     true},
    {"y ~ normal(a + b * X[, 1] + s * col(X, 2), s);", true},
    {"y ~ normal(a + rows_dot_product(X, X) * b, s);", true},
    {"y ~ normal(columns_dot_product(X', X')' * b, s);", true},
    {"vector[N] m = rep_vector(a, N); m += b * x; for (n in 1:N) m[n] += al[g[n]]; y ~ normal(m, s);", true,
     "vector[N] x; vector[N] y; array[N] int<lower=1, upper=3> g;"},
    {"real l = 0; for (n in 1:N) l = l + normal_lpdf(y[n] | a + b * x[n], s); target += l;", true},
    {"vector[3] l = rep_vector(0, 3); for (n in 1:N) l[g[n]] += normal_lpdf(y[n] | a, s); target += sum(l);", true,
     "vector[N] y; array[N] int<lower=1, upper=3> g;"},
    {"vector[3] l = rep_vector(0, 3); for (n in 1:N) l[g[n]] = b * l[g[n]] + normal_lpdf(y[n] | a, s); target += "
     "sum(l);",
     false},
    {"vector[3] l = rep_vector(0, 3); for (n in 1:N) l[1] = l[2] + normal_lpdf(y[n] | a, s); target += sum(l);", false},
    // Bodies of functions.
    {"y ~ normal(line(x, a, b), s);", true},
    {"y ~ normal(line(line(x, a, b), b, a), s);", true},
    {"y ~ normal(curve(x, a), s);", true},
    {"y ~ normal(first(N, x), s);", true},
    {"y ~ normal(first(K, x), s);", false, "int K; vector[N] x; vector[N] y;"},
    {"y ~ normal(walk(x), s);", false},
    {"y ~ normal(a * x + b * one(x, K), s);", false, "int<lower=1, upper=N> K; vector[N] x; vector[N] y;"},
    {"y ~ normal(a * x + b * early(x), s);", false},
    {"y ~ normal(cumulative_sum(x), s);", false},
    {"y ~ all(a);", true},
    {"y ~ late(a);", false},
    {"y ~ normal(a, s); add_lp(y, b);", false},
    {"int n = N; for (i in 1:n) y[i] ~ normal(a + b * x[i], s);", true},
    {"int n = N; n = n - 1; for (i in 1:n) y[i] ~ normal(a + b * x[i], s);", false},
    // One loop within another, both over the positions.
    {"vector[N] z = rep_vector(0, N); for (n in 1:N) for (m in 1:N) z[n] = b * z[n] + x[m]; y ~ normal(z, s);", false},
    {"vector[N] z = rep_vector(0, N); for (n in 1:N) for (m in 1:N) z[n] += b * x[m]; y ~ normal(z, s);", true},
    {"for (n in 1:N) for (m in 1:N) target += -0.5 * square(y[n] - y[m]); for (n in 1:N) y[n] ~ normal(a, s);", true},
    {"for (n in 1:N) for (m in 1:n) target += -square(y[n] - b * y[m]); y ~ normal(a, s);", false},
    // Draws are not alike, though their distributions are.
    {"vector[N] z; z ~ normal(rep_vector(a, N), 1); for (n in 1:N) y[n] ~ normal(z[n] + z[1], s);", false},
    {"array[2] vector[N] z; for (k in 1:2) z[k] ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(z[1, n] + z[2, 1], s);",
     false},
    {"array[2] vector[N] z; for (k in 1:2) z[k] ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(z[1, n] + z[2, n], s);",
     true},
    // Bounds of a truncated distribution move along.
    {"for (n in 1:N) y[n] ~ normal(a, s) T[-x[n], ];", true},
    {"for (n in 1:N) y[n] ~ normal(a, s) T[-x[N - n + 1], ];", false},
    // Equations.
    {"y ~ normal(a + b * (X * ((X' * X) \\ (X' * x))), s);", true, "matrix[N, 2] X; vector[N] x; vector[N] y;"},
    {"y ~ normal(a + b * (M \\ x), s);", false, "matrix[N, N] M; vector[N] x; vector[N] y;"},
};

struct Text {
  std::string parameters, model;
  std::string data;
  std::string kinds; // of y's dimensions: e, s, f
};

const std::string hierarchical = "real<lower=0> sigma; real mu; real<lower=0> tau; ";
const std::string priors = "sigma ~ exponential(1); mu ~ normal(0, 1); tau ~ exponential(1); ";
const std::vector<Text> everyday = {
    {"matrix[J, 2] b;",
     "to_vector(b) ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(b[g[n], 1] + b[g[n], 2] * x[n], sigma);",
     "int J; array[N] int<lower=1, upper=J> g; vector[N] x; vector[N] y;", "e"},
    {"matrix[J, 2] b;", "to_vector(b) ~ normal(0, 1); y ~ normal(b[g, 1] + b[g, 2] .* x, sigma);",
     "int J; array[N] int<lower=1, upper=J> g; vector[N] x; vector[N] y;", "e"},
    {"matrix[N, 2] b;",
     "to_vector(b) ~ normal(mu, tau); for (j in 1:N) y[j] ~ normal(b[j, 1] + b[j, 2] * x[j], sigma);",
     "vector[N] x; vector[N] y;", "f"},
    {"matrix[J, 2] b;",
     "to_vector(b) ~ normal(mu, tau); for (j in 1:J) y[j] ~ normal(b[j, 1] + b[j, 2] * x[j], sigma);",
     "int J; array[J] vector[N] x; array[J] vector[N] y;", "fe"},
    {"matrix[J, 2] b;",
     "to_vector(b) ~ normal(mu, tau); for (j in 1:J) for (n in 1:N) y[j, n] ~ normal(b[j, 1] + b[j, 2] * x[j, n], "
     "sigma);",
     "int J; matrix[J, N] x; matrix[J, N] y;", "fe"},
    {"",
     "vector[J] a; vector[J] b; a ~ normal(mu, tau); b ~ normal(0, 1); for (j in 1:J) y[j] ~ normal(a[j] + b[j] * "
     "x[j], sigma);",
     "int J; matrix[J, N] x; matrix[J, N] y;", "ee"},
    {"vector[J] a; vector[J] b;",
     "a ~ normal(mu, tau); b ~ normal(0, 1); vector[N] m = a[g] + b[g] .* x; for (n in 1:N) y[n] ~ normal(m[n], "
     "sigma);",
     "int J; array[N] int<lower=1, upper=J> g; vector[N] x; vector[N] y;", "e"},
    {"vector[N] a;", "a ~ normal(mu, tau); for (n in 1:N) y[n] ~ normal(a[n] + mu * x[n], se[n]);",
     "vector[N] x; vector<lower=0>[N] se; vector[N] y;", "f"},
    {"vector[J] a; real g0;",
     "for (j in 1:J) a[j] ~ normal(g0 + mu * u[j], tau); for (n in 1:N) y[n] ~ normal(a[g[n]], sigma);",
     "int J; array[N] int<lower=1, upper=J> g; vector[J] u; vector[N] y;", "e"},
    {"real phi;", "y[1] ~ normal(mu, sigma); for (t in 2:N) y[t] ~ normal(mu + phi * y[t - 1] + tau * x[t], sigma);",
     "vector[N] x; vector[N] y;", "s"},
    {"real phi;", "for (t in 1:N) y[t] ~ normal(mu + phi * time[t], sigma);", "vector[N] time; vector[N] y;", "e"},
    {"real phi;", "for (t in 1:N) y[t] ~ normal(mu + phi * t, sigma);", "vector[N] y;", "f"},
    {"vector[2] b;", "b ~ normal(0, 1); for (n in 1:N) y[n] ~ normal(mu + X[n] * b, sigma);",
     "matrix[N, 2] X; vector[N] y;", "e"},
    {"vector[2] b;", "b ~ normal(0, 1); for (n in 1:N) y[n] ~ bernoulli_logit(mu + dot_product(X[n], b));",
     "array[N] row_vector[2] X; array[N] int<lower=0, upper=1> y;", "e"},
    {"vector[2] b;", "b ~ normal(0, 1); y ~ normal_id_glm(X, mu, b, sigma);", "matrix[N, 2] X; vector[N] y;", "e"},
    {"real b;", "for (n in 1:N) y[n] ~ normal(mu + b * x[n], sigma); for (i in 1:N) k[i] ~ poisson_log(mu + b * x[i]);",
     "vector[N] x; vector[N] y; array[N] int<lower=0> k;", "e"},
    {"vector[J] t; vector[K] b;", "t ~ normal(0, 1); b ~ normal(0, 1); y ~ bernoulli_logit(t[jj] - b[kk]);",
     "int J; int K; array[N] int<lower=1, upper=J> jj; array[N] int<lower=1, upper=K> kk; array[N] int<lower=0, "
     "upper=1> y;",
     "e"},
    {"vector[J] t; vector[N] b;",
     "t ~ normal(0, 1); b ~ normal(0, 1); for (j in 1:J) for (n in 1:N) y[j, n] ~ bernoulli_logit(t[j] - b[n]);",
     "int J; array[J, N] int<lower=0, upper=1> y;", "ff"},
    {"", "for (j in 1:J) for (n in 1:N) y[j, n] ~ normal(mu + tau * time[n], sigma);",
     "int J; vector[N] time; matrix[J, N] y;", "ee"},
    {"", "for (j in 1:J) { y[j, 1] ~ normal(0, sigma); for (n in 2:N) y[j, n] ~ normal(mu * y[j, n - 1], sigma); }",
     "int J; matrix[J, N] y;", "es"},
    {"ordered[2] c; vector[2] b;",
     "c ~ normal(0, 2); b ~ normal(0, 1); for (n in 1:N) y[n] ~ ordered_logistic(X[n] * b, c);",
     "array[N] int<lower=1, upper=3> y; matrix[N, 2] X;", "e"},
    {"", "for (n in 1:N) { if (k[n] == 1) y[n] ~ normal(mu, sigma); else y[n] ~ normal(mu, tau); }",
     "array[N] int k; vector[N] y;", "e"},
    {"", "y ~ multi_normal(rep_vector(mu, N), add_diag(gp_exp_quad_cov(x, sigma, tau), 0.1));",
     "array[N] real x; vector[N] y;", "f"},
};

std::string text_of(const Text& one) {
  return "data { int N; " + one.data + " } parameters { " + hierarchical + one.parameters + " } model { " + priors +
         one.model + " }";
}

} // namespace

TEST_CASE("what a parameter's bounds or size look at is told apart") {
  for (const auto& [declaration, exchangeable] :
       std::vector<std::pair<std::string, bool>>{{"real<lower=min(x)> a;", true},
                                                 {"real<lower=x[1]> a;", false},
                                                 {"vector<lower=x>[N] a;", false},
                                                 {"vector[g[1]] a;", false}}) {
    const Source source("model.sib", "data { int N; vector[N] x; array[N] int g; vector[N] y; } parameters { " +
                                         declaration + " } model { y ~ normal(x + to_vector(g), 1); }");
    const Frontend frontend = compile_to_ir(source);
    INFO(declaration);
    REQUIRE(frontend.model);
    const Facts& facts = frontend.model->facts;
    const auto kind = facts.variables.at(static_cast<std::size_t>(facts.find("y"))).dimensions.at(0).kind;
    CHECK((kind == DimensionKind::exchangeable) == exchangeable);
  }
}

TEST_CASE("positions are exchangeable where no statement tells them apart, and only there") {
  for (const Case& one : cases) {
    INFO(one.statements);
    CHECK((kind_of_y(one) == DimensionKind::exchangeable) == one.exchangeable);
  }
}

TEST_CASE("regressions and hierarchical models of every day: which of their dimensions are exchangeable") {
  for (const Text& one : everyday) {
    const Source source("model.sib", text_of(one));
    INFO(source.text());
    const Frontend frontend = compile_to_ir(source);
    INFO(render(frontend.diagnostics, {&source}, RenderStyle::plain));
    REQUIRE(frontend.model);
    const Facts& facts = frontend.model->facts;
    std::string kinds;
    for (const DimensionFact& dimension : facts.variables.at(static_cast<std::size_t>(facts.find("y"))).dimensions)
      kinds += "esf"[static_cast<int>(dimension.kind)];
    CHECK(kinds == one.kinds);
    // What is read side by side is one plate: each column of as many rows has the same kind.
    if (one.kinds != "e") continue;
    for (const VariableFact& variable : facts.variables)
      if (variable.role == Role::design && !variable.dimensions.empty() && variable.dimensions[0].size == "N")
        CHECK(variable.dimensions[0].kind == DimensionKind::exchangeable);
  }
}

TEST_CASE("the density is the same when exchangeable positions change places") {
  for (const Case& one : cases) {
    if (!one.exchangeable) continue;
    INFO(one.statements);
    require_unchanged_by_permuting(text_of(one));
  }
  for (const Text& one : everyday) {
    INFO(one.model);
    require_unchanged_by_permuting(text_of(one));
  }
}
