// A model in a string literal: compiled, simulated, trained and sampled by this program itself.
#include <sibyl/sibyl.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
  sibyl::Model::set_training_environment();
  const sibyl::Model model(R"(
    data { int<lower=1> N; vector[N] x; vector[N] y; }
    design { N ~ discrete_range(5, 14); x ~ normal(0, 1); }
    parameters { real intercept; real slope; real<lower=0> sigma; }
    model { intercept ~ normal(2, 3); slope ~ normal(0, 1); sigma ~ gamma(1, 1);
            y ~ normal(intercept + slope * x, sigma);
    })");
  std::fprintf(stderr, "%zu prior simulations\n", model.simulate({.count = 10000}).count);
  const sibyl::Sampler sampler = model.train({.seconds = argc > 1 ? std::stod(argv[1]) : 20});
  const sibyl::PosteriorDraws posterior =
      sampler.sample({{"N", 5}, {"x", {-1.2, -0.4, 0.1, 0.8, 1.5}}, {"y", {0.3, 1.1, 1.4, 2.3, 2.8}}});
  std::printf("# this posterior is %s\nparameter,mean,sd,q5,q95\n", posterior.verdict.c_str());
  for (const sibyl::Summary& s : posterior.summaries)
    std::printf("%s,%.3f,%.3f,%.3f,%.3f\n", s.name.c_str(), s.mean, s.sd, s.q5, s.q95);
} catch (const std::exception& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
