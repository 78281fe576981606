// The library as a program that embeds it sees it: nothing but sibyl.hpp and the shared library.
#include <sibyl/sibyl.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

using sibyl::Array;
using sibyl::Arrays;
using sibyl::Model;

namespace {

[[maybe_unused]] const bool environment_is_set = (sibyl::Model::set_training_environment(), true);

constexpr char normal_mean[] = R"(
data { int<lower=1> N; vector[N] y; }
design { N ~ discrete_range(3, 6); }
parameters { real mu; real<lower=0> sigma; }
model {
  mu ~ normal(0, 2);
  sigma ~ exponential(1);
  y ~ normal(mu, sigma);
}
generated quantities { vector[2] twice = [2 * mu, 2 * sigma]'; }
)";

const Arrays three_values = {{"N", 3}, {"y", {1.5, -0.5, 0.25}}};

double log_normal(double y, double mu, double sigma) {
  const double z = (y - mu) / sigma;
  return -0.5 * std::log(2 * M_PI) - std::log(sigma) - 0.5 * z * z;
}

double closed_form(double mu, double log_sigma) {
  const double sigma = std::exp(log_sigma);
  double sum = log_normal(mu, 0, 2) - sigma + log_sigma;
  for (const double y : three_values.at("y").values) sum += log_normal(y, mu, sigma);
  return sum;
}

// Trained once for all tests that need a sampler; how good it is does not matter to them.
struct Trained {
  std::atomic<std::int32_t> stop = 0;
  std::int64_t last_step = 0;
  sibyl::Sampler sampler = Model(normal_mean)
                               .train({.steps = 100000, .frame = sibyl::Frame::laplace, .threads = 2, .stop = &stop},
                                      [this](const sibyl::Progress& at) {
                                        last_step = at.step;
                                        if (at.step == 20) stop = 1;
                                      });
};

const Trained& trained() {
  static const Trained once;
  return once;
}

const sibyl::Sampler& sampler() { return trained().sampler; }

} // namespace

TEST_CASE("a text with an error throws its rendered message with the place underlined") {
  try {
    Model("parameters { real mu; }\nmodel { mu ~ normall(0, 1); }", "wrong.sib");
    FAIL("the text was accepted");
  } catch (const sibyl::ModelError& error) {
    const std::string text = error.what();
    CHECK(text.find("wrong.sib:2:14") != std::string::npos);
    CHECK(text.find("mu ~ normall(0, 1)") != std::string::npos);
    CHECK(text.find("^^^^^^^") != std::string::npos);
  }
}

TEST_CASE("a model tells its variables with their roles") {
  const Model model(normal_mean, "mean.sib");
  CHECK(model.name() == "mean");
  CHECK(model.is_generative());
  CHECK(model.has_density());
  std::map<std::string, std::string> roles;
  for (const sibyl::Variable& variable : model.variables()) roles[variable.name] = variable.role;
  CHECK(roles ==
        std::map<std::string, std::string>{
            {"N", "design"}, {"y", "observed"}, {"mu", "parameter"}, {"sigma", "parameter"}, {"twice", "generated"}});
}

TEST_CASE("a simulation depends on the seed and the data set's number alone") {
  const Model model(normal_mean);
  const sibyl::Simulations few = model.simulate({.count = 10, .seed = 3, .threads = 1});
  const sibyl::Simulations many = model.simulate({.count = 50, .seed = 3, .threads = 2});
  REQUIRE(few.count == 10);
  CHECK(few.arrays.at("y").extents.size() == 2);
  CHECK(few.arrays.at("N").is_integer);
  for (std::size_t i = 0; i < 10; ++i) CHECK(few.arrays.at("mu").values[i] == many.arrays.at("mu").values[i]);
  CHECK(model.simulate({.count = 10, .seed = 4}).arrays.at("mu").values != few.arrays.at("mu").values);
}

