// Data sets from JSON, CSV and NPZ: what is accepted, and what the messages say where it is not.
#include "tests/decimal_comma.hpp"
#include "tests/stored_archive.hpp"

#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/json_data.hpp"
#include "runtime/data/npz.hpp"
#include "runtime/data/size_expression.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>

using namespace sibyl;
using Catch::Contains;

namespace {

VariableFact variable(const std::string& name, const std::string& type, bool is_integer, Role role,
                      std::vector<std::string> sizes = {}) {
  VariableFact fact;
  fact.name = name;
  fact.type = type;
  fact.is_integer = is_integer;
  fact.role = role;
  for (const std::string& size : sizes) {
    DimensionFact dimension;
    dimension.size = size;
    if (std::isdigit(static_cast<unsigned char>(size[0]))) dimension.constant_size = std::stoll(size);
    fact.dimensions.push_back(dimension);
  }
  return fact;
}

// int N; array[N] int cond; vector[N] y;
Facts regression() {
  Facts facts;
  facts.variables = {
      variable("N", "int", true, Role::design), variable("cond", "array[N] int", true, Role::design, {"N"}),
      variable("y", "vector[N]", false, Role::observed, {"N"}), variable("mu", "real", false, Role::parameter)};
  facts.variables[0].is_size = true;
  return facts;
}

template <typename Function>
std::string message(Function&& function) {
  try {
    function();
  } catch (const UserError& error) {
    return error.what();
  }
  return "(no error)";
}

std::string csv_message(const std::string& text, const Facts& facts, const ReadOptions& options = {}) {
  return message([&] { to_data_sets(parse_csv(text, "a.csv"), facts, options); });
}

std::string temporary_path(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("sibyl_unit_data_" + std::to_string(::getpid()) + "_" + name))
      .string();
}

} // namespace

TEST_CASE("size expressions") {
  const auto value = [](const char* text) {
    return evaluate_size(text, [](std::string_view name) -> std::optional<std::int64_t> {
      return name == "N" ? std::optional<std::int64_t>(7) : std::nullopt;
    });
  };
  CHECK(value("3") == 3);
  CHECK(value("N") == 7);
  CHECK(value(" 2 * (N - 1) + 1 ") == 13);
  CHECK(value("N / 2 * 2") == 6);
  CHECK(value("-N + 8") == 1);
  CHECK_FALSE(value("M"));
  CHECK_FALSE(value("size(x)"));
  CHECK_FALSE(value("N / 0"));
  CHECK_FALSE(value("N +"));
}

TEST_CASE("JSON: nested arrays are row-major, and Stan's special numbers are read") {
  const auto sets =
      parse_json_data(R"({"x": [[1, 2, 3], [4, 5, 6]], "y": [1.5, NaN, "Inf", -Infinity, null], "n": 3})", "a.json");
  REQUIRE(sets.size() == 1);
  const Tensor& x = sets[0].variables.at("x");
  CHECK(x.is_integer);
  CHECK(x.extents == std::vector<std::int64_t>{2, 3});
  CHECK(x.values == std::vector<double>{1, 2, 3, 4, 5, 6});
  const Tensor& y = sets[0].variables.at("y");
  CHECK_FALSE(y.is_integer);
  CHECK(std::isnan(y.values[1]));
  CHECK(y.values[2] == INFINITY);
  CHECK(y.values[3] == -INFINITY);
  CHECK(std::isnan(y.values[4]));
  CHECK(sets[0].variables.at("n").extents.empty());
}

