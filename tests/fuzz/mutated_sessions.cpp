// Damaged sessions at the prompt: every line is carried out or complained of, and none is a bug.
#include "tests/fuzz/fuzz.hpp"

#include "lang/errors.hpp"
#include "runtime/repl/session.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <thread>

using namespace sibyl;

namespace {

const std::vector<std::string> sessions = {
    R"(int<lower=1> N; data vector[N] y; real mu; real<lower=0> sigma;
N ~ discrete_range(2, 4);
mu ~ normal(0, 2); sigma ~ exponential(1);
y ~ normal(mu, sigma);
:prior
mean(mu / sigma)
quantile(y[1], 0.5)
mu > 0
:plot sigma
:pairs mu sigma
:data {"N": 2, "y": [0.5, 1]}
:undo
:model
)",
    R"(array[3] int<lower=0> y; vector<lower=0>[3] rate;
rate ~ gamma(2, 1);
for (i in 1:3) { y[i] ~ poisson(rate[i]); }
real total = sum(rate);
:facts
:set prior_draws 20
:prior
y[2] + 1
[rate[1], total]'
:set seed 3
:help model
)",
    R"(functions { real twice(real x) { return 2 * x; } }
real<lower=0, upper=1> theta; data int<lower=0> k; data int<lower=1> n;
k ~ binomial(n, theta);
generated quantities { int again = binomial_rng(n, theta); }
transformed data { int half = n %/% 2; }
:data {"n": 10, "k": 3}
:emit ir
:sample
:check
twice(theta)
)"};

// Commands that write files, open an editor or train, and numbers that ask for hours of work.
bool is_left_out(const std::string& line) {
  for (const char* command : {":sav", ":e", ":t", ":l"})
    if (line.find(command) != std::string::npos && line.find(":emit") == std::string::npos) return true;
  std::size_t digits = 0;
  for (const char c : line) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 3 || (digits > 0 && line.find("e3") != std::string::npos)) return true;
  }
  return false;
}

// Sets the flag where an input takes too long: one that cannot end is not a finding if Ctrl-C ends it.
class Watch {
 public:
  explicit Watch(std::atomic<std::int32_t>& flag) : flag_(flag) {}
  void start() {
    const std::scoped_lock lock(mutex_);
    flag_ = 0;
    ++number_;
    changed_.notify_one();
  }
  ~Watch() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const std::size_t watched = number_;
      if (!changed_.wait_for(lock, std::chrono::seconds(2), [&] { return stopping_ || number_ != watched; })) flag_ = 1;
    }
  }
  std::atomic<std::int32_t>& flag_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t number_ = 0;
  bool stopping_ = false;
  std::jthread thread_{[this] { run(); }}; // last: it uses all of the above
};

} // namespace

TEST_CASE("damaged sessions at the prompt are carried out or complained of") {
  std::atomic<std::int32_t> interrupted = 0;
  Watch watch(interrupted);
  const auto outcome = fuzz::run(sessions, {":prior", ":undo",      ":data {\"y\": [1]}",
                                            "mu",     "rate",       "y[1]",
                                            "\n",     ";",          "(",
                                            ")",      "{",          "}",
                                            "[",      "]",          "~ normal(",
                                            "mean(",  "quantile(",  "\n:prior\n",
                                            ":plot ", "data ",      "int<lower=1> ",
                                            "real ",  "vector[2] ", "= ",
                                            "'",      "\""},
                                 40, [&](const std::string& text) {
                                   std::string complained;
                                   repl::Surroundings around;
                                   around.print = [](std::string_view) {};
                                   around.complain = [&](std::string_view part) { complained += part; };
                                   around.progress = [](std::string_view) {};
                                   around.interrupted = &interrupted;
                                   around.plot = {.unicode = false, .width = 40};
                                   repl::Settings settings;
                                   settings.threads = 1;
                                   settings.prior_draws = 50;
                                   settings.draws = 50;
                                   repl::Session session(around, settings);
                                   std::istringstream lines(text);
                                   bool fails = false;
                                   for (std::string line; std::getline(lines, line);) {
                                     if (is_left_out(line)) continue;
                                     watch.start();
                                     complained.clear();
                                     const repl::Outcome outcome = session.run(line);
                                     if (complained.find("internal error") != std::string::npos)
                                       throw std::logic_error(line + "\n" + complained);
                                     if (outcome == repl::Outcome::failed && complained.empty())
                                       throw std::logic_error(line + ": failed in silence");
                                     fails |= outcome == repl::Outcome::failed;
                                     if (outcome == repl::Outcome::ended) break;
                                   }
                                   if (fails) throw UserError("a line of it");
                                 });
  CHECK(outcome.accepted + outcome.refused > 0);
}
