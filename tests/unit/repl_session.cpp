#include "runtime/repl/input.hpp"
#include "runtime/repl/session.hpp"
#include "runtime/terminal/interrupt.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace sibyl;
using namespace sibyl::repl;

namespace {

// A session whose text is collected.
struct Talk {
  std::string printed, complained;
  std::atomic<std::int32_t> interrupted = 0;
  Session session;

  Talk() : session(make_surroundings(), make_settings()) {}

  Outcome say(const std::string& input) {
    printed.clear();
    complained.clear();
    return session.run(input);
  }
  // What was printed; the input must be fine.
  std::string ask(const std::string& input) {
    const Outcome outcome = say(input);
    INFO(input + "\n" + complained);
    CHECK(outcome == Outcome::fine);
    return printed;
  }
  // What was complained of; the input must fail.
  std::string mistake(const std::string& input) {
    const Outcome outcome = say(input);
    INFO(input + "\n" + printed);
    CHECK(outcome == Outcome::failed);
    return complained;
  }

 private:
  Surroundings make_surroundings() {
    Surroundings result;
    result.print = [this](std::string_view text) { printed += text; };
    result.complain = [this](std::string_view text) { complained += text; };
    result.progress = [](std::string_view) {};
    result.interrupted = &interrupted;
    result.plot = {.unicode = false, .width = 40};
    return result;
  }
  static Settings make_settings() {
    Settings settings;
    settings.threads = 2;
    return settings;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Normal data with unknown mean.
void type_normal_model(Talk& talk) {
  for (const char* line : {"int<lower=1> N;", "N ~ discrete_range(5, 20);", "data vector[N] y;", "real mu;",
                           "mu ~ normal(0, 2);", "y ~ normal(mu, 1);"})
    talk.ask(line);
}

std::string temporary(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("sibyl-repl-test-" + name)).string();
}

} // namespace

TEST_CASE("an input goes on until its brackets close") {
  CHECK(is_complete("real mu;"));
  CHECK(is_complete("mean(mu)"));
  CHECK_FALSE(is_complete("y ~ normal(mu,"));
  CHECK_FALSE(is_complete("model {\n  y ~ normal(0, 1);"));
  CHECK(is_complete("model {\n  y ~ normal(0, 1);\n}"));
  CHECK_FALSE(is_complete("for (n in 1:N)"));
  CHECK(is_complete("for (n in 1:N)\n y[n] ~ normal(0, 1);"));
  CHECK_FALSE(is_complete("parameters"));
  CHECK_FALSE(is_complete("real mu; /* the mean"));
  CHECK(is_complete("real mu; // (the mean"));
  CHECK(is_complete(":load a(b.sib"));
  CHECK_FALSE(is_complete(":data {\"y\": [1,"));
}

TEST_CASE("statements find their blocks") {
  Talk talk;
  CHECK(talk.ask("int<lower=1> N;") == "  in data\n");
  CHECK(talk.ask("data vector[N] y;").empty());
  CHECK(talk.ask("N ~ discrete_range(5, 20)") == "  in design\n");
  CHECK(talk.ask("real mu; real<lower=0> sigma;") == "  in parameters\n");
  CHECK(talk.ask("real precision = 1 / sigma^2;") == "  in transformed parameters\n");
  CHECK(talk.ask("real half = N / 2.0;") == "  in transformed data\n");
  CHECK(talk.ask("real twice(real x) { return 2 * x; }") == "  in functions\n");
  CHECK(talk.ask("real next = normal_rng(mu, sigma);") == "  in generated quantities\n");
  CHECK(talk.ask("mu ~ normal(0, twice(1));") == "  in model\n");
  CHECK(talk.ask("model {\n  sigma ~ exponential(1);\n}").empty());
  CHECK(talk.ask("for (n in 1:N) {\n  y[n] ~ normal(mu, sigma);\n}") == "  in model\n");
  CHECK(talk.ask(":model") == R"(functions {
  real twice(real x) {
    return 2 * x;
  }
}
data {
  int<lower=1> N;
  vector[N] y;
}
design {
  N ~ discrete_range(5, 20);
}
transformed data {
  real half = N / 2.0;
}
parameters {
  real mu;
  real<lower=0> sigma;
}
transformed parameters {
  real precision = 1 / sigma^2;
}
model {
  mu ~ normal(0, twice(1));
  sigma ~ exponential(1);
  for (n in 1:N) {
    y[n] ~ normal(mu, sigma);
  }
}
generated quantities {
  real next = normal_rng(mu, sigma);
}
)");
}