TEST_CASE("JSON: a tuple is an object of its parts, an array of tuples an array for each") {
  const auto sets = parse_json_data(
      R"({"t": {"1": 4, "2": [0.5, 1]}, "ts": [[{"1": {"1": 1, "2": [2]}, "2": 3}], [{"2": 6, "1": {"1": 4, "2": [5]}}]]})",
      "a.json");
  REQUIRE(sets.size() == 1);
  const auto& variables = sets[0].variables;
  CHECK(variables.size() == 5);
  CHECK(variables.at("t:1").extents.empty());
  CHECK(variables.at("t:1").values == std::vector<double>{4});
  CHECK(variables.at("t:2").values == std::vector<double>{0.5, 1});
  CHECK(variables.at("ts:1:1").extents == std::vector<std::int64_t>{2, 1});
  CHECK(variables.at("ts:1:1").values == std::vector<double>{1, 4});
  CHECK(variables.at("ts:1:2").extents == std::vector<std::int64_t>{2, 1, 1});
  CHECK(variables.at("ts:1:2").values == std::vector<double>{2, 5});
  CHECK(variables.at("ts:2").values == std::vector<double>{3, 6});
  const auto of = [](const char* text) { return message([&] { parse_json_data(text, "a.json"); }); };
  CHECK(of(R"({"t": [{"1": 1, "2": 2}, {"1": 1}]})") == "a.json: `t:2` is not in every element of the array of tuples");
  CHECK(of(R"({"t": [{"1": 1}, 2]})") == "a.json: `t[2]` is 2, a tuple was expected");
  CHECK(of(R"({"t": [1, {"1": 1}]})") == "a.json: `t[2]` is an object, which is not a number");
  CHECK(of(R"({"t": {"mean": 1}})") == "a.json: `t` is an object, which is not a number");
  CHECK(of(R"({"t": [{"1": [1, 2]}, {"1": [1]}]})") ==
        "a.json: `t:1[2]` has 1 elements where the one before it has 2; nested arrays must be rectangular");
}

TEST_CASE("JSON: an array of objects is several data sets") {
  CHECK(parse_json_data(R"([{"a": 1}, {"a": 2}])", "a.json").size() == 2);
}

TEST_CASE("JSON: mistakes name the place") {
  const auto of = [](const char* text) { return message([&] { parse_json_data(text, "a.json"); }); };
  CHECK(of(R"({"x": [1, "abc"]})") == "a.json: `x[2]` is \"abc\", which is not a number");
  CHECK(of(R"({"x": [[1, 2], [3]]})") ==
        "a.json: `x[2]` has 1 elements where the one before it has 2; nested arrays must be rectangular");
  CHECK(of(R"({"x": [[1], 2]})") == "a.json: `x[2]` is 2, an array was expected");
  CHECK(of(R"({"x": [1, [2]]})") == "a.json: `x[2]` is an array where earlier elements are numbers");
  CHECK_THAT(of("{\"x\": \n 1,,}"), Contains("a.json: not valid JSON") && Contains("line 2"));
  CHECK_THAT(of("3"), Contains("a data set is an object"));
  CHECK_THAT(message([] { read_json_data("/nowhere/a.json"); }), Contains("cannot read /nowhere/a.json: No such file"));
}

TEST_CASE("conform checks types, ranks and lengths") {
  const auto of = [](const char* text) {
    return message([&] { conform(parse_json_data(text, "a.json")[0], regression(), "a.json"); });
  };
  CHECK(of(R"({"N": 2, "cond": [1, 2], "y": [0.5, 1]})") == "(no error)");
  CHECK(of(R"({"N": 2.0, "cond": [1.0, 2], "y": [0.5, 1]})") == "(no error)");
  CHECK(of(R"({"N": 2, "cond": [1, 1.5], "y": [0.5, 1]})") == "a.json: `cond[2]` is 1.5, which is not an integer");
  CHECK(of(R"({"N": 2, "cond": [1, 3e10], "y": [0.5, 1]})") ==
        "a.json: `cond[2]` is 30000000000, too large for an integer of 32 bits");
  CHECK(of(R"({"N": 2, "cond": [1, null], "y": [0.5, null]})") ==
        "a.json: `cond[2]` is missing; only observed variables may have missing values");
  CHECK(of(R"({"N": 2, "cond": [1, 2], "y": [0.5]})") ==
        "a.json: `y` has 1 element in dimension 1, the model declares vector[N] where N is 2");
  CHECK(of(R"({"N": 2, "cond": 1, "y": [0.5, 1]})") ==
        "a.json: `cond` has 0 dimensions, the model declares array[N] int with 1");
  CHECK(of(R"({"n": 2, "cond": [1, 2], "y": [0.5, 1]})") ==
        "a.json: the variable `N` (int) is missing; did you mean `n`?");
}

TEST_CASE("conform gives an empty array its declared dimensions") {
  Facts facts;
  facts.variables = {variable("N", "int", true, Role::design),
                     variable("x", "matrix[N, 3]", false, Role::design, {"N", "3"})};
  const DataSet set = conform(parse_json_data(R"({"N": 0, "x": []})", "a.json")[0], facts, "a.json");
  CHECK(set.variables.at("x").extents == std::vector<std::int64_t>{0, 3});
}

