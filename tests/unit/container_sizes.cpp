// Sizes that no container can have: each fails with its place in the text, whatever the lanes beside it do. None is
// allowed to wrap to one that a container has.
#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "runtime/model/model_call.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <numeric>

using namespace sibyl;
using Catch::Contains;

namespace {

constexpr int least = std::numeric_limits<std::int32_t>::min(), most = std::numeric_limits<std::int32_t>::max();

struct Case {
  std::string statement; // gives `r` a value from the sizes a, b, c and d
  std::vector<int> sizes;
  std::string message; // part of it; empty: it succeeds
  double value = 0;
};

const std::vector<Case> cases = {
    {"r = sum(block(m, a, b, c, d));", {1, 2, 2, 2}, "", 2 + 3 + 5 + 6},
    {"r = sum(block(m, a, b, c, d));", {1, 1, -1, 2}, "the number of rows is -1, must not be negative"},
    {"r = sum(block(m, a, b, c, d));", {1, 1, 2, least}, "the number of columns is -2147483648, must not be"},
    {"r = sum(block(m, a, b, c, d));", {3, 1, most, 1}, "does not fit"}, // 2 + 2147483647 wraps
    {"r = sum(block(m, a, b, c, d));", {1, 2, 1, most}, "does not fit"},
    {"r = sum(block(m, a, b, c, d));", {4, 1, 1, 1}, "must be in 1..3"},
    {"r = sum(segment(v, a, b));", {2, 2}, "", 5},
    {"r = sum(segment(v, a, b));", {2, most}, "elements were asked for, but there are 4"},
    {"r = sum(segment(v, a, b));", {2, -1}, "the number of elements is -1"},
    {"r = sum(segment(v, a, b));", {least, 2}, "elements were asked for, but there are 4"},
    {"r = sum(head(v, a));", {5}, "5 elements were asked for, but there are 4"},
    {"r = sum(tail(v, a));", {5}, "5 elements were asked for, but there are 4"},
    {"r = sum(tail(v, a));", {least}, "must not be negative"},
    {"r = sum(to_matrix(v, a, b));", {2, 2}, "", 10},
    {"r = sum(to_matrix(v, a, b));", {-2, -2}, "the number of rows is -2"},
    {"r = sum(to_matrix(none, a, b));", {65536, 65536}, "the matrix has 65536 times 65536 elements"}, // wraps to 0
    {"r = sum(to_matrix(v, a, b));", {4, 1 << 30}, "the matrix has 4 times"},                          // wraps to 0
    {"r = sum(v[a:b]);", {2, 3}, "", 5},
    {"r = sum(v[a:b]);", {3, 2}, "", 0},
    {"r = sum(v[a:b]);", {most, least}, "", 0}, // empty, though the difference wraps to 1
    {"r = sum(v[a:b]);", {2000000000, -2000000000}, "", 0},
    {"r = sum(v[a:b]);", {least, most}, "must be in 1..4"},
    {"r = size(append_row(rep_vector(1, a), rep_vector(1, b)));", {most, 1}, "beyond what an integer can be"},
    {"r = num_elements(rep_matrix(1, a, b));", {65536, 65536}, "has 65536 times 65536 elements"},
    {"r = num_elements(rep_matrix(1, a, b));", {100, 20}, "", 2000},
    {"r = size(to_vector(rep_matrix(1, a, b)));", {1 << 16, 1 << 17}, "elements, more than"},
    {"r = sum(rep_vector(1, a * b));", {65536, 65536}, "the size 65536 * 65536 is beyond what an integer can be"},
    {"r = sum(rep_vector(1, a * b));", {-3, -2}, "", 6},
    {"r = sum(rep_vector(1, a * b));", {least, -1}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a * b));", {-1, least}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a * b));", {2, least}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a + b));", {most, 1}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a + b));", {least, -1}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a - b));", {-2, most}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a - b));", {0, least}, "beyond what an integer can be"},
    {"r = sum(rep_vector(1, a - b));", {5, 3}, "", 2},
    {"r = sum(rep_vector(1, a - b));", {3, 5}, "the size is -2, must not be negative"},
    {"matrix[a, b] x; x[1, 1] = 1; r = x[1, 1];", {65536, 65537}, "`x` has 65536 times 65537 elements"},
    {"array[a, b, c, d] real x; r = num_elements(x);", {1 << 20, 1 << 20, 1 << 20, 0}, "`x` has"},
    {"array[a, b, c, d] real x; r = num_elements(x);", {3, 4, 5, 0}, "", 0},
    {"vector[a] x; r = size(x);", {-1}, "a size of `x` is -1, must not be negative"},
    {"array[65536, 65536, 65536, 65536] real x; x[2, 2, 2, 2] = 1; r = x[2, 2, 2, 2];", {}, "elements, more than"},
    {"r = sum(to_vector(rep_vector(1, a) * rep_row_vector(1, b)));", {1 << 14, 1 << 14}, "elements, more than"},
};

