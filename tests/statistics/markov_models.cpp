// Chains over compiled models: against posteriordb's reference draws (10 chains of 1,000 draws of Stan's, their means,
// Monte Carlo errors and sds below), and against a closed form.
//
// Seeds are fixed. Under another seed a mean would fail with a probability of 6e-5 (four errors of both), an sd with
// one of about 1e-3 (8%, at an error of 1.6% to 2.5% of both): all together fail by chance in less than 2% of seeds.
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/npz.hpp"
#include "runtime/mcmc/chees.hpp"
#include "runtime/mcmc/model_chains.hpp"
#include "runtime/mcmc/stan_csv.hpp"
#include "tests/compiled.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

using namespace sibyl;
using namespace sibyl::mcmc;
using Catch::Contains;
using test::compiled;

namespace {

const std::string folder = SIBYL_SOURCE_DIR "/tests/models/posteriordb/";

ModelChainsOptions options(std::uint64_t seed) {
  ModelChainsOptions result;
  result.seed = seed;
  result.threads = 2;
  return result;
}

std::map<std::string, ChainSummary> summaries(const ModelChains& chains, const Facts& facts,
                                              const ChainOptions& options) {
  std::map<std::string, ChainSummary> result;
  for (const QuantitySummary& one : report(chains, facts, options, Outputs::all, 1).quantities)
    result[one.column] = one.summary;
  return result;
}

struct Reference {
  std::string column;
  double mean, error, sd;
};

void check_posterior(const std::string& name, const std::string& data_name, const std::vector<Reference>& references) {
  INFO(name);
  const auto model = compiled(read_file(folder + name + ".stan"));
  const DataSet data = read_data_sets(folder + "data/" + data_name + ".json", model->facts()).data_sets.front();
  const ModelChainsOptions chosen = options(20);
  const ModelChains chains = sample_chains(model, data, chosen);
  CHECK(chains.failed.count() == 0);
  const auto found = summaries(chains, model->facts(), chosen);
  for (const Reference& one : references) {
    INFO(one.column);
    REQUIRE(found.contains(one.column));
    const ChainSummary& ours = found.at(one.column);
    CHECK(std::abs(ours.mean - one.mean) < 4 * std::hypot(ours.mean_error, one.error));
    CHECK(std::abs(ours.sd / one.sd - 1) < 0.08);
    CHECK(ours.rhat < 1.02);
  }
}

// Eight observations of a normal with a known sd: mu ~ normal(2 sum / 3 ..., ...) in closed form.
constexpr char conjugate[] = R"(
data { int<lower=1> N; vector[N] y; }
parameters { real mu; }
transformed parameters { real<lower=0> size = abs(mu); }
model { mu ~ normal(0, 2); y ~ normal(mu, 1); }
generated quantities { real next = normal_rng(mu, 1); }
)";

DataSet conjugate_data() { return {"1", {{"N", {true, {}, {4}}}, {"y", {false, {4}, {0.5, 1.5, 1.0, 2.2}}}}}; }

} // namespace

TEST_CASE("posteriordb: an autoregression, eight schools, a regression") {
  check_posterior("arK-arK", "arK",
                  {{"alpha", -0.00071865, 0.00011, 0.0107082},
                   {"beta.1", 0.692163, 0.00072, 0.0705509},
                   {"beta.3", 0.105816, 0.00092, 0.0930826},
                   {"beta.5", -0.301512, 0.0007, 0.0698831},
                   {"sigma", 0.150567, 8e-05, 0.00777472}});
  check_posterior("eight_schools-eight_schools_noncentered", "eight_schools",
                  {{"theta.1", 6.1505, 0.056, 5.61586},
                   {"theta.3", 3.90591, 0.054, 5.28071},
                   {"theta.8", 4.884, 0.054, 5.31769},
                   {"mu", 4.41052, 0.033, 3.3093},
                   {"tau", 3.60206, 0.032, 3.19848}});
  check_posterior("sblrc-blr", "sblrc",
                  {{"beta.1", 0.999647, 1e-05, 0.000982565},
                   {"beta.3", 0.998199, 1.1e-05, 0.0010862},
                   {"beta.5", 0.998593, 9.9e-06, 0.000978024},
                   {"sigma", 1.04229, 0.00077, 0.0767019}});
}