TEST_CASE("CSV: columns become vectors, a size is the number of rows, `by` splits in order of appearance") {
  const auto result = to_data_sets(parse_csv("subj,cond,y,unused\nb,1.0,0.5,x\na,2,1.5,x\nb,2,2.5,x\n", "a.csv"),
                                   regression(), {.by = "subj"});
  REQUIRE(result.data_sets.size() == 2);
  CHECK(result.data_sets[0].label == "b");
  CHECK(result.data_sets[0].variables.at("N").values == std::vector<double>{2});
  CHECK(result.data_sets[0].variables.at("cond").values == std::vector<double>{1, 2});
  CHECK(result.data_sets[0].variables.at("y").values == std::vector<double>{0.5, 2.5});
  CHECK(result.data_sets[1].label == "a");
  CHECK(result.notes.empty());
}

TEST_CASE("CSV: text becomes levels in alphabetical order over the whole table, and a note says so") {
  const auto result = to_data_sets(parse_csv("s,cond,y\n1,LC,0\n2,HC,1\n2,LC,1\n", "a.csv"), regression(), {.by = "s"});
  CHECK(result.data_sets[0].variables.at("cond").values == std::vector<double>{2});
  CHECK(result.data_sets[1].variables.at("cond").values == std::vector<double>{1, 2});
  REQUIRE(result.notes.size() == 1);
  CHECK(result.notes[0] == "column `cond` is text; `cond` takes its levels in alphabetical order: 1 = HC, 2 = LC");
}

TEST_CASE("CSV: a constant column gives a scalar, another is refused") {
  Facts facts = regression();
  facts.variables.push_back(variable("age", "real", false, Role::design));
  const auto result = to_data_sets(parse_csv("cond,y,age\n1,0,33\n2,1,33.0\n", "a.csv"), facts);
  CHECK(result.data_sets[0].variables.at("age").values == std::vector<double>{33});
  CHECK(result.data_sets[0].variables.at("age").extents.empty());
  CHECK(csv_message("cond,y,age\n1,0,33\n2,1,34\n", facts) ==
        "a.csv: column `age` must be the same in all rows of a data set, because the model declares real age; row 2 "
        "(line 3) "
        "has `34` after `33`");
}