TEST_CASE("a block's name may stand before any statement of a line") {
  Talk talk;
  CHECK(talk.ask("real mu; data real y; transformed data real z = 2; model { mu ~ normal(0, z); }") ==
        "  in parameters, data, transformed data, model\n");
  CHECK(talk.ask(":model") == R"(data {
  real y;
}
transformed data {
  real z = 2;
}
parameters {
  real mu;
}
model {
  mu ~ normal(0, z);
}
)");
  CHECK(talk.ask("data vector[2] w; vector[2] v; w ~ normal(mu, 1); v ~ normal(0, 1);") ==
        "  in data, model, design\n");
  CHECK(has(talk.mistake("data real x; data rael x;"), "<4>:1:"));
  CHECK(has(talk.mistake("mu; data real x;"), "in a line of its own"));
}

TEST_CASE("a statement that is typed again replaces the one before") {
  Talk talk;
  type_normal_model(talk);
  CHECK(talk.ask("y ~ normal(mu, 2);") == "  in model, in place of `y ~ normal(mu, 1);`\n");
  CHECK(talk.ask("parameters { real<lower=0> mu; }") == "  in place of `real mu;`\n");
  CHECK(talk.ask("for (n in 1:N) y[n] ~ normal(mu, 3);") == "  in model, in place of `y ~ normal(mu, 2);`\n");
  const std::string model = talk.ask(":model");
  CHECK(has(model, "real<lower=0> mu;"));
  CHECK_FALSE(has(model, "real mu;"));
  CHECK_FALSE(has(model, "normal(mu, 2)"));
}

TEST_CASE("undo takes changes back one by one") {
  Talk talk;
  type_normal_model(talk);
  const std::string before = talk.ask(":model");
  talk.ask("mu ~ normal(1, 1);");
  talk.ask("real tau;");
  talk.ask(":undo");
  talk.ask(":undo");
  CHECK(talk.ask(":model") == before);
  for (int i = 0; i < 6; ++i) talk.ask(":undo");
  CHECK(talk.ask(":model") == "the model is empty\n");
  CHECK(has(talk.mistake(":undo"), "nothing to undo"));
}

TEST_CASE("errors underline what was typed and leave the model as it was") {
  Talk talk;
  type_normal_model(talk);
  const std::string before = talk.ask(":model");
  CHECK(talk.mistake("y ~ normal(mu, sigm);") == R"(error: `sigm` is not declared
 --> <8>:1:16
  |
1 | y ~ normal(mu, sigm);
  |                ^^^^

)");
  CHECK(has(talk.mistake("y ~ norml(mu, 1);"), "did you mean `normal`?"));
  CHECK(has(talk.mistake("parameters {\n  real a\n}"), "<10>:2:8"));
  CHECK(has(talk.mistake("exp(mu"), "<11>:1:"));
  CHECK(talk.ask(":model") == before);
}

TEST_CASE("what others need cannot change alone") {
  Talk talk;
  type_normal_model(talk);
  const std::string complaint = talk.mistake("data real N;");
  CHECK(has(complaint, "<3>:1:")); // the declaration whose size it is
  CHECK(has(complaint, "typed in one line"));
  CHECK(talk.ask("data int<lower=2> N; vector[N - 1] y;") ==
        "  in place of `int<lower=1> N;`, in place of `vector[N] y;`\n");
}