TEST_CASE("a conjugate normal, with what is computed from each draw") {
  const auto model = compiled(conjugate);
  const ModelChainsOptions chosen = options(21);
  const ModelChains chains = sample_chains(model, conjugate_data(), chosen);
  const auto found = summaries(chains, model->facts(), chosen);
  const double precision = 4 + 0.25, mean = 5.2 / precision, sd = 1 / std::sqrt(precision);
  CHECK(std::abs(found.at("mu").mean - mean) < 4 * found.at("mu").mean_error);
  CHECK(found.at("mu").sd == Approx(sd).epsilon(0.08));
  CHECK(std::abs(found.at("next").mean - mean) < 4 * found.at("next").mean_error);
  CHECK(found.at("next").sd == Approx(std::sqrt(1 + sd * sd)).epsilon(0.08));
  const Draws& draws = chains.draws.front();
  REQUIRE(draws.columns == std::vector<std::string>{"mu", "size", "next", "lp__", "accept_stat__", "stepsize__",
                                                    "treedepth__", "n_leapfrog__", "divergent__", "energy__"});
  for (std::size_t row = 0; row < draws.row_count; ++row) CHECK(draws.at(row, 1) == std::abs(draws.at(row, 0)));
  // The density at the draw, with all constants.
  const double mu = draws.at(0, 0);
  double expected = -0.5 * mu * mu / 4 - std::log(2) - 2.5 * std::log(2 * M_PI);
  for (const double y : {0.5, 1.5, 1.0, 2.2}) expected -= 0.5 * (y - mu) * (y - mu);
  CHECK(draws.at(0, 3) == Approx(expected).epsilon(1e-12));
  // Chains do not share the random numbers of generated quantities.
  CHECK(chains.draws[0].at(0, 2) - chains.draws[0].at(0, 0) != chains.draws[1].at(0, 2) - chains.draws[1].at(0, 0));
}