TEST_CASE("CSV: numbered columns are the last dimensions") {
  Facts facts;
  facts.variables = {variable("N", "int", true, Role::design), variable("K", "int", true, Role::design),
                     variable("x", "matrix[N, K]", false, Role::design, {"N", "K"}),
                     variable("z", "vector[2]", false, Role::observed, {"2"})};
  const auto result = to_data_sets(parse_csv("x.1,x.2,x.3,z[1],z[2]\n1,2,3,8,9\n4,5,6,8,9\n", "a.csv"), facts);
  const auto& set = result.data_sets[0].variables;
  CHECK(set.at("N").values == std::vector<double>{2});
  CHECK(set.at("K").values == std::vector<double>{3});
  CHECK(set.at("x").extents == std::vector<std::int64_t>{2, 3});
  CHECK(set.at("x").values == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(set.at("z").values == std::vector<double>{8, 9});
}

TEST_CASE("CSV: a number of groups without a column is the largest group") {
  Facts facts;
  facts.variables = {variable("N", "int", true, Role::design), variable("J", "int", true, Role::design),
                     variable("group", "array[N] int<lower=1, upper=J>", true, Role::design, {"N"}),
                     variable("y", "vector[N]", false, Role::observed, {"N"})};
  facts.variables[2].upper = "J";
  const auto result = to_data_sets(parse_csv("group,y\n1,0\n3,1\n2,1\n3,2\n", "a.csv"), facts);
  CHECK(result.data_sets[0].variables.at("J").values == std::vector<double>{3});
  CHECK(result.data_sets[0].variables.at("N").values == std::vector<double>{4});
  CHECK(result.notes == std::vector<std::string>{"no column `J`: it is 3, the largest value of `group`"});
}

TEST_CASE("CSV: mistakes name file, column, row and value") {
  const Facts facts = regression();
  CHECK(csv_message("cond,y\n1,0.5\n2,abc\n", facts) == "a.csv: column `y`, row 2 (line 3): `abc` is not a number");
  CHECK(csv_message("# comment\n\ncond,y\n1,0.5\n1.5,1\n", facts) ==
        "a.csv: column `cond`, row 2 (line 5): `1.5` is not an integer, and the model declares array[N] int");
  CHECK(csv_message("cond,y\n1,0\nLC,1\n", facts) == "a.csv: column `cond`, row 2 (line 3): `LC` is not a number");
  CHECK(csv_message("cnd,y\n1,0\n", facts) ==
        "a.csv: no column for `cond` (array[N] int), did you mean `cnd`?\nThe file has the columns cnd, y");
  CHECK(csv_message("cond,y\n1\n", facts) == "a.csv:2: 1 cells where the header names 2 columns");
  CHECK(csv_message("cond,cond\n1,1\n", facts) == "a.csv:1: two columns are called `cond`");
  CHECK(csv_message("cond,y\n", facts) == "a.csv: has no rows");
  CHECK(csv_message("cond,y\n1,\"0\n", facts) == "a.csv:2: a quoted cell does not end");
  CHECK_THAT(csv_message("subj,cond,y\n1,1,1\n", facts, {.by = "sub"}),
             Contains("no column `sub` to split by; did you mean `subj`?"));
  CHECK_THAT(csv_message("cond,y\n,1\n", facts), Contains("`cond[1]` is missing; only observed"));
}

TEST_CASE("CSV: quoted cells, semicolons, line breaks of Windows and a byte order mark") {
  const Table table = parse_csv("\xEF\xBB\xBF"
                                "a;\"b \"\"x\"\"\"\r\n1;\"two\nlines\"\r\n2; 3 \r\n",
                                "a.csv");
  REQUIRE(table.columns.size() == 2);
  CHECK(table.columns[0].name == "a");
  CHECK(table.columns[1].name == "b \"x\"");
  CHECK(table.columns[1].cells == std::vector<std::string>{"two\nlines", "3"});
  CHECK(table.lines == std::vector<int>{2, 4});
}

TEST_CASE("missing cells of an observed variable are NaN") {
  const auto result = to_data_sets(parse_csv("cond,y\n1,NA\n2,\n1,2\n", "a.csv"), regression());
  const auto& y = result.data_sets[0].variables.at("y").values;
  CHECK(std::isnan(y[0]));
  CHECK(std::isnan(y[1]));
  CHECK(y[2] == 2);
}

TEST_CASE("NPZ: what is written is read back, missing integers included") {
  const std::string path = temporary_path("roundtrip.npz");
  const std::map<std::string, Tensor> tensors = {{"a", {false, {2, 3}, {1, 2.5, -3, 1e300, INFINITY, 6}}},
                                                 {"n", {true, {}, {4}}},
                                                 {"m", {true, {2}, {7, NAN}}},
                                                 {"empty", {false, {0, 2}, {}}}};
  write_npz(path, tensors);
  const auto read = read_npz(path);
  CHECK(read.size() == 4);
  CHECK(read.at("a").extents == tensors.at("a").extents);
  CHECK(read.at("a").values == tensors.at("a").values);
  CHECK(read.at("n").extents.empty());
  CHECK(read.at("n").is_integer);
  CHECK(read.at("m").values[0] == 7);
  CHECK(std::isnan(read.at("m").values[1]));
  CHECK(read.at("empty").extents == std::vector<std::int64_t>{0, 2});
  std::string bytes = read_file(path);
  bytes[bytes.find("NUMPY") + 150] ^= 1;
  CHECK_THAT(message([&] { parse_npz(bytes, "a.npz"); }), Contains("checksum"));
  CHECK_THAT(message([&] { parse_npz("no archive at all, but long enough", "a.npz"); }),
             Contains("not an .npz archive"));
  std::filesystem::remove(path);
}

TEST_CASE("NPZ with a leading dimension is several data sets, cut to their own sizes") {
  const std::string path = temporary_path("sets.npz");
  write_npz(
      path,
      {{"N", {true, {2}, {1, 2}}}, {"cond", {true, {2, 2}, {1, NAN, 2, 1}}}, {"y", {false, {2, 2}, {5, NAN, 6, 7}}}});
  const auto result = read_data_sets(path, regression());
  REQUIRE(result.data_sets.size() == 2);
  CHECK(result.data_sets[0].variables.at("y").values == std::vector<double>{5});
  CHECK(result.data_sets[1].variables.at("y").values == std::vector<double>{6, 7});
  std::filesystem::remove(path);
}

TEST_CASE("the data of the drift-diffusion example: 14 people, conditions by name") {
  Facts facts;
  facts.variables = {variable("N", "int<lower=1>", true, Role::design),
                     variable("conf", "array[N] int<lower=1, upper=2>", true, Role::design, {"N"}),
                     variable("rt", "array[N] real<lower=0>", false, Role::observed, {"N"}),
                     variable("response", "array[N] int<lower=0, upper=1>", true, Role::observed, {"N"})};
  const auto result = read_data_sets(SIBYL_SOURCE_DIR "/examples/data/cavanagh_2011.csv", facts, {.by = "subj_idx"});
  REQUIRE(result.data_sets.size() == 14);
  CHECK(result.notes == std::vector<std::string>{
                            "column `conf` is text; `conf` takes its levels in alphabetical order: 1 = HC, 2 = LC"});
  const auto& first = result.data_sets[0].variables;
  CHECK(result.data_sets[0].label == "0");
  CHECK(first.at("rt").values[1] == 1.63);
  CHECK(first.at("conf").values[0] == 1);
  CHECK(first.at("conf").values[1] == 2);
  CHECK(first.at("response").values[0] == 1);
  std::size_t trials = 0;
  for (const DataSet& set : result.data_sets) trials += set.variables.at("rt").values.size();
  CHECK(trials == 3988);
}

TEST_CASE("JSON: what is deep, twice there or too large is refused in one sentence") {
  const auto of = [](const std::string& text) { return message([&] { parse_json_data(text, "a.json"); }); };
  const std::string deep(200000, '[');
  CHECK(of("{\"x\": " + deep) == "a.json: `x` has more than 32 dimensions");
  CHECK_THAT(of(deep), Contains("a data set is an object"));
  CHECK_THAT(of("{\"x\": {\"y\": " + deep), Contains("`x` is an object, which is not a number"));
  CHECK(of(R"({"x": 1, "x": 2})") == "a.json: `x` is there twice in one data set");
  CHECK_THAT(of(R"({"x": 1e999})"), Contains("not valid JSON: number overflow"));
  CHECK_THAT(of(R"({"x": [[], [1]]})"), Contains("`x[2]` has 1 elements where the one before it has 0"));
  CHECK_THAT(of(R"([[{"x": 1}]])"), Contains("a data set is an object") && Contains("this one is an array"));
  CHECK_THAT(of(R"({"x": [[[1, 2], [3, 4]], [[5, 6], [7, {}]]]})"), Contains("`x[2][2][2]` is an object"));
}

TEST_CASE("JSON: empty arrays keep the dimensions that they show") {
  const auto extents = [](const char* text) { return parse_json_data(text, "a.json")[0].variables.at("x").extents; };
  CHECK(extents(R"({"x": []})") == std::vector<std::int64_t>{0});
  CHECK(extents(R"({"x": [[], []]})") == std::vector<std::int64_t>{2, 0});
  CHECK(extents(R"({"x": [[[1], [2]], [[3], [4]], [[5], [6]]]})") == std::vector<std::int64_t>{3, 2, 1});
}

TEST_CASE("JSON: a large array of pairs is read as one tensor") {
  std::string text = "{\"x\": [";
  for (int i = 0; i < 1000000; ++i) text += "[0.25, 1.5],";
  text.back() = ']';
  const auto sets = parse_json_data(text + "}", "a.json");
  CHECK(sets[0].variables.at("x").values.size() == 2000000);
  CHECK(sets[0].variables.at("x").extents == std::vector<std::int64_t>{1000000, 2});
}

TEST_CASE("CSV: numbers are read alike whatever the embedding program's locale is") {
  const test::DecimalComma comma_locale;
  const auto result = to_data_sets(parse_csv("cond,y\n1,0.5\n2,1.25e1\n", "a.csv"), regression());
  const std::string comma = csv_message("cond;y\n1;0,5\n", regression());
  CHECK(parse_json_data(R"({"x": [0.5, 1e-3]})", "a.json")[0].variables.at("x").values ==
        std::vector<double>{0.5, 1e-3});
  CHECK(result.data_sets[0].variables.at("y").values == std::vector<double>{0.5, 12.5});
  CHECK(comma == "a.csv: column `y`, row 1 (line 2): `0,5` is not a number");
}

TEST_CASE("CSV: subscripts that no column can have are part of a name") {
  Facts facts;
  facts.variables = {variable("x", "matrix[N, K]", false, Role::observed, {"N", "K"})};
  CHECK_THAT(csv_message("x.99999999999999999999999,y\n1,2\n", facts), Contains("no column for `x`"));
  CHECK_THAT(csv_message("x.1000000000.1000000000\n1\n", facts), Contains("1 columns for `x`, whose subscripts go up"));
  facts.variables = {variable("N", "int", true, Role::design),
                     variable("g", "array[2] int<upper=N>", true, Role::design, {"2"})};
  facts.variables[1].upper = "N";
  CHECK_THAT(csv_message("g.1,g.2\n1,1e300\n", facts), Contains("too large for an integer of 32 bits"));
}

namespace {

// An archive with one stored member, whose checksum is true.
std::string archive_of(const std::string& header, const std::string& values) {
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy += static_cast<char>(header.size() & 0xff);
  npy += static_cast<char>(header.size() >> 8);
  npy += header + values;
  return test::stored_archive({{"x.npy", npy}});
}

} // namespace

TEST_CASE("NPZ: sizes that are not true are refused") {
  const auto of = [](const std::string& shape, const std::string& values = std::string(16, '\0')) {
    const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }";
    return message([&] { parse_npz(archive_of(header, values), "a.npz"); });
  };
  CHECK(of("(2,)") == "(no error)");
  CHECK(of("(99999999999999999999999,)") == "a.npz: `x`: damaged (a size of 99999999999999999999999 elements)");
  CHECK(of("(4294967296, 4294967296)") == "a.npz: `x`: damaged (its sizes are not true)"); // wraps to 0
  CHECK(of("(2305843009213693952,)") == "a.npz: `x`: damaged (its sizes are not true)");   // times 8 wraps to 0
  CHECK(of("(281474976710655,)") == "a.npz: `x`: its values are cut off");
  CHECK(of("(3,)") == "a.npz: `x`: its values are cut off");
  const std::string odd = "{'descr': '<f99999999999999999999', 'fortran_order': False, 'shape': (2,), }";
  CHECK_THAT(message([&] { parse_npz(archive_of(odd, std::string(16, '\0')), "a.npz"); }), Contains("not supported"));
}

