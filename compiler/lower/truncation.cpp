// Truncated distributions: how much lies within the bounds, and draws from there.
//
// Both are taken in that tail in which nothing cancels: F(b) - F(a) has no digit left where F(a) is 1 to the last one,
// while the upper tails still have all of theirs.
#include "compiler/lower/lowering.hpp"

#include <cmath>
#include <limits>

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::DistributionFunction;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// So often a draw is tried to fall within the bounds by itself, which is the quickest way where they hold much of the
// mass.
constexpr int quick_tries = 32;
// A distribution without a distribution function has no other way.
constexpr int most_tries = 10000;
// Of the search for a quantile, whose bracket is halved by at least every third step.
constexpr int most_steps = 4000;

} // namespace

// Everything less than the lower bound lies below it; for integers the bound itself does not.
ValueId Lowering::below(const typed::Distribution& distribution, ValueId lower) {
  if (!distribution.support.is_discrete) return lower;
  return b_.subtract(b_.maximum(lower, b_.integer(std::numeric_limits<int>::min() + 1)), b_.integer(1));
}

// `y`: the outcome, which lies within the support.
ValueId Lowering::log_mass_between(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                                   ValueId y, std::optional<ValueId> lower, std::optional<ValueId> upper) {
  const bool is_discrete = distribution.support.is_discrete;
  // Tails at the support's ends are known, and their derivatives there are often no numbers: they are taken at y
  // instead and not used.
  const auto tail = [&](ValueId at, ValueId is_upper) {
    const ValueId upper_tail = b_.compare(Op::not_equal, is_upper, b_.integer(0));
    std::optional<ValueId> at_start, at_end;
    const auto either = [&](std::optional<ValueId>& all, ValueId one) { all = all ? b_.logical_or(*all, one) : one; };
    if (distribution.support.lower) {
      const ValueId edge = call_scalar(*distribution.support.lower, parameters);
      either(at_start, b_.compare(is_discrete ? Op::less : Op::less_equal, at, is_discrete ? edge : b_.to_real(edge)));
    }
    if (distribution.support.upper) {
      const ValueId edge = call_scalar(*distribution.support.upper, parameters);
      either(at_end, b_.compare(Op::greater_equal, at, is_discrete ? edge : b_.to_real(edge)));
    }
    if (!is_discrete) {
      either(at_start, b_.compare(Op::equal, at, b_.real(-infinity)));
      either(at_end, b_.compare(Op::equal, at, b_.real(infinity)));
    }
    ValueId within = at;
    if (at_start) within = b_.select(*at_start, y, within);
    if (at_end) within = b_.select(*at_end, y, within);
    ValueId value = element_log_tail(distribution, within, is_upper, parameters);
    const ValueId certain = b_.real(0), impossible = b_.real(-infinity);
    if (at_start) value = b_.select(*at_start, b_.select(upper_tail, certain, impossible), value);
    if (at_end) value = b_.select(*at_end, b_.select(upper_tail, impossible, certain), value);
    return value;
  };
  if (!upper) return tail(below(distribution, *lower), b_.integer(1));
  if (!lower) return tail(*upper, b_.integer(0));
  const ValueId from = below(distribution, *lower);
  const ValueId above_median = b_.compare(Op::greater, tail(from, b_.integer(0)), b_.real(-M_LN2));
  const ValueId is_upper = b_.to_integer(above_median);
  const ValueId large = tail(b_.select(above_median, from, *upper), is_upper);
  const ValueId difference = b_.subtract(tail(b_.select(above_median, *upper, from), is_upper), large);
  const ValueId near = b_.math(MathFunction::log, {b_.negate(b_.math(MathFunction::expm1, {difference}))});
  const ValueId apart = b_.math(MathFunction::log1p, {b_.negate(b_.math(MathFunction::exp, {difference}))});
  return b_.add(large, b_.select(b_.compare(Op::greater, difference, b_.real(-M_LN2)), near, apart));
}

// A draw of an angle in the turn that begins at `lower`.
ValueId Lowering::turned(const typed::Distribution& distribution, const std::vector<Storage>& parameters, ValueId drawn,
                         ValueId lower) {
  const ValueId period = call_scalar(*distribution.period, parameters);
  const ValueId turns = b_.math(MathFunction::ceil, {b_.divide(b_.subtract(b_.to_real(lower), drawn), period)});
  return b_.add(drawn, b_.multiply(period, turns));
}