TEST_CASE("a model that more typing completes is no error") {
  Talk talk;
  talk.ask("real mu;");
  CHECK(talk.complained.empty());
  CHECK(has(talk.mistake(":prior"), "`mu` has no prior"));
  talk.ask("data real y;");
  CHECK(talk.ask("y ~ normal(mu, 1);") == "  in model\n");
}

TEST_CASE("the prior is drawn and plotted, with the data that it predicts") {
  Talk talk;
  type_normal_model(talk);
  const std::string text = talk.ask(":prior");
  CHECK(has(text, "parameter"));
  CHECK(has(text, "\nmu "));
  CHECK(has(text, "predicted"));
  CHECK(has(text, "\ny "));
  CHECK(has(text, "1000 draws from the prior"));
}

TEST_CASE("expressions are evaluated over the draws of the prior") {
  Talk talk;
  type_normal_model(talk);
  talk.ask("real twice(real x) { return 2 * x; }");
  talk.ask(":set prior_draws 20000");
  talk.ask(":set exact_seconds 2.5");
  CHECK(has(talk.ask(":set exact_seconds"), "2.5"));
  talk.ask(":prior");
  CHECK(std::abs(std::stod(talk.ask("mean(mu)"))) < 0.06);
  CHECK(std::abs(std::stod(talk.ask("sd(twice(mu))")) - 4) < 0.1);
  CHECK(std::abs(std::stod(talk.ask("quantile(mu, 0.9)")) - 2 * 1.2816) < 0.1);
  CHECK(std::abs(std::stod(talk.ask("sd(mean(y) - mu)")) - 0.3) < 0.06); // about 1 / sqrt(12)
  const std::string probability = talk.ask("mu > 2");
  CHECK(has(probability, "P(mu > 2) = 0.1"));
  CHECK(std::abs(std::stod(probability.substr(probability.find('=') + 1)) - 0.1587) < 0.01);
  CHECK(has(talk.ask("[mu, mu^2]'"), "([mu, mu^2]')[2]"));
  CHECK(has(talk.mistake("mu + thet"), "not declared"));
  CHECK(has(talk.mistake("y"), "size of this differs"));
}

TEST_CASE("draws whose generated quantities fail have no value, and a note says how many and why") {
  Talk talk;
  type_normal_model(talk);
  talk.ask("generated quantities real z = normal_rng(0, mu);"); // refused for a negative mean
  talk.ask(":prior");
  CHECK(has(talk.complained, "of 1000 draws failed: ") );
  CHECK(has(talk.complained, "must be"));
  // Of the draws that are there; those that are not would count as no.
  const std::string probability = talk.ask("z * z >= 0");
  CHECK(has(probability, "P(z * z >= 0) = 1.0000"));
  CHECK(has(talk.complained, "draws failed: it has missing values"));
  talk.ask("mean(mu)");
  CHECK(talk.complained.empty());
  // An expression that fails in some draws likewise.
  CHECK(has(talk.ask("normal_rng(mu, mu) < 1e9"), " = 1.0000"));
  CHECK(has(talk.complained, "draws failed: "));
  CHECK(has(talk.mistake("normal_rng(mu, -1)"), "in a draw, "));
}

TEST_CASE("an expression without draws is a calculation") {
  Talk talk;
  CHECK(talk.ask("1 + 2 * 3") == "7.000\n");
  CHECK(talk.ask("[1.5, 2] * 2") == "[3.000, 4.000]\n");
}

TEST_CASE("an expression before any command is about the prior, and says so") {
  Talk talk;
  type_normal_model(talk);
  talk.ask("mean(mu)");
  CHECK(has(talk.complained, "over 1000 draws from the prior"));
}

TEST_CASE("commands may be cut short, and unknown ones are refused") {
  Talk talk;
  type_normal_model(talk);
  CHECK(talk.ask(":mo") == talk.ask(":model"));
  CHECK(has(talk.mistake(":s"), "`:s` may be `:sample` or `:save`"));
  CHECK(has(talk.mistake(":nothing"), "no command `:nothing`"));
  CHECK(talk.say(":quit") == Outcome::ended);
}