TEST_CASE("NPZ: an archive that would unfold to more than it holds is refused") {
  std::string bomb = test::stored_archive({{"x.npy", std::string(1000, '\0')}});
  const std::size_t directory = bomb.find("PK\x01\x02");
  bomb[directory + 10] = 8;                                           // deflated
  for (std::size_t i = 24; i < 28; ++i) bomb[directory + i] = '\xf0'; // to four billion bytes
  CHECK(message([&] { parse_npz(bomb, "a.npz"); }) == "a.npz: `x`: damaged (its size is not true)");
}

TEST_CASE("a size that no array can have is refused, and named") {
  Facts facts;
  facts.variables = {variable("N", "int", true, Role::design), variable("M", "int", true, Role::design),
                     variable("x", "vector[N * M]", false, Role::design, {"N * M"})};
  const auto of = [&](const char* text) {
    return message([&] { conform(parse_json_data(text, "a.json")[0], facts, "a.json"); });
  };
  CHECK(of(R"({"N": 65536, "M": 65536, "x": []})") ==
        "a.json: `x` (vector[N * M]): the size N * M is 4294967296, which no array can have");
  CHECK(of(R"({"N": 3, "M": -1, "x": []})") ==
        "a.json: `x` (vector[N * M]): the size N * M is -3, which no array can have");
  CHECK(checked_element_count({3, 4}) == 12);
  CHECK(checked_element_count({}) == 1);
  CHECK(checked_element_count({0, 1 << 20}) == 0);
  CHECK_FALSE(checked_element_count({std::int64_t{1} << 32, std::int64_t{1} << 32}));
  CHECK_FALSE(checked_element_count({0, std::int64_t{1} << 60, 16}));
  CHECK_FALSE(checked_element_count({-1}));
  CHECK_THROWS_AS(element_count({std::int64_t{1} << 40, std::int64_t{1} << 40}), RuntimeError);
  const auto size = [](const std::string& text) {
    return evaluate_size(text, [](std::string_view) { return std::optional<std::int64_t>(INT64_MIN); });
  };
  CHECK_FALSE(size("9223372036854775807 + 1"));
  CHECK_FALSE(size("99999999999999999999"));
  CHECK_FALSE(size("4294967296 * 4294967296"));
  CHECK_FALSE(size("-N"));
  CHECK_FALSE(size("N / (-1)"));
  CHECK_FALSE(size(std::string(100000, '(')));
  CHECK_FALSE(size(std::string(100000, '-') + "1"));
}