TEST_CASE("the log density is the closed form's, for one point and for many") {
  sibyl::ModelDensity density = Model(normal_mean).density(three_values);
  REQUIRE(density.dimension() == 2);
  CHECK(density.names() == std::vector<std::string>{"mu", "sigma"});
  std::vector<double> points, values(11), gradients(22);
  for (int i = 0; i < 11; ++i) points.insert(points.end(), {0.3 * i - 1, 0.1 * i - 0.4});
  density.evaluate(points, values, gradients);
  for (std::size_t i = 0; i < 11; ++i) {
    const double mu = points[2 * i], log_sigma = points[2 * i + 1], step = 1e-6;
    CHECK(values[i] == Approx(closed_form(mu, log_sigma)).epsilon(1e-12));
    CHECK(density.log_density(std::span(points).subspan(2 * i, 2)) == values[i]);
    CHECK(gradients[2 * i] ==
          Approx((closed_form(mu + step, log_sigma) - closed_form(mu - step, log_sigma)) / (2 * step)).margin(1e-6));
    CHECK(gradients[2 * i + 1] ==
          Approx((closed_form(mu, log_sigma + step) - closed_form(mu, log_sigma - step)) / (2 * step)).margin(1e-6));
  }
  CHECK(density.log_density(std::vector<double>{0.5, 0.2}, false) ==
        Approx(closed_form(0.5, 0.2) - 0.2).epsilon(1e-12));
}

TEST_CASE("a model with another prior has its density, and shows it in its text") {
  const Model wide = Model(normal_mean).with_priors({"mu=normal(0, 20)"});
  CHECK_THAT(wide.text(), Catch::Contains("mu ~ normal(0, 20);"));
  const double mu = 1.5, log_sigma = 0.2;
  const auto log_prior = [&](double sd) { return -0.5 * (mu / sd) * (mu / sd) - std::log(sd); };
  CHECK(wide.density(three_values).log_density(std::vector<double>{mu, log_sigma}) ==
        Approx(closed_form(mu, log_sigma) - log_prior(2) + log_prior(20)).epsilon(1e-12));
  CHECK_THROWS_WITH(Model(normal_mean).with_priors({"nu=normal(0, 1)"}), Catch::Contains("it has mu, sigma"));
}

TEST_CASE("constrain and unconstrain are inverse") {
  sibyl::ModelDensity density = Model(normal_mean).density(three_values);
  const Arrays parameters = density.constrain(std::vector<double>{-0.7, 0.4});
  CHECK(parameters.at("sigma").values[0] == Approx(std::exp(0.4)));
  const std::vector<double> back = density.unconstrain(parameters);
  CHECK(back[0] == Approx(-0.7));
  CHECK(back[1] == Approx(0.4));
}

TEST_CASE("wrong data are an error that names the variable") {
  const Model model(normal_mean);
  CHECK_THROWS_WITH(model.density({{"N", 3}}), Catch::Contains("`y`"));
  CHECK_THROWS_WITH(model.density({{"N", 4}, {"y", {1, 2, 3}}}), Catch::Contains("`y`"));
  CHECK_THROWS_WITH(model.density({{"N", 2.5}, {"y", {1, 2, 3}}}), Catch::Contains("not an integer"));
  CHECK_THROWS_WITH(model.density({{"N", 3}, {"y", Array({2, 2}, {1, 2, 3})}}), Catch::Contains("`y` has 3 values"));
  CHECK_THROWS_AS(model.density(three_values).log_density(std::vector<double>{1}), sibyl::UserError);
}