TEST_CASE("a text that cannot be simulated: flat priors and terms of the target") {
  const auto model = compiled(R"(
    parameters { real a; real<lower=0> b; simplex[3] p; }
    model { target += -0.5 * square(a - 1) - 2 * b; p ~ dirichlet([2, 3, 4]'); target += 0; }
  )");
  const ModelChainsOptions chosen = options(22);
  const auto found = summaries(sample_chains(model, {}, chosen), model->facts(), chosen);
  const std::map<std::string, std::pair<double, double>> expected = {{"a", {1, 1}},
                                                                     {"b", {0.5, 0.5}},
                                                                     {"p.1", {2 / 9.0, std::sqrt(14 / 810.0)}},
                                                                     {"p.3", {4 / 9.0, std::sqrt(20 / 810.0)}}};
  for (const auto& [column, exact] : expected) {
    INFO(column);
    CHECK(std::abs(found.at(column).mean - exact.first) < 4 * found.at(column).mean_error);
    CHECK(found.at(column).sd == Approx(exact.second).epsilon(0.08));
  }
}

TEST_CASE("initial values: given ones are where chains begin, the others are random") {
  const auto model = compiled(R"(
    data { real y; }
    parameters { real mu; real<lower=0> sigma; vector[2] b; }
    model { mu ~ normal(0, 1); sigma ~ normal(0, 1); b ~ normal(0, sigma); y ~ normal(mu, sigma); }
  )");
  const DataSet data{"1", {{"y", {false, {}, {0.3}}}}};
  InitialValues values;
  values.given = {{"1", {{"sigma", {false, {}, {2.5}}}, {"b", {false, {2}, {1, -1}}}}}};
  const FirstPoint partial = first_point(model, data, values, 4);
  RandomNumbers random(1, 0);
  std::vector<double> point(4), other(4);
  CHECK(partial(0, random, point));
  CHECK(partial(0, random, other));
  CHECK(point[1] == Approx(std::log(2.5)));
  CHECK(point[2] == 1);
  CHECK(point[3] == -1);
  CHECK(point[0] != other[0]);
  values.given.front().variables["mu"] = {false, {}, {0.25}};
  CHECK_FALSE(first_point(model, data, values, 4)(0, random, point));
  CHECK(point[0] == 0.25);
  CHECK_FALSE(first_point(model, data, {.radius = 0}, 4)(0, random, point));
  CHECK(point == std::vector<double>(4, 0.0));

  const auto message = [&](const std::string& name, Tensor tensor) {
    InitialValues wrong;
    wrong.name = "inits.json";
    wrong.given = {{"1", {{name, std::move(tensor)}}}};
    first_point(model, data, wrong, 4)(0, random, point);
  };
  CHECK_THROWS_WITH(message("sigm", {false, {}, {1}}),
                    "inits.json: the model has no parameter `sigm`; did you mean `sigma`?");
  CHECK_THROWS_WITH(message("b", {false, {3}, {1, 2, 3}}),
                    "inits.json: `b` has 3 values, and not the shape of its declaration, [2]");
  CHECK_THROWS_AS(message("sigma", {false, {}, {-1}}), UserError);
  CHECK_THROWS_WITH(message("sigma", {false, {}, {-1}}), Contains("inits.json") && Contains("sigma"));
  values.given.resize(3);
  CHECK_THROWS_WITH(first_point(model, data, values, 4),
                    Contains("initial values for 3 chains are given, and there are 4"));
}

TEST_CASE("what cannot be sampled is told with its reason") {
  const ModelChainsOptions chosen = options(23);
  CHECK_THROWS_WITH(
      sample_chains(
          compiled("data { real y; } parameters { real mu; } model { mu ~ normal(0, 1); y ~ normal(mu, 1); }"),
          {"1", {{"y", {false, {}, {std::nan("")}}}}}, chosen),
      Contains("value number 1 of `y` is missing"));
  CHECK_THROWS_WITH(sample_chains(compiled("model { target += 0; }"), {}, chosen),
                    Contains("the model has no parameters to sample"));
  // Nowhere finite, by a check of the model: its message and place are told.
  CHECK_THROWS_WITH(
      sample_chains(compiled("parameters { real mu; }\nmodel { mu ~ normal(0, 1); if (mu < 1e9) reject(\"never\"); }"),
                    {}, chosen),
      Contains("not finite at any of 100 random points") && Contains("model.sib:2:") && Contains("never"));
  CHECK_THROWS_WITH(
      sample_chains(compiled("parameters { real mu; } model { mu ~ normal(0, 1); target += negative_infinity(); }"), {},
                    chosen),
      Contains("the log density is -inf"));
  // Scales that no data set bounds.
  CHECK_THROWS_WITH(sample_chains(compiled("parameters { real mu; } model { target += 0 * mu; }"), {}, chosen),
                    Contains("the posterior is improper"));
  CHECK_THROWS_WITH(
      sample_chains(compiled("data { real y; }\nparameters { real a; }\nmodel { real b; a ~ normal(0, 1); "
                             "b ~ normal(a, 1); y ~ normal(b, 1); }"),
                    {"1", {{"y", {false, {}, {0}}}}}, chosen),
      Contains("model.sib:3:"));
  ModelChainsOptions wrong = chosen;
  wrong.target_acceptance = 1;
  CHECK_THROWS_WITH(sample_chains(compiled(conjugate), conjugate_data(), wrong),
                    Contains("adapt_delta is 1, it must be between 0 and 1"));
}

TEST_CASE("draws whose generated quantities fail keep their parameters and are counted") {
  const auto model = compiled(R"(
    parameters { real mu; }
    model { mu ~ normal(0, 1); }
    generated quantities { real<lower=0> root = sqrt(mu); if (mu < 0) reject("negative ", mu); }
  )");
  const ModelChains chains = sample_chains(model, {}, options(24));
  CHECK(chains.failed.tried() == 4000);
  CHECK(chains.failed.count() > 1500);
  CHECK(chains.failed.count() < 2500);
  std::size_t missing = 0;
  for (const Draws& draws : chains.draws)
    for (std::size_t row = 0; row < draws.row_count; ++row) {
      CHECK(std::isfinite(draws.at(row, 0)));
      CHECK(std::isnan(draws.at(row, 1)) == (draws.at(row, 0) < 0));
      missing += std::isnan(draws.at(row, 1));
    }
  CHECK(missing == chains.failed.count());
}

TEST_CASE("warnings say what to do") {
  const auto funnel = compiled(R"(
    parameters { real y; vector[9] x; }
    model { y ~ normal(0, 3); x ~ normal(0, exp(y / 2)); }
  )");
  const ModelChainsOptions chosen = options(25);
  const auto messages = [](const ChainsReport& report) {
    std::string text;
    for (const std::string& one : report.warnings) text += one + "\n";
    return text;
  };
  CHECK_THAT(messages(report(sample_chains(funnel, {}, chosen), funnel->facts(), chosen, Outputs::parameters, 1)),
             Contains("transitions") && Contains("diverged") && Contains("Raise adapt_delta (it is 0.8)") &&
                 Contains("R-hat is above 1.01 for `"));
  ModelChainsOptions shallow = chosen;
  shallow.max_depth = 2;
  const auto easy = compiled("parameters { vector[2] a; } model { a[1] ~ normal(0, 1); a[2] ~ normal(a[1], 0.01); }");
  CHECK_THAT(messages(report(sample_chains(easy, {}, shallow), easy->facts(), shallow, Outputs::parameters, 1)),
             Contains("reached the largest tree depth, 2"));
  const auto fine = compiled("parameters { real a; } model { a ~ normal(0, 1); }");
  CHECK(report(sample_chains(fine, {}, chosen), fine->facts(), chosen, Outputs::parameters, 1).warnings.empty());
}

TEST_CASE("CmdStan's files: names, comments, columns") {
  CHECK(stan_csv_paths("a/draws.csv", 1) == std::vector<std::string>{"a/draws.csv"});
  CHECK(stan_csv_paths("a/draws.csv", 2) == std::vector<std::string>{"a/draws_1.csv", "a/draws_2.csv"});
  const auto model = compiled(conjugate);
  ModelChainsOptions chosen = options(26);
  chosen.draws = 20;
  chosen.chains = 2;
  chosen.metric = MetricKind::dense;
  const ModelChains chains = sample_chains(model, conjugate_data(), chosen);
  const std::string path = std::filesystem::temp_directory_path() / "sibyl_markov_models.csv";
  const auto paths = write_stan_csv(path, chains, chosen, "conjugate", "data.json");
  REQUIRE(paths.size() == 2);
  const std::string text = read_file(paths[1]);
  std::filesystem::remove(paths[0]);
  std::filesystem::remove(paths[1]);
  CHECK_THAT(text, Contains("# stan_version_major = 2\n") && Contains("# model = conjugate_model\n") &&
                       Contains("#     num_samples = 20\n") && Contains("#         metric = dense_e\n") &&
                       Contains("# id = 2\n") && Contains("# Elements of inverse mass matrix:\n"));
  CHECK_THAT(text,
             Contains("\nlp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mu,size,next\n"));
  CHECK_THAT(text,
             Contains("# Adaptation terminated\n# Step size = " + format_double(chains.runs[1].step_size) + "\n"));
  CHECK_THAT(text, Contains("\n" + format_double(chains.draws[1].at(0, 3)) + ","));
}

TEST_CASE("many chains over lanes: a conjugate normal, eight schools, and where they cannot agree") {
  CheesOptions chosen;
  const auto normal = sample_chees(compiled(conjugate), conjugate_data(), chosen);
  CHECK(normal.run.r_hat <= 1.01);
  CHECK(normal.warnings.empty());
  CHECK(normal.draws.columns.back() == "lp__");
  const ColumnSummary mu = summarize(normal.draws).front();
  // The draws are thinned: a quarter of them at least are worth as much as independent ones.
  CHECK(std::abs(mu.mean - 5.2 / 4.25) < 4 / std::sqrt(4.25) / std::sqrt(1000));
  CHECK(mu.sd == Approx(1 / std::sqrt(4.25)).epsilon(0.1));

  const auto schools = compiled(read_file(folder + "eight_schools-eight_schools_noncentered.stan"));
  const DataSet data = read_data_sets(folder + "data/eight_schools.json", schools->facts()).data_sets.front();
  const auto found = sample_chees(schools, data, chosen);
  for (const ColumnSummary& one : summarize(found.draws)) {
    INFO(one.column);
    if (one.column == "mu") CHECK(std::abs(one.mean - 4.41052) < 4 * 3.3093 / std::sqrt(1000));
    if (one.column == "tau") CHECK(std::abs(one.mean - 3.60206) < 4 * 3.19848 / std::sqrt(1000));
  }
}