TEST_CASE("settings are listed, changed, and refuse what is no value for them") {
  Talk talk;
  CHECK(talk.ask(":set missing 0.1").empty());
  CHECK(talk.ask(":set missing") == "0.1\n");
  CHECK(talk.ask(":set frame = prior").empty());
  CHECK(has(talk.ask(":set"), "frame             prior"));
  CHECK(has(talk.mistake(":set missing 2"), "`2` is no value for missing"));
  CHECK(has(talk.mistake(":set draws many"), "`many` is no value for draws"));
  CHECK(has(talk.mistake(":set nothing 1"), "no setting `nothing`"));
}

TEST_CASE("facts, stages and help are text") {
  Talk talk;
  type_normal_model(talk);
  CHECK(has(talk.ask(":facts"), "exchangeable"));
  CHECK(has(talk.ask(":emit llvm simulate"), "define"));
  CHECK(has(talk.mistake(":emit nothing"), "no stage `nothing`"));
  CHECK(has(talk.ask(":help"), ":train [around] [real] [sims N] [30s]"));
  CHECK(has(talk.ask(":help model"), "design"));
}

TEST_CASE("a number of simulations to train on is asked for where it is none") {
  Talk talk;
  type_normal_model(talk);
  CHECK(has(talk.mistake(":train sims"), "how many simulations?"));
  CHECK(has(talk.mistake(":train sims many"), "how many simulations?"));
  CHECK(has(talk.mistake(":train sims 200 soon"), "`soon` is no duration"));
}

TEST_CASE("models that cannot be compared are refused, each for its reason") {
  Talk talk;
  type_normal_model(talk);
  CHECK(has(talk.mistake(":compare"), "which models?"));
  CHECK(has(talk.mistake(":compare no-such.sib"), "no-such.sib"));
  CHECK(has(talk.mistake(":compare a.sibyl"), "a.sibyl holds no models to compare"));
  const std::string file = temporary("other.sib");
  std::ofstream(file)
      << "data { vector[3] y; } parameters { real mu; } model { mu ~ normal(0, 2); z ~ normal(mu, 6); }";
  CHECK(has(talk.mistake(":compare " + file), "`z`"));
  std::ofstream(file)
      << "data { vector[3] y; } parameters { real mu; } model { mu ~ normal(0, 2); y ~ normal(mu, 6); }";
  CHECK(has(talk.mistake(":compare " + file), "`N` is data of model, and not of " + file));
  CHECK(has(talk.mistake(":compare " + file + " to"), "which file?"));
  // One that says that it holds models, and does not.
  std::ofstream(file) << "{\"format\": \"sibyl models\"}";
  CHECK(has(talk.mistake(":compare " + file), "damaged"));
  std::filesystem::remove(file);
}

TEST_CASE("a model is saved and loaded again, comments included") {
  const std::string path = temporary("model.sib");
  {
    std::ofstream file(path);
    file << "// About y.\ndata {\n  real y; // seen\n}\nparameters {\n  // the mean\n  real mu;\n}\nmodel {\n  mu ~ "
            "normal(0, "
            "1);\n  y ~ normal(mu, 1);\n}\n";
  }
  Talk talk;
  CHECK(has(talk.ask(":load " + path), "4 declarations and statements"));
  const std::string model = talk.ask(":model");
  for (const char* comment : {"// About y.", "real y;  // seen", "  // the mean\n  real mu;"})
    CHECK(has(model, comment));
  talk.ask("mu ~ normal(0, 3);");
  talk.ask(":save " + path);
  Talk other;
  other.ask(":load " + path);
  CHECK(other.ask(":model") == talk.ask(":model"));
  std::filesystem::remove(path);
  CHECK(has(other.mistake(":load " + path), "sibyl-repl-test-model.sib"));
  CHECK(other.ask(":model") == talk.ask(":model"));
}