TEST_CASE("a sampler gives draws in the shape of the variables, with summaries, verdict and log densities") {
  const sibyl::PosteriorDraws posterior = sampler().sample(three_values, {.draws = 500, .with_log_density = true});
  CHECK(posterior.draws.at("mu").extents == std::vector<std::int64_t>{500});
  CHECK(posterior.draws.at("twice").extents == std::vector<std::int64_t>{500, 2});
  CHECK(posterior.draws.at("twice").values[5] == 2 * posterior.draws.at("sigma").values[2]);
  REQUIRE(posterior.summaries.size() == 4);
  CHECK(posterior.summaries[3].name == "twice.2");
  CHECK(posterior.summaries[3].median == Approx(2 * posterior.summaries[1].median));
  CHECK_FALSE(posterior.verdict.empty());
  REQUIRE(posterior.log_density.size() == 500);
  const double at_first = sampler().log_density(
      three_values, {{"mu", posterior.draws.at("mu").values[0]}, {"sigma", posterior.draws.at("sigma").values[0]}});
  CHECK(posterior.log_density[0] == Approx(at_first).margin(1e-4));
  CHECK(posterior.data.at("y").values == three_values.at("y").values);
}

TEST_CASE("leave-one-out has a term for each value") {
  const sibyl::LeaveOneOut loo = sampler().loo(three_values);
  CHECK(loo.points == std::vector<std::string>{"y[1]", "y[2]", "y[3]"});
  CHECK(loo.total == Approx(loo.elpd[0] + loo.elpd[1] + loo.elpd[2]));
  CHECK(loo.error > 0);
  CHECK(loo.doubt.empty());
}

TEST_CASE("a posterior for each point left out is what smoothed weights stand for") {
  const sibyl::LeaveOneOut exact = sampler().loo_exact(three_values), smoothed = sampler().loo(three_values);
  CHECK(exact.points == smoothed.points);
  const double by_quadrature[] = {-2.5880, -1.9281, -1.2895};
  for (std::size_t i = 0; i < 3; ++i) {
    if (exact.k_hat[i] < 0.5) CHECK(exact.elpd[i] == Approx(by_quadrature[i]).margin(0.1));
    // Three values: one is much of what is known, and weights that take it out are uneven.
    if (smoothed.k_hat[i] < 0.5) CHECK(smoothed.elpd[i] == Approx(by_quadrature[i]).margin(0.5));
  }
  CHECK(exact.total == Approx(exact.elpd[0] + exact.elpd[1] + exact.elpd[2]));
}

TEST_CASE("a sampler is diagnosed, its data's sensitivity told, models compared") {
  const sibyl::SamplerDiagnosis found = sampler().diagnose({three_values}, {.simulations = 60, .draws = 120});
  REQUIRE(found.parameters.size() == 2);
  CHECK(found.parameters[0].name == "mu");
  CHECK(found.parameters[0].ranks.size() == 60);
  CHECK(found.verdicts.size() == 1);
  CHECK_THAT(found.html, Catch::Contains("Sensitivity to the prior and the likelihood"));
  CHECK_THAT(found.json, Catch::Contains("\"parameters\""));
  const std::vector<sibyl::ParameterSensitivity> sensitivity = sampler().sensitivity(three_values);
  REQUIRE(sensitivity.size() == 2);
  CHECK(sensitivity[0].name == "mu");
  CHECK(sensitivity[0].likelihood.distance > 0);
  CHECK(sensitivity[0].prior.mean_at_weaker != sensitivity[0].prior.mean_at_stronger);
  const auto compared = sibyl::Sampler::compare({sampler(), sampler()}, three_values, {1, 3});
  REQUIRE(compared.size() == 2);
  CHECK(compared[0].no_evidence == compared[1].no_evidence);
  if (compared[0].no_evidence.empty()) CHECK(compared[1].probability == Approx(0.75));
  else CHECK(std::isnan(compared[1].probability));
  CHECK(compared[0].elpd == compared[1].elpd);
  CHECK(compared[0].elpd_difference == 0);
  CHECK_THROWS_AS(sibyl::Sampler::compare({sampler()}, three_values, {1, 1}), sibyl::UserError);
}

