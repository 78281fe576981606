// Damaged data files and sampler files.
#include "tests/fuzz/fuzz.hpp"

#include "lang/errors.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/json_data.hpp"
#include "runtime/data/npz.hpp"
#include "runtime/model/data_batch.hpp"
#include "tests/stored_archive.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace sibyl;

namespace {

VariableFact variable(const std::string& name, bool is_integer, Role role, std::vector<DimensionFact> dimensions = {}) {
  VariableFact fact;
  fact.name = name;
  fact.type = "type";
  fact.is_integer = is_integer;
  fact.role = role;
  fact.dimensions = std::move(dimensions);
  return fact;
}

// int N; int K; array[N] int group; matrix[N, K] x; vector[2 * N - 1] y; array[2] vector[3] z;
Facts facts() {
  Facts all;
  all.variables = {variable("N", true, Role::design),
                   variable("K", true, Role::design),
                   variable("group", true, Role::design, {{"N", {}, DimensionKind::exchangeable, "", 0}}),
                   variable("x", false, Role::design,
                            {{"N", {}, DimensionKind::exchangeable, "", 0}, {"K", {}, DimensionKind::fixed, "", -1}}),
                   variable("y", false, Role::observed, {{"2 * N - 1", {}, DimensionKind::exchangeable, "", 0}}),
                   variable("z", false, Role::observed,
                            {{"2", 2, DimensionKind::fixed, "", -1}, {"3", 3, DimensionKind::fixed, "", -1}})};
  all.variables[2].upper = "K";
  return all;
}

// What follows reading in every program.
void use(const ReadResult& read, const Facts& model) {
  const DataBatch batch = gather(model, read.data_sets);
  for (std::size_t i = 0; i < batch.count; ++i) extract(model, batch, i);
  to_tensors(model, batch);
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& ending)
      : path_(
            (std::filesystem::temp_directory_path() / ("sibyl_fuzz_" + std::to_string(::getpid()) + ending)).string()) {
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::vector<std::string> json_files = {
    R"({"N": 2, "K": 1, "group": [1, 1], "x": [[0.5], [1]], "y": [1, 2, null], "z": [[1, 2, 3], [4, 5, 6]]})",
    R"([{"N": 1, "K": 2, "group": [1], "x": [[0.5, -1e3]], "y": [NaN], "z": [[1, "Inf", 3], [4, 5, -Infinity]]},
 {"N": 2, "K": 1, "group": [1, 1], "x": [[0.5], [true]], "y": [1, 2, 3], "z": [[1, 2, 3], [4, 5, 6]]}])",
    R"({"N": 0, "K": 0, "group": [], "x": [], "y": [], "z": [[1, 2, 3], [4, 5, 6]], "more": "\u00e9\n"})"};

std::string npy(const std::string& type, const std::string& shape, const std::string& values) {
  const std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
  return std::string("\x93NUMPY\x01\x00", 8) + test::little_endian(header.size(), 2) + header + values;
}

std::string reals(std::initializer_list<double> values) {
  std::string bytes;
  for (const double value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

} // namespace

TEST_CASE("damaged JSON files are read or refused") {
  const Facts model = facts();
  const auto outcome = fuzz::run(
      json_files, {"[", "]", "{", "}", ",", ":", "[[", "]]", "null", "NaN", "\"N\": 3", "\"", "\\u", "[[[[[[[["}, 20000,
      [&](const std::string& text) { use(parse_data_sets(text, "a.json", model), model); });
  CHECK(outcome.accepted > 0);
  CHECK(outcome.refused > 0);
}

TEST_CASE("damaged CSV files are read or refused") {
  const Facts model = facts();
  const std::vector<std::string> files = {
      "group,x.1,x.2,y,z.1.1,z.1.2,z.1.3,z.2.1,z.2.2,z.2.3\n1,0.5,2,1,1,2,3,4,5,6\n",
      "s,N,K,group,x[1],y,z[1,1],z[1,2],z[1,3],z[2,1],z[2,2],z[2,3]\na,1,2,1,0.5,NA,1,2,3,4,5,6\n"
      "b,1,2,2,1e3,-1,1,2,3,4,5,6\n",
      "# comment\n\"group\";x.1;y\n\"a \"\"b\"\"\";1;2\nb;2;.\n"};
  std::size_t number = 0;
  const auto outcome = fuzz::run(
      files, {",", ";", "\"", "\n", "\r\n", "NA", "1e5", "x.1", "[1,1]", ".99", "\t", "group", "0x1p3", "nan(1)"},
      20000, [&](const std::string& text) {
        ReadOptions options;
        if (++number % 2 == 0) options.by = "s";
        options.require_observed = number % 3 != 0;
        use(to_data_sets(parse_csv(text, "a.csv"), model, options), model);
      });
  CHECK(outcome.refused > 0);
}

TEST_CASE("damaged NPZ files are read or refused") {
  const Facts model = facts();
  const TemporaryFile file(".npz");
  const std::vector<std::string> arrays = {npy("<f8", "2, 1, ", reals({1, 2})),
                                           npy("<i4", "2, ", test::little_endian(1, 4) + test::little_endian(1, 4)),
                                           npy(">f4", "", std::string("\x3f\x80\x00\x00", 4)),
                                           npy("|b1", "3, ", std::string(3, '\1')), npy("<f8", "0, 4, ", "")};
  const auto archive = [](const std::string& x) {
    return test::stored_archive(
        {{"N.npy", npy("<i8", "", test::little_endian(2, 8))},
         {"K.npy", npy("<i8", "", test::little_endian(1, 8))},
         {"group.npy", npy("<i8", "2, ", test::little_endian(1, 8) + test::little_endian(1, 8))},
         {"x.npy", x},
         {"y.npy", npy("<f8", "3, ", reals({1, 2, 3}))},
         {"z.npy", npy("<f8", "2, 3, ", reals({1, 2, 3, 4, 5, 6}))}});
  };
  const auto read = [&](const std::string& bytes) {
    parse_npz(bytes, "a.npz");
    std::ofstream(file.path(), std::ios::binary) << bytes;
    use(read_data_sets(file.path(), model), model);
  };
  const std::vector<std::string> pieces = {"(", ")", "4294967296, ", "'<f8'", "True", "'shape': ", "PK\x05\x06",
                                           "PK\x01\x02", std::string(8, '\xff'), std::string(4, '\0')};
  SECTION("arrays in a sound archive") {
    const auto outcome = fuzz::run(arrays, pieces, 10000, read, archive);
    CHECK(outcome.accepted > 0);
    CHECK(outcome.refused > 0);
  }
  SECTION("the archive itself") {
    const auto outcome = fuzz::run({archive(arrays[0])}, pieces, 20000, read);
    CHECK(outcome.refused > 0);
  }
}
