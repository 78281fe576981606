#include "compiler/lower/lowering.hpp"

#include <limits>

namespace sibyl::lower {

using ir::MathFunction;
using ir::Op;
using typed::VariableId;

namespace {

// How an element was given.
constexpr std::int32_t drawn = 1, computed = 2;

// Data are written with fewer digits than they were computed with.
constexpr double rounding_of_data = 1e-8;

} // namespace

ValueId Lowering::is_missing(ValueId value) {
  if (b_.type(value) == ir::Type::real) return b_.is_nan(value);
  return b_.compare(Op::equal, value, b_.integer(std::numeric_limits<std::int32_t>::min()));
}

// `from_file`: the data file's values of a variable that is given in part. It has none, or as many as are declared.
void Lowering::start_giving(VariableId id, std::optional<ir::ArrayId> from_file) {
  const typed::Variable& declared = variable(id);
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  const std::vector<ValueId> sizes = array_view(array, id).sizes;
  const ir::ArrayId given = b_.array(declared.name + " given", ir::Type::integer, declared.type.rank());
  b_.declare(given, sizes, true);
  given_[id] = given;
  if (!from_file) return;
  if (sizes.empty()) {
    const ValueId value = b_.load(*from_file, {});
    b_.if_(b_.logical_not(is_missing(value)), [&] { b_.store(array, value, {}); });
    return;
  }
  ValueId is_there = b_.boolean(true);
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const ValueId size = b_.array_size(*from_file, static_cast<int>(d));
    const ValueId fits = b_.compare(Op::equal, size, sizes[d]);
    b_.check(b_.logical_or(fits, b_.compare(Op::equal, size, b_.integer(0))),
             context_.message("`" + declared.name + "` has {} elements here, but {} in the data file", declared.span),
             {sizes[d], size});
    is_there = b_.logical_and(is_there, fits);
  }
  b_.if_(is_there, [&] {
    loop(sizes, [&](const std::vector<ValueId>& index) { b_.store(array, b_.load(*from_file, index), index); });
  });
}

void Lowering::note_given(VariableId id, const std::vector<ValueId>& index, bool by_draw, Span span) {
  const auto found = given_.find(id);
  if (found == given_.end()) return;
  if (context_.reading.given_once.contains(id)) {
    // What is computed may be computed again, step by step.
    const ValueId before = b_.load(found->second, index);
    const ValueId is_free =
        by_draw ? b_.compare(Op::equal, before, b_.integer(0)) : b_.compare(Op::not_equal, before, b_.integer(drawn));
    std::string element = "`" + variable(id).name + "`";
    std::vector<ValueId> positions;
    for (std::size_t d = 0; d < index.size(); ++d) {
      element = d == 0 ? "`" + variable(id).name + "[{}" : element + ", {}";
      positions.push_back(b_.add(index[d], b_.integer(1)));
    }
    if (!index.empty()) element += "]`";
    b_.check(is_free, context_.message(element + " is given a value twice: by this statement and before", span),
             positions);
  }
  b_.store(found->second, b_.integer(by_draw ? drawn : computed), index);
}

void Lowering::require_all_given() {
  for (const auto& [id, given] : given_) {
    if (!context_.reading.given_elements.contains(id)) continue;
    const typed::Variable& declared = variable(id);
    const ir::ArrayId array = std::get<InArray>(storage(id)).array;
    const bool is_data = declared.block == typed::Block::data;
    b_.set_span(declared.span);
    std::vector<ValueId> sizes;
    std::string element = declared.name;
    for (int d = 0; d < declared.type.rank(); ++d) {
      sizes.push_back(b_.array_size(given, d));
      element += d == 0 ? "[{}" : ", {}";
    }
    if (!sizes.empty()) element += "]";
    const std::uint32_t message = context_.message(
        "no statement draws `" + element + "`" + (is_data ? ", and no data file gives it a value" : ""), declared.span);
    loop(sizes, [&](const std::vector<ValueId>& index) {
      ValueId is_given = b_.compare(Op::not_equal, b_.load(given, index), b_.integer(0));
      if (is_data) is_given = b_.logical_or(is_given, b_.logical_not(is_missing(b_.load(array, index))));
      std::vector<ValueId> positions;
      for (const ValueId one : index) positions.push_back(b_.add(one, b_.integer(1)));
      b_.check(is_given, message, positions);
    });
  }
}

void Lowering::point_mass(const typed::Assignment& tree, Span span) {
  const ir::ArrayId array = std::get<InArray>(storage(tree.variable)).array;
  const bool is_real = variable(tree.variable).type.base != Base::integer;
  std::vector<ValueId> noted;
  const View target = place(tree.variable, tree.indices, noted, span);
  const auto compare = [&](ValueId value, const std::vector<ValueId>& index) {
    const ValueId data = b_.load(array, index);
    ValueId is_there;
    if (is_real) {
      value = b_.to_real(value);
      const ValueId distance = b_.math(MathFunction::fabs, {b_.subtract(data, value)});
      const ValueId allowed = b_.multiply(b_.real(rounding_of_data), b_.math(MathFunction::fabs, {value}));
      is_there = b_.compare(Op::less_equal, distance, allowed);
    } else {
      is_there = b_.compare(Op::equal, data, value);
    }
    const ValueId term = b_.select(is_there, b_.real(0), b_.real(-std::numeric_limits<double>::infinity()));
    if (terms_) add_term(tree.variable, index, term);
    else add_to_target(term);
  };
  if (tree.value->type.is_scalar()) {
    const ValueId value = scalar(tree.value);
    target.element({});
    return compare(value, noted);
  }
  View value = view(tree.value);
  if (!value.is_cheap) value = materialize(value);
  for (std::size_t d = 0; d < target.sizes.size(); ++d)
    require_same_size(target.sizes[d], value.sizes[d], target.size_keys[d], value.size_keys[d],
                      "`" + variable(tree.variable).name + "` has {} elements here, but the value has {}", span);
  loop(target.sizes, [&](const std::vector<ValueId>& index) {
    target.element(index);
    compare(value.element(index), std::vector<ValueId>(noted));
  });
}

} // namespace sibyl::lower