// normal(0, 1) data whose mean is zero, or drawn: the Bayes factor has a closed form.
TEST_CASE("a classifier over models gives their probabilities, in C++ and from its file") {
  const std::string head = "data { int<lower=1> N; vector[N] y; }\ndesign { N ~ discrete_range(5, 15); }\n"
                           "parameters { real u; }\nmodel { u ~ normal(0, 1); y ~ normal(";
  const Model zero(head + "0, 1); }"), drawn(head + "u, 1); }");
  std::int64_t steps = 0;
  const sibyl::ModelChoice choice = sibyl::ModelChoice::train(
      {zero, drawn}, {.steps = 500, .threads = 1}, [&](const sibyl::Progress& at) { steps = at.step; });
  CHECK(steps == 500);
  CHECK(choice.models() == std::vector<std::string>{"model", "model (2)"});
  CHECK_THAT(choice.calibration(), Catch::Contains("\"expected_calibration_error\""));
  const std::vector<double> near = {1.1, -1.4, 0.3, 0.9, -0.8}, far = {2.1, -0.3, 1.6, 0.2, 1.0};
  const std::vector<Arrays> sets = {{{"N", 5}, {"y", near}}, {{"N", 5}, {"y", far}}};
  const auto chance_of_drawn = [](const std::vector<double>& y, double prior_odds) {
    double sum = 0;
    for (const double one : y) sum += one;
    const auto n = static_cast<double>(y.size());
    const double odds = prior_odds * std::exp(0.5 * sum * sum / (1 + n)) / std::sqrt(1 + n);
    return odds / (1 + odds);
  };
  const auto found = choice.compare_each(sets);
  REQUIRE(found.size() == 2);
  CHECK(found[0].probabilities[1] == Approx(chance_of_drawn(near, 1)).margin(0.1));
  CHECK(found[1].probabilities[1] == Approx(chance_of_drawn(far, 1)).margin(0.1));
  CHECK(found[1].label == "2");
  CHECK_FALSE(found[0].is_unlike_all);
  const sibyl::ModelProbabilities with_prior = choice.compare(sets[0], {1, 4});
  CHECK(with_prior.probabilities[1] == Approx(chance_of_drawn(near, 4)).margin(0.15));
  CHECK(choice.compare({{"N", 5}, {"y", {40, 41, 42, 43, 44}}}).is_unlike_all);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("sibyl_choice_" + std::to_string(::getpid()))).string();
  choice.save(path);
  const sibyl::ModelChoice loaded = sibyl::ModelChoice::load(path);
  std::filesystem::remove(path);
  CHECK(loaded.models() == choice.models());
  std::string table = "who,y\n";
  for (const double y : near) table += "a," + std::to_string(y) + "\n";
  for (const double y : far) table += "b," + std::to_string(y) + "\n";
  const auto of_table = loaded.compare_table(table, "who");
  REQUIRE(of_table.size() == 2);
  CHECK(of_table[1].label == "b");
  CHECK(of_table[1].probabilities[0] == Approx(found[1].probabilities[0]));
  CHECK_THROWS_WITH(choice.compare(sets[0], {1, 1, 1}), Catch::Contains("3 prior probabilities for 2 models"));
  CHECK_THROWS_WITH(sibyl::ModelChoice::train({zero}), Catch::Contains("no several models"));
  const Model other("data { array[3] int y; } parameters { real u; } model { u ~ normal(0, 1); y ~ poisson_log(u); }");
  CHECK_THROWS_WITH(sibyl::ModelChoice::train({zero, other}), Catch::Contains("the models have not the same data"));
  CHECK_THROWS_WITH(sibyl::ModelChoice::load("missing.sibyl"), Catch::Contains("missing.sibyl"));
}

