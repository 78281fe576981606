// Amortized posteriors against closed forms, through the program: train, simulate 100 data sets, sample, compare.
//
// Tolerances: with 4,000 draws a mean is known to 0.016 posterior standard deviations and an sd to 1.1%, so that the
// averages over 100 data sets below fail by chance less than once in a million runs; seeds are fixed besides. What they
// allow is the networks'.
#include <Eigen/Dense>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace {

namespace fs = std::filesystem;

struct Table {
  std::vector<std::string> columns;
  std::map<std::string, std::vector<std::vector<double>>> sets; // by the column `set`, in rows

  std::size_t column(const std::string& name) const {
    const auto found = std::find(columns.begin(), columns.end(), name);
    REQUIRE(found != columns.end());
    return static_cast<std::size_t>(found - columns.begin());
  }
};

Table read(const fs::path& path) {
  std::ifstream file(path);
  Table table;
  std::string line, cell;
  REQUIRE(std::getline(file, line));
  for (std::istringstream cells(line); std::getline(cells, cell, ',');) table.columns.push_back(cell);
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::vector<double> row;
    while (std::getline(cells, cell, ',')) row.push_back(std::stod(cell));
    table.sets[line.substr(0, line.find(','))].push_back(row);
  }
  return table;
}

struct Exact {
  double mean, sd;
};
// The distribution function of the only parameter's posterior.
using Distribution = double (*)(const Table&, const std::vector<std::vector<double>>&, double);
using ClosedForm = std::map<std::string, Exact> (*)(const Table&, const std::vector<std::vector<double>>&);

std::map<std::string, Exact> normal_mean(const Table& table, const std::vector<std::vector<double>>& rows) {
  double sum = 0;
  for (const auto& row : rows) sum += row[table.column("y")];
  const double precision = 1 / 9.0 + static_cast<double>(rows.size()) / 4;
  return {{"mu", {(1 / 9.0 + sum / 4) / precision, std::sqrt(1 / precision)}}};
}

std::map<std::string, Exact> log_normal_mean(const Table& table, const std::vector<std::vector<double>>& rows) {
  double sum = 0;
  for (const auto& row : rows) sum += row[table.column("log_y")];
  const double precision = 1 / 4.0 + static_cast<double>(rows.size());
  return {{"mu", {sum / precision, std::sqrt(1 / precision)}}};
}

// gamma(1 + sum of the counts, 1 + how many they are)
std::map<std::string, Exact> poisson_rate(const Table& table, const std::vector<std::vector<double>>& rows) {
  double shape = 1;
  for (const auto& row : rows) shape += row[table.column("y")];
  const double rate = 1 + static_cast<double>(rows.size());
  return {{"rate", {shape / rate, std::sqrt(shape) / rate}}};
}

// Its distribution function at x; the shape is whole, so that it is a finite sum.
double poisson_rate_below(const Table& table, const std::vector<std::vector<double>>& rows, double x) {
  double events = 0, term = 1, sum = 0;
  for (const auto& row : rows) events += row[table.column("y")];
  const double scaled = x * (1 + static_cast<double>(rows.size()));
  for (int k = 0; k <= static_cast<int>(events); term *= scaled / ++k) sum += term;
  return 1 - std::exp(-scaled) * sum;
}

std::map<std::string, Exact> regression(const Table& table, const std::vector<std::vector<double>>& rows) {
  const auto n = static_cast<Eigen::Index>(rows.size());
  Eigen::MatrixXd x(n, 2);
  Eigen::VectorXd y(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    x.row(i) << 1, rows[static_cast<std::size_t>(i)][table.column("x")];
    y[i] = rows[static_cast<std::size_t>(i)][table.column("y")];
  }
  Eigen::Matrix2d precision = x.transpose() * x;
  precision(0, 0) += 0.25;
  precision(1, 1) += 1;
  const Eigen::Vector2d mean = precision.inverse() * x.transpose() * y;
  const double a = 3 + 0.5 * static_cast<double>(n), b = 2 + 0.5 * (y.squaredNorm() - mean.dot(precision * mean));
  // Marginally the variance is inverse gamma, the coefficients are t with 2 a degrees of freedom.
  const Eigen::Matrix2d scale = b / a * precision.inverse();
  const double widen = std::sqrt(2 * a / (2 * a - 2));
  return {{"variance", {b / (a - 1), b / (a - 1) / std::sqrt(a - 2)}},
          {"intercept", {mean[0], widen * std::sqrt(scale(0, 0))}},
          {"slope", {mean[1], widen * std::sqrt(scale(1, 1))}}};
}

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system((command + " > /dev/null 2>&1").c_str()) == 0);
}

// What simulation has no values for, y, from what it drew: the data that a user would have.
void undo_log(const fs::path& from, const fs::path& to) {
  const Table table = read(from);
  std::ofstream file(to);
  file.precision(17);
  file << "set,y\n";
  for (const auto& [set, rows] : table.sets)
    for (const auto& row : rows) file << set << ',' << std::exp(row[table.column("log_y")]) << '\n';
}

// How far a parameter's amortized posteriors are from the closed forms, on average over the data sets.
struct Distance {
  double mean_error = 0; // in posterior standard deviations
  double sd_ratio = 0;
  double largest_sd_ratio = 0; // of all data sets
  double kolmogorov = 0; // largest difference of the distribution functions, where the closed form has one
};