// One draw that lies within the bounds: simply drawn where the support lies within them anyway, otherwise tried a few
// times, and then by inversion, so that bounds far out in a tail cost no more than others.
ValueId Lowering::sample_between(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                                 std::optional<ValueId> lower, std::optional<ValueId> upper, const std::string& name,
                                 Span span) {
  const auto implied = [&](const std::shared_ptr<const typed::Function>& support, const std::optional<ValueId>& bound,
                           bool is_lower) {
    if (!bound) return true;
    if (!support) return false;
    const ValueId edge = call_scalar(*support, parameters);
    const auto a = b_.constant(edge), b = b_.constant(*bound);
    return edge == *bound || (a && b && (is_lower ? *a >= *b : *a <= *b));
  };
  if (implied(distribution.support.lower, lower, true) && implied(distribution.support.upper, upper, false))
    return call_scalar(*distribution.sample, parameters);
  const bool is_discrete = distribution.support.is_discrete, has_tails = distribution.log_tail != nullptr;
  const ir::Type type = is_discrete ? ir::Type::integer : ir::Type::real;
  if (type == ir::Type::real)
    for (std::optional<ValueId>* bound : {&lower, &upper})
      if (*bound) *bound = b_.to_real(**bound);
  const ir::CellId value = b_.cell("draw of " + name, type), accepted = b_.cell("accepted", ir::Type::boolean),
                   tries = b_.cell("tries", ir::Type::integer);
  b_.store_cell(accepted, b_.boolean(false));
  b_.store_cell(tries, b_.integer(0));
  b_.while_(
      [&] {
        const ValueId few = b_.compare(Op::less, b_.load_cell(tries), b_.integer(has_tails ? quick_tries : most_tries));
        return b_.logical_and(b_.logical_not(b_.load_cell(accepted)), few);
      },
      [&] {
        ValueId drawn = call_scalar(*distribution.sample, parameters);
        if (distribution.period && lower) drawn = turned(distribution, parameters, drawn, *lower);
        ValueId inside = b_.boolean(true);
        if (lower) inside = b_.logical_and(inside, b_.compare(Op::greater_equal, drawn, *lower));
        if (upper) inside = b_.logical_and(inside, b_.compare(Op::less_equal, drawn, *upper));
        b_.store_cell(value, drawn);
        b_.store_cell(accepted, inside);
        b_.store_cell(tries, b_.add(b_.load_cell(tries), b_.integer(1)));
      });
  b_.set_span(span);
  if (!has_tails) {
    const std::string tried =
        "none of " + std::to_string(most_tries) + " draws of `" + name + "` fell within its bounds";
    b_.check(b_.load_cell(accepted), message(tried, span));
    return b_.load_cell(value);
  }
  b_.if_(b_.logical_not(b_.load_cell(accepted)), [&] {
    const ValueId drawn = draw_by_inversion(distribution, parameters, lower, upper, name, span);
    b_.store_cell(value, drawn);
  });
  return b_.load_cell(value);
}

