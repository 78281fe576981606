// Draws out: Stan's layout, numbers that read back exactly, and no half files.
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/draws.hpp"
#include "runtime/data/npz.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <unistd.h>

using namespace sibyl;

namespace {

std::string temporary_path(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("sibyl_unit_data_" + std::to_string(::getpid()) + "_" + name))
      .string();
}

// Two draws of a scalar, a matrix[2, 3] and one column of ours.
Draws example(const std::string& label) {
  Draws draws;
  draws.label = label;
  draws.variables = {{"mu", false, {}, 0}, {"m", false, {2, 3}, 1}};
  draws.columns = {"mu"};
  for (const std::string& name : column_names("m", {2, 3})) draws.columns.push_back(name);
  draws.columns.push_back("log_density__");
  draws.row_count = 2;
  draws.values = {0.5, 11, 21, 12, 22, 13, 23, -1, 1.5, 31, 41, 32, 42, 33, 43, -2};
  return draws;
}

} // namespace

TEST_CASE("columns of a matrix are named with the first index fastest") {
  CHECK(column_names("x", {}) == std::vector<std::string>{"x"});
  CHECK(column_names("m", {2, 3}) == std::vector<std::string>{"m.1.1", "m.2.1", "m.1.2", "m.2.2", "m.1.3", "m.2.3"});
  CHECK(row_major_position(1, {2, 3}) == 3);
  CHECK(row_major_position(4, {2, 3}) == 2);
}

TEST_CASE("numbers read back as the same double") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const std::string text = format_double(value);
    REQUIRE(std::strtod(text.c_str(), nullptr) == value);
  }
  CHECK(format_double(0.1) == "0.1");
  CHECK(format_double(NAN) == "nan");
  CHECK(format_double(-INFINITY) == "-inf");
}

TEST_CASE("draws as CSV") {
  const std::string path = temporary_path("draws.csv");
  write_draws_csv(path, {example("1")}, "", {"model: m.sib"});
  CHECK(read_file(path) == "# model: m.sib\nmu,m.1.1,m.2.1,m.1.2,m.2.2,m.1.3,m.2.3,log_density__\n"
                           "0.5,11,21,12,22,13,23,-1\n1.5,31,41,32,42,33,43,-2\n");
  write_draws_csv(path, {example("a,b"), example("c")}, "subj");
  const std::string text = read_file(path);
  CHECK(text.rfind("subj,mu,", 0) == 0);
  CHECK(text.find("\n\"a,b\",0.5,") != std::string::npos);
  CHECK(text.find("\nc,1.5,") != std::string::npos);
  std::filesystem::remove(path);
}

TEST_CASE("draws as NPZ are row-major per variable") {
  const std::string path = temporary_path("draws.npz");
  write_draws_npz(path, {example("1"), example("2")});
  const auto arrays = read_npz(path);
  CHECK(arrays.at("m").extents == std::vector<std::int64_t>{2, 2, 2, 3});
  const auto& values = arrays.at("m").values;
  CHECK(std::vector<double>(values.begin(), values.begin() + 6) == std::vector<double>{11, 12, 13, 21, 22, 23});
  CHECK(arrays.at("mu").extents == std::vector<std::int64_t>{2, 2});
  CHECK(arrays.at("log_density__").values == std::vector<double>{-1, -2, -1, -2});
  std::filesystem::remove(path);
}

TEST_CASE("summaries leave out our own columns and turn what is not finite into null") {
  Draws draws = example("7");
  draws.values[0] = INFINITY;
  const nlohmann::json json = summary_json(draws);
  CHECK(json["set"] == "7");
  CHECK(json["parameters"].size() == 7);
  CHECK(json["parameters"]["mu"]["mean"].is_null());
  CHECK(json["parameters"]["m.1.1"]["mean"] == 21);
  CHECK(json["parameters"]["m.1.1"]["median"] == 21);
  CHECK(json["parameters"]["m.1.1"]["sd"].get<double>() == Approx(std::sqrt(200.0)));
  CHECK(json["parameters"]["m.1.1"]["q5"].get<double>() == Approx(12));
}

TEST_CASE("a file is complete or not there") {
  const std::string path = temporary_path("atomic.txt");
  {
    OutputFile file(path);
    file.write("half");
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
  write_file(path, "whole");
  {
    OutputFile file(path);
    file.write("abandoned");
  }
  CHECK(read_file(path) == "whole");
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
    CHECK(entry.path().string().rfind(path + ".", 0) != 0);
  std::filesystem::remove(path);
}

TEST_CASE("a full disk is an error that says so") {
  OutputFile file("/dev/full");
  file.write("x");
  CHECK_THROWS_WITH(file.commit(), Catch::Contains("cannot write /dev/full: No space left on device"));
}

TEST_CASE("a place that cannot be written to is the user's error") {
  CHECK_THROWS_AS(write_file("/nowhere/x.csv", ""), UserError);
  CHECK_THROWS_AS(write_file("/", ""), UserError);
}