TEST_CASE("an error in a loaded file names its line") {
  const std::string path = temporary("wrong.sib");
  std::ofstream(path) << "parameters {\n  real mu;\n}\nmodel {\n  mu ~ normal(0, tau);\n}\n";
  Talk talk;
  CHECK(has(talk.mistake(":load " + path), "wrong.sib:5:18"));
  std::filesystem::remove(path);
}

TEST_CASE("commands, variables, distributions, functions and files are completed") {
  Talk talk;
  type_normal_model(talk);
  CHECK(talk.session.complete(":mod").candidates == std::vector<std::string>{":model"});
  CHECK(talk.session.complete(":plot m").candidates.front() == "mu");
  const Completion distribution = talk.session.complete("mu ~ std_");
  CHECK(distribution.begin == 5);
  CHECK(distribution.candidates == std::vector<std::string>{"std_normal("});
  const auto functions = talk.session.complete("mean(log1p").candidates;
  CHECK(std::ranges::find(functions, "log1p(") != functions.end());
  CHECK(talk.session.complete(":set prior_").candidates == std::vector<std::string>{"prior_draws "});
  CHECK(talk.session.complete(":emit ll").candidates == std::vector<std::string>{"llvm "});
  const std::string path = temporary("complete.sib");
  std::ofstream(path) << "\n";
  CHECK(talk.session.complete(":load " + path.substr(0, path.size() - 5)).candidates ==
        std::vector<std::string>{path + " "});
  std::filesystem::remove(path);
}

TEST_CASE("an interrupted command loses nothing") {
  Talk talk;
  talk.ask("data real y;");
  talk.ask("real mu; mu ~ normal(0, 1);");
  talk.ask("model {\n  real t = 0;\n  while (t < 1) t += 0 * mu; // never ends\n  y ~ normal(mu + t, 1);\n}");
  const std::string before = talk.ask(":model");
  talk.interrupted = 1;
  CHECK(has(talk.mistake(":prior"), "interrupted"));
  talk.interrupted = 0;
  CHECK(talk.ask(":model") == before);
}

TEST_CASE("chains need no training, and their draws are what expressions, plots and files are about") {
  Talk talk;
  talk.ask("data int<lower=1> N; vector[N] y;");
  talk.ask("real mu;");
  talk.ask("mu ~ normal(0, 1);");
  talk.ask("y ~ normal(mu, 1);");
  CHECK(has(talk.mistake(":mcmc"), "the model needs data (`:data FILE`)"));
  talk.ask(":data {\"N\": 3, \"y\": [1.5, -0.5, 0.25]}");
  CHECK(has(talk.ask(":mcmc chees"), "chains over lanes"));
  const std::string text = talk.ask(":mcmc");
  CHECK(has(text, "R-hat"));
  CHECK(has(text, "\nmu "));
  CHECK(has(text, "4 chains of 1000 draws in "));
  CHECK(std::abs(std::stod(talk.ask("mean(mu)")) - 1.25 / 4) < 0.05); // four standard errors
  CHECK(has(talk.ask(":check"), "4000 draws of 4 chains"));
  const std::string path = (std::filesystem::temp_directory_path() / "sibyl_repl_chains.csv").string();
  talk.ask(":save " + path);
  std::ifstream file(path);
  std::string header, line;
  std::getline(file, header);
  CHECK(has(header, "chain,mu,lp__,"));
  std::size_t rows = 0;
  while (std::getline(file, line)) ++rows;
  CHECK(rows == 4000);
  std::filesystem::remove(path);
  CHECK(has(talk.ask(":optimize"), "\nmu         0.31"));
  CHECK(has(talk.ask(":pathfinder"), "4000 draws from 4 of 4 paths"));
  CHECK(std::abs(std::stod(talk.ask("mean(mu)")) - 1.25 / 4) < 0.05);
  CHECK(has(talk.mistake(":mcmc x"), "no data set is called x"));
}