// The quantile of a uniform draw of what lies between the bounds. One loop looks at the tails at the bounds first and
// then narrows the bracket of the quantile, so that the distribution function stands in the code only once.
ValueId Lowering::draw_by_inversion(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                                    std::optional<ValueId> lower, std::optional<ValueId> upper, const std::string& name,
                                    Span span) {
  const bool is_discrete = distribution.support.is_discrete;
  const ir::Type type = is_discrete ? ir::Type::integer : ir::Type::real;
  const auto edge = [&](const std::shared_ptr<const typed::Function>& support, const std::optional<ValueId>& bound,
                        bool is_lower) {
    if (!support) {
      if (bound) return *bound;
      if (!is_discrete) return b_.real(is_lower ? -infinity : infinity);
      return b_.integer(is_lower ? std::numeric_limits<int>::min() : std::numeric_limits<int>::max());
    }
    const ValueId own = call_scalar(*support, parameters);
    if (!bound) return is_discrete ? own : b_.to_real(own);
    if (is_discrete) return is_lower ? b_.maximum(own, *bound) : b_.minimum(own, *bound);
    return b_.math(is_lower ? MathFunction::fmax : MathFunction::fmin, {b_.to_real(own), *bound});
  };
  const ValueId first = edge(distribution.support.lower, lower, true),
                last = edge(distribution.support.upper, upper, false);
  const ValueId u = b_.draw_uniform(context_.model.site_count++);

  const auto real_cell = [&](const char* label, double start) {
    const ir::CellId cell = b_.cell(label, ir::Type::real);
    b_.store_cell(cell, b_.real(start));
    return cell;
  };
  const ir::CellId cdf_first = real_cell("cdf_first", -infinity), ccdf_first = real_cell("ccdf_first", 0),
                   cdf_last = real_cell("cdf_last", 0), ccdf_last = real_cell("ccdf_last", -infinity);
  const ir::CellId in_upper_tail = b_.cell("in_upper_tail", ir::Type::boolean), target = real_cell("target", 0);
  const ir::CellId low = b_.cell("low", type), high = b_.cell("high", type), at = b_.cell("at", type),
                   reach = b_.cell("reach", type), step = b_.cell("step", ir::Type::integer),
                   done = b_.cell("done", ir::Type::boolean);
  b_.store_cell(in_upper_tail, b_.boolean(false));
  b_.store_cell(done, b_.boolean(false));
  b_.store_cell(step, b_.integer(0));
  b_.store_cell(low, first);
  b_.store_cell(high, last);
  // The lower and the upper tail at each bound.
  const std::int32_t probes = 2 * ((lower ? 1 : 0) + (upper ? 1 : 0));
  b_.store_cell(at, lower ? below(distribution, first) : last);

  // Between the ends; where one is infinite, further and further from the other.
  const auto next = [&]() -> ValueId {
    const ValueId from = b_.load_cell(low), to = b_.load_cell(high), far = b_.load_cell(reach);
    if (is_discrete) {
      // Without the overflow that their difference may have.
      const ValueId half = b_.subtract(b_.divide(to, b_.integer(2)), b_.divide(from, b_.integer(2)));
      b_.store_cell(reach, b_.minimum(b_.multiply(far, b_.integer(4)), b_.integer(1 << 28)));
      return b_.minimum(b_.add(from, b_.minimum(half, far)), b_.subtract(to, b_.integer(1)));
    }
    b_.store_cell(reach, b_.multiply(far, b_.real(16)));
    const ValueId middle = b_.add(b_.multiply(b_.real(0.5), from), b_.multiply(b_.real(0.5), to));
    // Ends of different magnitude are halved on the scale of their eighth roots.
    const auto square = [&](ValueId x) { return b_.multiply(x, x); };
    const auto size = [&](ValueId x) { return b_.math(MathFunction::fabs, {x}); };
    const auto root = [&](ValueId x) {
      ValueId r = size(x);
      for (int i = 0; i < 3; ++i) r = b_.math(MathFunction::sqrt, {r});
      return b_.select(b_.compare(Op::less, x, b_.real(0)), b_.negate(r), r);
    };
    const ValueId mean_root = b_.multiply(b_.real(0.5), b_.add(root(from), root(to)));
    const ValueId power = square(square(square(mean_root)));
    const ValueId by_root = b_.select(b_.compare(Op::less, mean_root, b_.real(0)), b_.negate(power), power);
    const ValueId width = b_.subtract(to, from);
    const ValueId is_close = b_.compare(Op::less_equal, width, b_.math(MathFunction::fmin, {size(from), size(to)}));
    const ValueId between = b_.select(is_close, middle, by_root);
    const ValueId from_below = b_.select(b_.is_infinite(to), b_.add(from, far), between);
    return b_.select(b_.is_infinite(from), b_.subtract(to, far), from_below);
  };

  b_.while_(
      [&] {
        return b_.logical_and(b_.logical_not(b_.load_cell(done)),
                              b_.compare(Op::less, b_.load_cell(step), b_.integer(most_steps)));
      },
      [&] {
        const ValueId count = b_.load_cell(step), x = b_.load_cell(at);
        const ValueId probing = b_.compare(Op::less, count, b_.integer(probes)),
                      upper_tail = b_.load_cell(in_upper_tail);
        const ValueId is_upper = b_.select(probing, b_.modulo(count, b_.integer(2)), b_.to_integer(upper_tail));
        const ValueId here = element_log_tail(distribution, x, is_upper, parameters);
        b_.store_cell(step, b_.add(count, b_.integer(1)));
        b_.if_(
            probing,
            [&] {
              const auto keep = [&](ir::CellId of_cdf, ir::CellId of_ccdf) {
                b_.if_(
                    b_.compare(Op::equal, is_upper, b_.integer(0)), [&] { b_.store_cell(of_cdf, here); },
                    [&] { b_.store_cell(of_ccdf, here); });
              };
              if (lower && upper) {
                b_.if_(
                    b_.compare(Op::less, count, b_.integer(2)), [&] { keep(cdf_first, ccdf_first); },
                    [&] { keep(cdf_last, ccdf_last); });
                b_.if_(b_.compare(Op::equal, count, b_.integer(1)), [&] { b_.store_cell(at, last); });
              } else if (lower) {
                keep(cdf_first, ccdf_first);
              } else {
                keep(cdf_last, ccdf_last);
              }
              b_.if_(b_.compare(Op::equal, count, b_.integer(probes - 1)), [&] {
                const ValueId use_upper = b_.compare(Op::greater, b_.load_cell(cdf_first), b_.real(-M_LN2));
                const ValueId large = b_.select(use_upper, b_.load_cell(ccdf_first), b_.load_cell(cdf_last));
                const ValueId small = b_.select(use_upper, b_.load_cell(ccdf_last), b_.load_cell(cdf_first));
                // Between bounds so close that their tails are equal, the density is flat.
                const ValueId flat = b_.logical_and(b_.compare(Op::equal, large, small),
                                                    b_.compare(Op::greater, large, b_.real(-infinity)));
                const ValueId ordered = b_.compare(Op::less_equal, first, last);
                b_.check(b_.logical_and(ordered, b_.logical_or(b_.compare(Op::greater, large, small), flat)),
                         message("`" + name + "` cannot be drawn: `" + distribution.name +
                                     "` has no mass between its bounds {} and {}",
                                 span),
                         {first, last});
                b_.store_cell(in_upper_tail, use_upper);
                const ValueId share = b_.negate(b_.math(MathFunction::expm1, {b_.subtract(small, large)}));
                const ValueId rest = b_.math(MathFunction::log1p, {b_.negate(b_.multiply(u, share))});
                b_.store_cell(target, b_.add(large, rest));
                if (is_discrete) b_.store_cell(reach, b_.integer(1));
                else {
                  const ValueId finite = b_.select(b_.is_infinite(first), last, first);
                  const ValueId size = b_.math(MathFunction::fabs, {finite});
                  b_.store_cell(reach, b_.math(MathFunction::fmax, {size, b_.real(1)}));
                }
                b_.store_cell(at, next());
                if (is_discrete) b_.store_cell(done, b_.compare(Op::equal, first, last));
                else
                  b_.if_(flat, [&] {
                    b_.store_cell(at, b_.add(first, b_.multiply(u, b_.subtract(last, first))));
                    b_.store_cell(done, b_.boolean(true));
                  });
              });
            },
            [&] {
              const ValueId excess = b_.subtract(here, b_.load_cell(target));
              const ValueId is_below = b_.select(upper_tail, b_.compare(Op::greater, excess, b_.real(0)),
                                                 b_.compare(Op::less, excess, b_.real(0)));
              if (is_discrete) {
                b_.if_(
                    is_below, [&] { b_.store_cell(low, b_.add(x, b_.integer(1))); }, [&] { b_.store_cell(high, x); });
                b_.store_cell(at, next());
                b_.store_cell(done, b_.compare(Op::greater_equal, b_.load_cell(low), b_.load_cell(high)));
                return;
              }
              b_.if_(is_below, [&] { b_.store_cell(low, x); }, [&] { b_.store_cell(high, x); });
              std::vector<Storage> arguments = {AsValue{x}};
              arguments.insert(arguments.end(), parameters.begin(), parameters.end());
              const ValueId density =
                  element_log(distribution, DistributionFunction::log_density, arguments, std::nullopt);
              const ValueId slope = b_.math(MathFunction::exp, {b_.subtract(density, here)});
              const ValueId newton_step = b_.divide(excess, slope);
              const ValueId newton = b_.select(upper_tail, b_.add(x, newton_step), b_.subtract(x, newton_step));
              const ValueId from = b_.load_cell(low), to = b_.load_cell(high);
              const ValueId middle = next();
              const ValueId inside =
                  b_.logical_and(b_.compare(Op::greater, newton, from), b_.compare(Op::less, newton, to));
              const ValueId third = b_.compare(Op::equal, b_.modulo(count, b_.integer(3)), b_.integer(0));
              const ValueId use_newton = b_.logical_and(inside, b_.logical_not(third));
              const ValueId chosen = b_.select(use_newton, newton, middle);
              // No matter the precision: the step, or what is left of the excess, is rounding error.
              const auto vanishes = [&](ValueId change, ValueId beside) {
                return b_.compare(Op::equal, b_.add(beside, b_.multiply(b_.real(0.125), change)), beside);
              };
              const ValueId settled = b_.logical_and(use_newton, vanishes(b_.subtract(newton, x), x));
              const ValueId squeezed =
                  b_.logical_or(b_.compare(Op::less_equal, chosen, from), b_.compare(Op::greater_equal, chosen, to));
              const ValueId stays = b_.logical_or(squeezed, vanishes(excess, here));
              b_.store_cell(done, b_.logical_or(settled, stays));
              b_.store_cell(at, b_.select(stays, x, chosen));
            });
      });
  b_.set_span(span);
  b_.check(b_.load_cell(done),
           message("`" + name + "` cannot be drawn: no quantile of `" + distribution.name +
                       "` was found between its bounds {} and {}",
                   span),
           {first, last});
  return is_discrete ? b_.load_cell(low) : b_.load_cell(at);
}

} // namespace sibyl::lower
