// What the operations on rows of data sets promise: data sets do not see each other, and sets have no order.
#include "tests/networks_data.hpp"

#include "lang/errors.hpp"

#include <catch2/catch.hpp>

using namespace sibyl;
using Tensor = EigenBackend::Tensor;

namespace {

const Weights none;

Tensor numbered(Eigen::Index rows, Eigen::Index columns) {
  Tensor result(rows, columns);
  for (Eigen::Index i = 0; i < result.size(); ++i) result.data()[i] = static_cast<float>(i + 1);
  return result;
}

// Three data sets: two rows, none, three rows.
const networks::Offsets offsets{0, 2, 2, 5};

} // namespace

TEST_CASE("Means and last rows are those of each data set, zero where it has no rows") {
  const EigenBackend backend(none);
  const Tensor rows = numbered(5, 2); // 1 2 | 3 4 || 5 6 | 7 8 | 9 10
  CHECK(backend.segment_mean(rows, offsets) == (Tensor(3, 2) << 2, 3, 0, 0, 7, 8).finished());
  CHECK(backend.last_row(rows, offsets) == (Tensor(3, 2) << 3, 4, 0, 0, 9, 10).finished());
}

TEST_CASE("Attention with equal scores is the mean, and with one large score that row, without overflow") {
  const EigenBackend backend(none);
  const Tensor rows = numbered(5, 2);
  Tensor scores = Tensor::Constant(5, 2, 300.0f);
  scores(0, 1) = 900;
  scores(4, 1) = 900;
  const Tensor pooled = backend.segment_attention(rows, scores, offsets);
  CHECK(pooled.isApprox((Tensor(3, 4) << 2, 3, 1, 2, 0, 0, 0, 0, 7, 8, 9, 10).finished(), 1e-6f));
}

TEST_CASE("Expanding repeats each data set's row for its rows") {
  const EigenBackend backend(none);
  CHECK(backend.expand((Tensor(3, 1) << 4, 5, 6).finished(), offsets) == (Tensor(5, 1) << 4, 4, 6, 6, 6).finished());
}

TEST_CASE("A window puts rows beside their neighbours and zeros at the ends of a data set") {
  const EigenBackend backend(none);
  CHECK(backend.window(numbered(5, 1), offsets, 1) ==
        (Tensor(5, 3) << 0, 1, 2, 1, 2, 0, 0, 3, 4, 3, 4, 5, 4, 5, 0).finished());
  CHECK(backend.window(numbered(5, 1), offsets, 2) ==
        (Tensor(5, 3) << 0, 1, 0, 0, 2, 0, 0, 3, 5, 0, 4, 0, 3, 5, 0).finished());
}

TEST_CASE("Merging undoes taking columns") {
  const EigenBackend backend(none);
  const Tensor x = numbered(3, 4);
  CHECK(backend.merge(backend.columns(x, {1, 3}), {1, 3}, backend.columns(x, {0, 2}), {0, 2}) == x);
}

TEST_CASE("Weights of another shape or name are refused") {
  const Weights weights{{"a", {2, 3, std::vector<float>(6)}}};
  const EigenBackend backend(weights);
  CHECK(backend.parameter("a", 2, 3, networks::Initial::zero).size() == 6);
  CHECK_THROWS_AS(backend.parameter("a", 3, 2, networks::Initial::zero), UserError);
  CHECK_THROWS_AS(backend.parameter("b", 2, 3, networks::Initial::zero), UserError);
}
