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

void compare(const std::string& model, const std::string& frame, const std::string& budget, ClosedForm closed_form,
             double mean_error, double sd_error) {
  const fs::path folder = fs::temp_directory_path() / ("sibyl_conjugate_" + model + "_" + frame);
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
  run(sibyl + " train " + text + " --frame " + frame + " --steps " + budget + " --seed 5 -o " + at + "/sampler.sibyl");
  run(sibyl + " sample " + at + "/sampler.sibyl " + sets + " --by set -n 4000 -o " + at + "/draws.csv");
  const Table data = read(folder / "sims.csv"), draws = read(folder / "draws.csv");
  REQUIRE(draws.sets.size() == 100);
  std::map<std::string, std::vector<double>> errors, ratios;
  for (const auto& [set, rows] : draws.sets) {
    for (const auto& [name, exact] : closed_form(data, data.sets.at(set))) {
      double mean = 0, square = 0;
      for (const auto& row : rows) mean += row[draws.column(name)] / static_cast<double>(rows.size());
      for (const auto& row : rows)
        square += std::pow(row[draws.column(name)] - mean, 2) / static_cast<double>(rows.size() - 1);
      errors[name].push_back(std::abs(mean - exact.mean) / exact.sd);
      ratios[name].push_back(std::sqrt(square) / exact.sd);
    }
  }
  fs::remove_all(folder);
  const auto average = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  };
  for (const auto& [name, values] : errors) {
    WARN(model << ", " << frame << " frame, " << name << ": mean error " << average(values)
               << " posterior sd, sd ratio " << average(ratios[name]));
    CHECK(average(values) < mean_error);
    CHECK(average(ratios[name]) == Approx(1).margin(sd_error));
  }
}

} // namespace

TEST_CASE("a normal mean in the Laplace frame is the closed form") {
  compare("normal_mean", "laplace", "600", normal_mean, 0.05, 0.05);
}

TEST_CASE("the conjugate regression in the Laplace frame is the closed form") {
  compare("regression", "laplace", "1200", regression, 0.05, 0.05);
}

TEST_CASE("a mean of data observed on the log scale is the closed form") {
  compare("log_normal_mean", "laplace", "300", log_normal_mean, 0.05, 0.05);
}

TEST_CASE("a normal mean in the prior frame is near the closed form") {
  compare("normal_mean", "prior", "1500", normal_mean, 0.25, 0.2);
}
