// Which positions may change places: more than 60 ways of telling them apart, or not.
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

DimensionKind kind_of_y(const Case& one) {
  const std::string data = one.data.empty() ? "vector[N] x; vector[N] y; array[N] int g; matrix[N, 2] X;" : one.data;
  const std::string::size_type end = one.statements.find(" -- ");
  const std::string before = end == std::string::npos ? "" : one.statements.substr(0, end);
  const std::string model = end == std::string::npos ? one.statements : one.statements.substr(end + 4);
  const Source source("model.sib",
                      "functions { vector twist(vector v) { return v; } real twice(real v) { return 2 * v; } }"
                      "data { int N; " +
                          data + "} transformed data {" + before +
                          "} parameters { real a; real b; real<lower=0> s; vector[3] al; } model { a ~ normal(0, 1); b "
                          "~ normal(0, 1); s ~ exponential(1); al ~ normal(0, 1); " +
                          model + "}");
  const Frontend frontend = compile_to_ir(source);
  INFO(render(frontend.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(frontend.model);
  const Facts& facts = frontend.model->facts;
  return facts.variables.at(static_cast<std::size_t>(facts.find("y"))).dimensions.at(0).kind;
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
};

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