std::map<std::string, Distance> measure(const std::string& model, const std::string& frame, const std::string& steps,
                                        ClosedForm closed_form, Distribution distribution = nullptr) {
  const fs::path folder = fs::temp_directory_path() / ("sibyl_conjugate_" + model + "_" + frame + "_" + steps);
  fs::create_directories(folder);
  const std::string sibyl = SIBYL_PROGRAM,
                    text = std::string(SIBYL_SOURCE_DIR) + "/tests/models/conjugate/" + model + ".sib";
  const std::string at = folder.string();
  run(sibyl + " simulate " + text + " -n 100 --seed 4242 --double -o " + at + "/sims.csv");
  std::string sets = at + "/sims.csv";
  if (model == "log_normal_mean") {
    sets = at + "/given.csv";
    undo_log(folder / "sims.csv", sets);
  }
  run(sibyl + " train " + text + " --frame " + frame + " --steps " + steps + " --seed 5 -o " + at + "/sampler.sibyl");
  run(sibyl + " sample " + at + "/sampler.sibyl " + sets + " --by set -n 4000 -o " + at + "/draws.csv");
  const Table data = read(folder / "sims.csv"), draws = read(folder / "draws.csv");
  fs::remove_all(folder);
  REQUIRE(draws.sets.size() == 100);
  const auto share = 1 / static_cast<double>(draws.sets.size());
  std::map<std::string, Distance> result;
  for (const auto& [set, rows] : draws.sets) {
    for (const auto& [name, exact] : closed_form(data, data.sets.at(set))) {
      std::vector<double> values;
      for (const auto& row : rows) values.push_back(row[draws.column(name)]);
      const auto count = static_cast<double>(values.size());
      double mean = 0, square = 0;
      for (const double value : values) mean += value / count;
      for (const double value : values) square += std::pow(value - mean, 2) / (count - 1);
      Distance& distance = result[name];
      distance.mean_error += share * std::abs(mean - exact.mean) / exact.sd;
      distance.sd_ratio += share * std::sqrt(square) / exact.sd;
      distance.largest_sd_ratio = std::max(distance.largest_sd_ratio, std::sqrt(square) / exact.sd);
      if (!distribution) continue;
      std::sort(values.begin(), values.end());
      double largest = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double below = distribution(data, data.sets.at(set), values[i]), at_rank = static_cast<double>(i) / count;
        largest = std::max({largest, below - at_rank, at_rank + 1 / count - below});
      }
      distance.kolmogorov += share * largest;
    }
  }
  for (const auto& [name, distance] : result)
    WARN(model << ", " << frame << " frame, " << steps << " steps, " << name << ": mean error " << distance.mean_error
               << " posterior sd, sd ratio " << distance.sd_ratio << " (largest "
               << distance.largest_sd_ratio << ")" << ", Kolmogorov distance " << distance.kolmogorov);
  return result;
}

void compare(const std::string& model, const std::string& frame, const std::string& steps, ClosedForm closed_form,
             double mean_error, double sd_error) {
  for (const auto& [name, distance] : measure(model, frame, steps, closed_form)) {
    INFO(name);
    CHECK(distance.mean_error < mean_error);
    CHECK(distance.sd_ratio == Approx(1).margin(sd_error));
  }
}

} // namespace

// Its frame is the posterior itself: training may only keep it. What training learns is tested by the rate below.
TEST_CASE("a normal mean in the Laplace frame is the closed form, and stays it in training") {
  compare("normal_mean", "laplace", "1", normal_mean, 0.05, 0.05);
  compare("normal_mean", "laplace", "200", normal_mean, 0.05, 0.05);
}

// With few counts the posterior is far from its Laplace approximation, which is the untrained network's.
TEST_CASE("a Poisson rate in the Laplace frame is the closed form, and without training it is not") {
  const Distance untrained = measure("poisson_rate", "laplace", "1", poisson_rate, poisson_rate_below).at("rate");
  CHECK(untrained.kolmogorov > 0.08);
  CHECK(untrained.mean_error > 0.2);
  CHECK(untrained.sd_ratio > 1.2);
  const Distance trained = measure("poisson_rate", "laplace", "600", poisson_rate, poisson_rate_below).at("rate");
  CHECK(trained.kolmogorov < 0.025); // 4,000 exact draws have 0.014
  CHECK(trained.mean_error < 0.05);
  CHECK(trained.sd_ratio == Approx(1).margin(0.05));
}

TEST_CASE("the conjugate regression in the Laplace frame is the closed form") {
  compare("regression", "laplace", "1200", regression, 0.05, 0.05);
}

// Some 10 seconds of training. Moments, not medians: one draw a million sds out would spoil them.
TEST_CASE("means and sds of few rows are those of the closed form after a short training") {
  for (const auto& [name, distance] : measure("regression_of_few", "laplace", "700", regression)) {
    INFO(name);
    CHECK(distance.mean_error < 0.1);
    CHECK(distance.sd_ratio == Approx(1).margin(0.1));
    CHECK(distance.largest_sd_ratio < 1.5);
  }
}

TEST_CASE("a mean of data observed on the log scale is the closed form") {
  compare("log_normal_mean", "laplace", "300", log_normal_mean, 0.05, 0.05);
}

TEST_CASE("a normal mean in the prior frame is near the closed form") {
  compare("normal_mean", "prior", "1500", normal_mean, 0.25, 0.2);
}