std::shared_ptr<CompiledModel> compiled() {
  std::string text = "data { int which; int a; int b; int c; int d; }\ntransformed data {\n  real r = -1;\n"
                     "  vector[4] v = [1, 2, 3, 4]';\n  vector[0] none;\n"
                     "  matrix[3, 3] m = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];\n";
  for (std::size_t i = 0; i < cases.size(); ++i)
    text += "  if (which == " + std::to_string(i) + ") { " + cases[i].statement + " }\n";
  text += "  r += 1;\n}\nparameters { real u; }\nmodel { u ~ normal(r, 1); }\n";
  const CompileResult result = compile(Source("model.sib", text));
  REQUIRE(result.model);
  return result.model;
}

DataSet data_of(std::size_t which) {
  DataSet set;
  const auto number = [](int value) { return Tensor{true, {}, {static_cast<double>(value)}}; };
  std::vector<int> sizes = cases[which].sizes;
  sizes.resize(4, 0);
  set.variables = {{"which", number(static_cast<int>(which))},
                   {"a", number(sizes[0])},
                   {"b", number(sizes[1])},
                   {"c", number(sizes[2])},
                   {"d", number(sizes[3])}};
  return set;
}

} // namespace

TEST_CASE("a size that does not fit fails with its place, in every lane on its own") {
  const auto model = compiled();
  const auto r = static_cast<std::size_t>(model->facts().find("r"));
  std::vector<DataSet> sets;
  for (std::size_t i = 0; i < cases.size(); ++i) sets.push_back(data_of(i));
  const DataBatch batch = gather(model->facts(), sets);
  for (const int lanes : {1, model->preferred_lanes(Precision::f64)}) {
    ModelCall call(model, Precision::f64, lanes);
    for (std::size_t begin = 0; begin < sets.size(); begin += static_cast<std::size_t>(lanes)) {
      std::vector<std::size_t> which(std::min(static_cast<std::size_t>(lanes), sets.size() - begin));
      std::iota(which.begin(), which.end(), begin);
      call.bind(batch, which);
      call.transform_data();
      for (std::size_t lane = 0; lane < which.size(); ++lane) {
        const Case& expected = cases[which[lane]];
        const std::string failure = call.failure(static_cast<int>(lane));
        INFO(lanes << " lanes: " << expected.statement << " with "
                   << Catch::StringMaker<std::vector<int>>::convert(expected.sizes));
        if (!expected.message.empty()) {
          CHECK_THAT(failure, Contains(expected.message) && Contains("model.sib:"));
        } else {
          CHECK(failure == "");
          CHECK(call.value(r, 0, static_cast<int>(lane)) == expected.value + 1);
        }
      }
    }
  }
}

TEST_CASE("sizes of different lanes whose product no lane has are too much memory, not too little") {
  const CompileResult result = compile(Source("model.sib", R"(
    data { int n; int k; }
    transformed data { array[n, k, n, k] real x; real r = num_elements(x); }
    parameters { real u; }
    model { u ~ normal(r, 1); }
  )"));
  REQUIRE(result.model);
  const auto set = [](double n, double k) {
    DataSet one;
    one.variables = {{"n", {true, {}, {n}}}, {"k", {true, {}, {k}}}};
    return one;
  };
  // Each has few elements; the storage that holds either would have 2^52.
  const std::vector<DataSet> sets = {set(1 << 13, 1), set(1, 1 << 13)};
  ModelCall call(result.model, Precision::f64, result.model->preferred_lanes(Precision::f64));
  const std::size_t both[] = {0, 1};
  call.bind(gather(result.model->facts(), sets), both);
  CHECK_THROWS_WITH(call.transform_data(), Contains("needs more than") && Contains("MiB"));
}
