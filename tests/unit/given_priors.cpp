// Priors given beside the text: what they take the place of, where they are added, and what is refused.
#include "lang/given_priors.hpp"
#include "lang/errors.hpp"
#include "lang/parse.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using Catch::Contains;

namespace {

std::string edited(const std::string& text, const std::vector<std::string>& priors) {
  const std::string result = with_priors(Source("model.stan", text), priors);
  INFO(result);
  CHECK(parse(Source("model.stan", result)).program);
  return result;
}

std::string model_of(const std::string& statements) {
  return "parameters { real a; vector[2] b; }\nmodel {\n" + statements + "}\n";
}

} // namespace

TEST_CASE("a given prior takes the place of the text's own") {
  const std::vector<std::string> given{"a = student_t(3, 0, 2) T[0, ]"};
  const std::string wanted = model_of("a ~ student_t(3, 0, 2) T[0, ];\nb ~ normal(a, 1);\n");
  CHECK(edited(model_of("a ~ normal(0, 1);\nb ~ normal(a, 1);\n"), given) == wanted);
  CHECK(edited(model_of("target += normal_lpdf(a | 0, 1);\nb ~ normal(a, 1);\n"), given) == wanted);
  CHECK(edited(model_of("target += normal_lupdf((a) | 0, 1);\nb ~ normal(a, 1);\n"), given) == wanted);
}

TEST_CASE("lines keep their numbers") {
  CHECK(edited(model_of("a ~ normal(\n  0,\n  1);\nb ~ normal(a, 1);\n"), {"a=cauchy(0, 1)"}) ==
        model_of("a ~ cauchy(0, 1);\n\n\nb ~ normal(a, 1);\n"));
}

TEST_CASE("draws of parts and in loops make room for one prior of the whole") {
  CHECK(edited(
            model_of("b[1] ~ normal(0, 1);\nfor (i in 2:2) b[i] ~ normal(a, 1);\nif (a > 0) { a ~ normal(0, 1); }\n"),
            {"b=cauchy(0, 1)"}) == model_of("b ~ cauchy(0, 1);\nfor (i in 2:2) ;\nif (a > 0) { a ~ normal(0, 1); }\n"));
  CHECK(edited(model_of("for (i in 1:2) b[i] ~ normal(a, 1);\n"), {"b=cauchy(0, 1)"}) ==
        model_of("for (i in 1:2) ;\n\n  b ~ cauchy(0, 1);\n"));
  CHECK(edited(model_of("real lprior = 0;\nlprior += normal_lpdf(a | 0, 1);\ntarget += lprior;\n"),
               {"a=cauchy(0, 1)"}) == model_of("real lprior = 0;\n;\ntarget += lprior;\n\n  a ~ cauchy(0, 1);\n"));
}

TEST_CASE("a parameter without a prior gets it at the model's end, and a text without a model gets one") {
  CHECK(edited(model_of("b ~ normal(a, 1);\n"), {"a=normal(0, 10)"}) ==
        model_of("b ~ normal(a, 1);\n\n  a ~ normal(0, 10);\n"));
  CHECK(edited("parameters { real a; } generated quantities { real c = a; }", {"a=normal(0, 1)"}) ==
        "parameters { real a; } \nmodel {\n  a ~ normal(0, 1);\n}\ngenerated quantities { real c = a; }");
}

TEST_CASE("several priors, each of its parameter") {
  CHECK(edited(model_of("b ~ normal(0, 1);\na ~ normal(0, 1);\n"), {"a=normal(0, 9)", "b=normal(a, 8)"}) ==
        model_of("b ~ normal(a, 8);\na ~ normal(0, 9);\n"));
}

TEST_CASE("other uses of the parameter stay") {
  const std::string text = model_of("target += normal_lpdf(b | a, 1) + a;\nprint(a);\n");
  CHECK_THAT(edited(text, {"a=normal(0, 1)"}), Contains("target += normal_lpdf(b | a, 1) + a;\nprint(a);\n"));
}

TEST_CASE("what cannot be given is said") {
  const std::string text = model_of("target += normal_lpdf(a | 0, 1) + normal_lpdf(b | 0, 1);\n");
  const auto says = [&](const std::vector<std::string>& priors, const std::string& words) {
    CHECK_THROWS_WITH(with_priors(Source("model.stan", text), priors), Contains(words));
    CHECK_THROWS_AS(with_priors(Source("model.stan", text), priors), UserError);
  };
  says({"c=normal(0, 1)"}, "`c`, which is no parameter of model.stan: it has a, b");
  says({"a"}, "`a` is no prior: write NAME=DISTRIBUTION(ARGUMENTS)");
  says({"a=normal(0, 1"}, "is no prior");
  says({"a=normal(0, 1); b ~ normal(0, 1)"}, "is no prior");
  says({"b[1]=normal(0, 1)"}, "is no prior");
  says({"a=normal(0, 1)", "a=normal(0, 2)"}, "two priors are given for `a`");
  says({"a=normal(0, 1)"}, "model.stan:3: a prior is given for `a`, whose own prior is here a part of an expression");
}
