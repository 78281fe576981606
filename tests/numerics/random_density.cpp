#include "tests/numerics/random_density.hpp"

#include "compiler/ir/math.hpp"

#include <random>

namespace sibyl::test {
namespace {

using namespace ir;

constexpr int array_length = 4;

class Generator {
 public:
  Generator(DensityWriter& writer, std::uint32_t seed) : w_(writer), b_(writer.b), random_(seed) {}

  void write() {
    for (int i = 0; i < 3; ++i) {
      reals_.push_back(w_.parameter(i));
      cells_.push_back(b_.cell("x" + std::to_string(i)));
      b_.store_cell(cells_.back(), value());
    }
    for (int i = 0; i < 2; ++i) {
      counters_.push_back(b_.cell("n" + std::to_string(i), Type::integer));
      arrays_.push_back(b_.array("a" + std::to_string(i), Type::real, 1));
      b_.declare(arrays_.back(), {b_.integer(array_length)}, true);
    }
    statements(6, 3);
    for (CellId cell : cells_) w_.add_to_target(b_.load_cell(cell));
    for (ArrayId array : arrays_)
      b_.for_(b_.integer(0), b_.integer(array_length - 1), [&](ValueId i) { w_.add_to_target(b_.load(array, {i})); });
  }

 private:
  int choose(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }

  template <class T>
  T any(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(choose(static_cast<int>(list.size())))];
  }

  // In a new scope: what is computed in it is not seen outside.
  void scope(const std::function<void()>& write) {
    const auto reals = reals_, integers = integers_;
    const auto arrays = arrays_;
    write();
    reals_ = reals;
    integers_ = integers;
    arrays_ = arrays;
  }

  ValueId integer() {
    if (!integers_.empty() && choose(2) == 0) return any(integers_);
    if (choose(2) == 0 && !counters_.empty()) return b_.load_cell(any(counters_));
    return b_.integer(choose(4));
  }

  ValueId index() {
    const ValueId remainder = b_.modulo(integer(), b_.integer(array_length));
    return b_.maximum(remainder, b_.integer(0));
  }

  ValueId leaf() {
    switch (choose(4)) {
    case 0: return any(reals_);
    case 1: return b_.load_cell(any(cells_.empty() ? std::vector<CellId>{w_.target} : cells_));
    case 2:
      if (!arrays_.empty()) return b_.load(any(arrays_), {index()});
      return any(reals_);
    default: return b_.real(0.25 * (1 + choose(8)));
    }
  }

  // Bounded, smooth, so that differences are accurate whatever is nested in it.
  ValueId value() {
    const ValueId x = b_.math(MathFunction::sin, {leaf()}), y = leaf();
    ValueId result = none;
    switch (choose(6)) {
    case 0: result = b_.add(x, b_.math(MathFunction::tanh, {y})); break;
    case 1: result = b_.multiply(x, b_.math(MathFunction::cos, {y})); break;
    case 2: result = b_.divide(x, b_.add(b_.real(1.5), b_.math(MathFunction::sin, {y}))); break;
    case 3: result = b_.math(MathFunction::exp, {b_.multiply(x, b_.real(0.3))}); break;
    case 4: result = b_.math(MathFunction::log, {b_.add(b_.real(2), x)}); break;
    default: result = b_.select(condition(), x, b_.negate(b_.math(MathFunction::tanh, {y}))); break;
    }
    reals_.push_back(result);
    return result;
  }

  // Of integers, or of a real that no parameter moves past it within a difference's step (almost surely).
  ValueId condition() {
    if (choose(3) == 0) return b_.compare(Op::greater, leaf(), b_.real(0.37));
    return b_.compare(choose(2) == 0 ? Op::less : Op::not_equal, integer(), b_.integer(choose(4)));
  }

  void statements(int count, int depth) {
    for (int i = 0; i < count; ++i) statement(depth);
  }

  void statement(int depth) {
    switch (choose(depth > 0 ? 12 : 6)) {
    case 0: b_.store_cell(any(cells_), value()); return;
    case 1: w_.add_to(any(cells_), b_.multiply(b_.real(0.5), value())); return;
    case 2: w_.add_to_target(value()); return;
    case 3: {
      const ValueId stored = value();
      b_.store(any(arrays_), stored, {index()});
      return;
    }
    case 4: {
      const ArrayId array = any(arrays_);
      const ValueId place = index(), added = b_.math(MathFunction::sin, {value()});
      b_.store(array, b_.add(b_.load(array, {place}), added), {place});
      return;
    }
    case 5: {
      const CellId counter = any(counters_);
      b_.store_cell(counter, b_.modulo(b_.add(b_.load_cell(counter), b_.integer(1 + choose(3))), b_.integer(7)));
      return;
    }
    case 6:
    case 7: {
      const ValueId test = condition();
      b_.if_(
          test, [&] { scope([&] { statements(1 + choose(3), depth - 1); }); },
          [&] { scope([&] { statements(choose(3), depth - 1); }); });
      return;
    }
    case 8: {
      const CellId steps = b_.cell("steps", Type::integer);
      b_.store_cell(steps, b_.integer(0));
      const int limit = 1 + choose(3);
      b_.while_(
          [&] {
            return b_.logical_and(b_.compare(Op::less, b_.load_cell(steps), b_.integer(limit)),
                                  b_.compare(Op::less, b_.load_cell(any(cells_)), b_.real(1.1)));
          },
          [&] {
            b_.store_cell(steps, b_.add(b_.load_cell(steps), b_.integer(1)));
            loop_body(depth);
          });
      return;
    }
    default: {
      const ValueId last = choose(3) == 0 ? b_.minimum(integer(), b_.integer(3)) : b_.integer(choose(4));
      b_.for_(
          b_.integer(choose(2)), last,
          [&](ValueId i) {
            scope([&] {
              integers_.push_back(i);
              loop_body(depth);
            });
          },
          choose(4) == 0);
      return;
    }
    }
  }

  void loop_body(int depth) {
    scope([&] {
      if (choose(4) == 0) {
        const ArrayId local = b_.array("local", Type::real, 1);
        b_.declare(local, {b_.integer(array_length)}, true);
        arrays_.push_back(local);
      }
      statements(1 + choose(3), depth - 1);
      if (choose(3) == 0) {
        b_.if_(condition(), [&] { choose(2) == 0 ? b_.break_() : b_.continue_(); });
        statements(1 + choose(2), depth - 1);
      }
    });
  }

  DensityWriter& w_;
  Builder& b_;
  std::mt19937 random_;
  std::vector<ValueId> reals_, integers_; // in sight
  std::vector<CellId> cells_, counters_;
  std::vector<ArrayId> arrays_;
};

} // namespace

Model random_density(std::uint32_t seed) {
  return density_model([&](DensityWriter& writer) { Generator(writer, seed).write(); });
}

} // namespace sibyl::test
