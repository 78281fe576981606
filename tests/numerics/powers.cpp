// The rules by which distributions are raised to powers (the lines `//^` of stdlib/distributions/), against the
// densities themselves; and which statements of a text are raised.
#include "lang/powers.hpp"
#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/model/density.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

using namespace sibyl;
using Catch::Contains;

namespace {

// The log density of the unconstrained parameters, without the Jacobian, at some points.
std::vector<double> log_density(const std::string& text, const std::vector<std::vector<double>>& points, double power) {
  const CompileResult result = compile(Source("model.sib", text));
  REQUIRE(result.model);
  DataSet data;
  for (const char* name : {prior_power_name, likelihood_power_name}) data.variables[name] = {false, {}, {power}};
  data = conform(std::move(data), result.model->facts(), "data");
  const DataBatch batch = gather(result.model->facts(), std::span(&data, 1));
  Density density(result.model, 0, false);
  const auto lanes = static_cast<std::size_t>(density.lanes());
  density.bind(batch, std::vector<std::size_t>(lanes, 0));
  std::vector<double> values;
  for (const std::vector<double>& point : points) {
    for (std::size_t p = 0; p < point.size(); ++p)
      for (std::size_t lane = 0; lane < lanes; ++lane) density.points()[p * lanes + lane] = point[p];
    density.evaluate(false, false);
    values.push_back(density.value(0));
  }
  return values;
}

std::string raised(const std::string& text) { return with_powers(Source("model.sib", text)).text; }

struct Case {
  const char *declaration, *arguments;
  std::vector<std::vector<double>> points = {{-0.7}, {0.2}, {0.9}, {1.6}}; // unconstrained
};

} // namespace

TEST_CASE("a rule is the density to that power, up to a constant") {
  const std::map<std::string, Case> cases = {
      {"normal", {"real x;", "0.4, 1.7"}},
      {"std_normal", {"real x;", ""}},
      {"lognormal", {"real<lower=0> x;", "0.3, 0.8"}},
      {"exponential", {"real<lower=0> x;", "1.4"}},
      {"gamma", {"real<lower=0> x;", "2.5, 1.3"}},
      {"inv_gamma", {"real<lower=0> x;", "2.5, 1.3"}},
      {"beta", {"real<lower=0, upper=1> x;", "2.5, 1.4"}},
      {"double_exponential", {"real x;", "0.4, 1.7"}},
      {"uniform", {"real<lower=-1, upper=2> x;", "-1, 2"}},
      {"multi_normal", {"vector[2] x;", "[0.3, -1]', [[2, 0.5], [0.5, 1]]", {{0, 1}, {1, -1}, {2, 0.3}}}},
      {"multi_normal_cholesky", {"vector[2] x;", "[0.3, -1]', [[1.4, 0], [0.5, 1]]", {{0, 1}, {1, -1}, {2, 0.3}}}},
  };
  for (const LibraryText& file : library_texts()) {
    if (!file.name.starts_with("distributions/") || file.text.find("//^ ") == std::string_view::npos) continue;
    const std::string name(file.name.substr(14, file.name.size() - 18));
    INFO(name);
    const auto found = cases.find(name);
    REQUIRE(found != cases.end());
    const Case& one = found->second;
    const std::string text =
        "parameters { " + std::string(one.declaration) + " }\nmodel { x ~ " + name + "(" + one.arguments + "); }\n";
    const std::vector<double> plain = log_density(text, one.points, 1);
    for (const double power : {0.6, 1.0, 1.8}) {
      const std::vector<double> with_power = log_density(raised(text), one.points, power);
      for (std::size_t i = 1; i < plain.size(); ++i)
        CHECK(with_power[i] - with_power[0] == Approx(power * (plain[i] - plain[0])).margin(1e-9));
    }
  }
}

TEST_CASE("statements are raised by what they draw, and what cannot be is named") {
  const TextWithPowers found = with_powers(Source("model.sib", R"(data { int<lower=1> N; vector[N] x; vector[N] y; }
design { N ~ discrete_range(5, 9); x ~ normal(0, 1); }
parameters { real a; real b; real<lower=0> tau; vector[3] u; }
model {
  tau ~ exponential(2); a ~ student_t(3, 0, 1);
  u ~ normal(a,
             tau);
  for (i in 1:1) b ~ normal(a, 2);
  y ~ normal(a + b * x, 1.5);
}
)"));
  CHECK(found.has_prior);
  CHECK(found.has_likelihood);
  CHECK_THAT(found.text, Contains("tau ~ exponential(prior_power * (2)); a ~ student_t(3, 0, 1);"));
  CHECK_THAT(found.text, Contains("b ~ normal((a), (2) / sqrt(prior_power));"));
  CHECK_THAT(found.text, Contains("\n  y ~ normal((a + b * x), (1.5) / sqrt(likelihood_power));"));
  CHECK_THAT(found.text, Contains("real<lower=0.5, upper=2> prior_power;"));
  CHECK_THAT(found.text, Contains("likelihood_power ~ uniform(0.5, 2);"));
  REQUIRE(found.notes.size() == 2);
  CHECK(found.notes[0] ==
        "line 5: `a ~ student_t(3, 0, 1);` is not raised to a power: student_t to a power is no student_t");
  CHECK_THAT(found.notes[1], Contains("its constant depends on `tau`, which the data do not give"));
  CHECK(compile(Source("model.sib", found.text)).model);

  // A truncated distribution's mass depends on its location, and so does that of bounded data.
  const std::string cut = "parameters { real a; real<lower=0> b; }\nmodel { a ~ normal(0, 1);\n b ~ normal(a, 1); }\n";
  CHECK_THAT(raised(cut), Contains("b ~ normal(a, 1)") && Contains("a ~ normal((0), (1) / sqrt(prior_power))"));
  // Lines keep their numbers.
  const std::string lines = "parameters { real a; }\nmodel {\n a ~ normal(0,\n\n 1);\n}\n";
  const std::string result = raised(lines);
  CHECK(std::count(result.begin(), result.end(), '\n') == std::count(lines.begin(), lines.end(), '\n'));

  CHECK_THROWS_WITH(raised("parameters { real a; }\nmodel { a ~ cauchy(0, 1); }\n"),
                    Contains("no statement of model.sib can be raised to a power: line 2: `a ~ cauchy(0, 1)"));
  CHECK_THROWS_WITH(raised("data { real prior_power; }\nparameters { real a; }\nmodel { a ~ normal(0, 1); }\n"),
                    Contains("declares `prior_power`"));
}