TEST_CASE("verified posteriors are exact, and their data have a p-value") {
  const sibyl::PosteriorDraws verified = sampler().sample(three_values, {.draws = 500, .verify = true});
  CHECK_THAT(verified.verdict, Catch::StartsWith("exact: ") && Catch::Contains("data as the model predicts them"));
  CHECK(verified.data_p_value > 0.01);
  CHECK(verified.data_p_value <= 1);
  CHECK_FALSE(verified.data_worst.empty());
  CHECK_THROWS_AS(sampler().sample(three_values, {.exact = true, .verify = true}), sibyl::UserError);
}

TEST_CASE("draws are compared with the model's density, and exact ones take their place") {
  const sibyl::PosteriorDraws amortized = sampler().sample(three_values);
  CHECK(std::isfinite(amortized.k_hat));
  CHECK(amortized.effective_size > 0);
  CHECK(amortized.not_checked.empty());
  const sibyl::PosteriorDraws exact = sampler().sample(three_values, {.draws = 500, .exact = true});
  CHECK_THAT(exact.verdict, Catch::StartsWith("exact: "));
  CHECK(exact.is_fine);
  CHECK(exact.draws.at("mu").extents == std::vector<std::int64_t>{500});
  // The integral of the density that is tested above, over a grid that reaches as far as it has mass.
  double sum = 0, mean = 0, evidence = 0;
  for (double mu = -8; mu < 8; mu += 0.02)
    for (double log_sigma = -8; log_sigma < 5; log_sigma += 0.02) {
      const double density = std::exp(closed_form(mu, log_sigma));
      sum += density;
      mean += density * mu;
    }
  mean /= sum;
  evidence = std::log(sum * 0.02 * 0.02);
  const sibyl::Summary& of_mu = exact.summaries[0];
  CHECK(std::abs(of_mu.mean - mean) < 6 * of_mu.sd / std::sqrt(400.0));
  if (exact.no_evidence.empty())
    CHECK(std::abs(exact.log_evidence - evidence) < 5 * exact.log_evidence_error + 1e-3);
}

TEST_CASE("predictions are data simulated anew, one data set for each draw") {
  const sibyl::PosteriorDraws posterior = sampler().sample(three_values, {.draws = 400, .with_predictions = true});
  REQUIRE(posterior.predictions.size() == 1);
  const Array& y = posterior.predictions.at("y");
  CHECK(y.extents == std::vector<std::int64_t>{400, 3});
  // Standardized by their own draw's parameters they are standard normal: the mean square is 1, with sd sqrt(2 / 1200).
  double squares = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double z = (y.values[i] - posterior.draws.at("mu").values[i / 3]) / posterior.draws.at("sigma").values[i / 3];
    squares += z * z / static_cast<double>(y.values.size());
  }
  CHECK(squares == Approx(1).margin(0.16));
}

TEST_CASE("a saved sampler gives the same draws when it is loaded") {
  const auto path = std::filesystem::temp_directory_path() / ("sibyl_library_test_" + std::to_string(::getpid()));
  sampler().save(path.string());
  const sibyl::Sampler loaded = sibyl::Sampler::load(path.string());
  std::filesystem::remove(path);
  CHECK(loaded.model().text() == normal_mean);
  CHECK(loaded.sample(three_values, {.draws = 20}).draws.at("mu").values ==
        sampler().sample(three_values, {.draws = 20}).draws.at("mu").values);
}

TEST_CASE("a table is split by a column") {
  const auto posteriors =
      sampler().sample_table("who,y\nann,1\nann,0.5\nann,2\nbob,-1\nbob,0\nbob,1\n", "who", {.draws = 10});
  REQUIRE(posteriors.size() == 2);
  CHECK(posteriors[0].label == "ann");
  CHECK(posteriors[1].label == "bob");
  CHECK(posteriors[1].data.at("y").values == std::vector<double>{-1, 0, 1});
}

TEST_CASE("a stop flag ends training with what was learned") {
  CHECK(trained().last_step == 20);
  CHECK(sampler().sample(three_values, {.draws = 10}).draws.at("mu").values.size() == 10);
}
