#include "tests/performance/figures.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace sibyl::bench {

namespace {

nlohmann::ordered_json to_json(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

double rate(const Effort& effort, const Work& work) {
  const double start = thread_seconds();
  double done = 0, elapsed = 0;
  do {
    done += work();
    elapsed = thread_seconds() - start;
  } while (elapsed < effort.seconds);
  return done / elapsed;
}

} // namespace

void print(const Figure& figure) {
  nlohmann::ordered_json line = {
      {"figure", figure.name},
      {"value", figure.value},
      {"unit", figure.unit},
      {"against", figure.against.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(figure.against)},
      {"baseline", to_json(figure.baseline)},
      {"ratio", to_json(figure.ratio)},
      {"aim", nullptr},
      {"met", nullptr},
      {"turns", figure.turns}};
  if (figure.aim) {
    const Aim& aim = *figure.aim;
    const double reached = aim.of == Aim::Of::ratio ? figure.ratio.value() : figure.value;
    const bool at_least = aim.bound == Aim::Bound::at_least;
    line["aim"] = {{"of", aim.of == Aim::Of::ratio ? "ratio" : "value"},
                   {at_least ? "at_least" : "at_most", aim.number}};
    line["met"] = at_least ? reached >= aim.number : reached <= aim.number;
  }
  if (!figure.parts.empty()) line["parts"] = figure.parts;
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Comparison compare(const Effort& effort, const Work& work, const Work& baseline) {
  work(); // memory is touched and code is in the caches
  baseline();
  std::vector<double> rates, baseline_rates, ratios;
  for (int turn = 0; turn < effort.turns; ++turn) {
    rates.push_back(rate(effort, work));
    baseline_rates.push_back(rate(effort, baseline));
    ratios.push_back(rates.back() / baseline_rates.back());
  }
  return {median(rates), median(baseline_rates), median(ratios)};
}

} // namespace sibyl::bench
