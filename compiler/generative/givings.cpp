#include "compiler/generative/givings.hpp"

#include "compiler/generative/accesses.hpp"

#include <optional>
#include <string>

namespace sibyl::generative {

namespace {

// A position that the text names: a variable and a number, or a number alone ("").
struct Position {
  std::string variable;
  std::int64_t offset = 0;

  friend bool operator==(const Position&, const Position&) = default;
  Position operator+(std::int64_t shift) const { return {variable, offset + shift}; }
};

// Known to come before; false where it is not known.
bool precedes(const Position& a, const Position& b) { return a.variable == b.variable && a.offset < b.offset; }

struct Interval {
  Position first, last;
  friend bool operator==(const Interval&, const Interval&) = default;
};
using Box = std::vector<Interval>; // by dimension

class Elements {
 public:
  Elements(const typed::Program& program, VariableId id) : program_(program), variable_(program.variables[id]) {}

  std::size_t rank() const { return static_cast<std::size_t>(variable_.type.rank()); }

  std::optional<Position> position(const ExpressionPtr& expression) const {
    if (const auto* literal = std::get_if<typed::IntegerLiteral>(&expression->node))
      return Position{"", literal->value};
    if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
      // Of what the model cannot change.
      const typed::Variable& one = program_.variables[reference->variable];
      const bool is_data =
          !one.is_local && (one.block == typed::Block::data || one.block == typed::Block::transformed_data);
      if (!is_data && !one.is_loop_variable) return std::nullopt;
      return Position{std::to_string(reference->variable), 0};
    }
    const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
    if (!call) return std::nullopt;
    const bool adds = call->builtin == Builtin::add, subtracts = call->builtin == Builtin::subtract;
    if (adds || subtracts) {
      const auto left = position(call->arguments[0]), right = position(call->arguments[1]);
      if (left && right && right->variable.empty()) return *left + (adds ? right->offset : -right->offset);
      if (left && right && left->variable.empty() && adds) return *right + left->offset;
      return std::nullopt;
    }
    if (call->builtin == Builtin::size || call->builtin == Builtin::num_elements || call->builtin == Builtin::rows) {
      const auto* of = std::get_if<typed::VariableReference>(&call->arguments[0]->node);
      if (of && program_.variables[of->variable].sizes.size() == 1)
        return position(program_.variables[of->variable].sizes[0]);
    }
    return std::nullopt;
  }

  std::optional<Position> size(std::size_t dimension) const { return position(variable_.sizes[dimension]); }

  // The elements that the statement gives, all of its iterations together.
  std::optional<Box> box(const Giving& giving) const {
    Box result;
    for (std::size_t d = 0; d < rank(); ++d) {
      const auto last = size(d);
      if (d >= giving.place.size() || giving.place[d].kind == IndexItem::Kind::all) {
        if (!last) return std::nullopt;
        result.push_back({{"", 1}, *last});
        continue;
      }
      const IndexItem& item = giving.place[d];
      if (item.kind == IndexItem::Kind::multiple) return std::nullopt;
      if (item.kind == IndexItem::Kind::single) {
        const auto interval = visited(item.first, giving);
        if (!interval) return std::nullopt;
        result.push_back(*interval);
        continue;
      }
      const auto begin = item.first ? position(item.first) : std::optional(Position{"", 1});
      const auto end = item.second ? position(item.second) : last;
      if (!begin || !end || is_loop_variable(*begin, giving) || is_loop_variable(*end, giving)) return std::nullopt;
      result.push_back({*begin, *end});
    }
    return result;
  }

  // Whether every loop around it runs through one of its indexes, so that the box is visited however short the loops.
  bool follows_loops(const Giving& giving) const {
    for (const typed::For& loop : giving.loops) {
      bool found = false;
      for (const IndexItem& item : giving.place)
        if (item.kind == IndexItem::Kind::single)
          if (const auto at = position(item.first)) found = found || at->variable == std::to_string(loop.variable);
      if (!found) return false;
    }
    return !giving.in_open_loop && !giving.may_be_skipped;
  }

  // Whether the boxes fill the variable from dimension d on: slab by slab along d, each filled along the dimensions
  // behind.
  bool fill(const std::vector<Box>& boxes, std::size_t d = 0) const {
    if (boxes.empty() || d == rank()) return !boxes.empty();
    const auto last = size(d);
    if (!last) return false;
    Position next{"", 1};
    for (std::size_t round = 0; !(next == *last + 1); ++round) {
      if (round == boxes.size()) return false;
      const Position reached = next;
      for (const Box& edge : boxes) {
        std::vector<Box> slab; // what covers everything from `next` to the edge's end
        for (const Box& box : boxes)
          if ((box[d].first == next || precedes(box[d].first, next)) && !precedes(box[d].last, next) &&
              (box[d].last == edge[d].last || precedes(edge[d].last, box[d].last)))
            slab.push_back(box);
        if (precedes(edge[d].last, next) || !fill(slab, d + 1)) continue;
        next = edge[d].last + 1;
        break;
      }
      if (next == reached) return false;
    }
    return true;
  }

 private:
  static bool is_loop_variable(const Position& position, const Giving& giving) {
    for (const typed::For& loop : giving.loops)
      if (position.variable == std::to_string(loop.variable)) return true;
    return false;
  }

  std::optional<Interval> visited(const ExpressionPtr& index, const Giving& giving) const {
    const auto at = position(index);
    if (!at) return std::nullopt;
    for (const typed::For& loop : giving.loops) {
      if (at->variable != std::to_string(loop.variable)) continue;
      const auto first = position(loop.first), last = position(loop.last);
      if (!first || !last || is_loop_variable(*first, giving) || is_loop_variable(*last, giving)) return std::nullopt;
      return Interval{*first + at->offset, *last + at->offset};
    }
    return Interval{*at, *at};
  }

  const typed::Program& program_;
  const typed::Variable& variable_;
};

// The boxes that surely get values; what both branches of an `if` give counts. `level`: branches that are settled.
std::vector<Box> sure_boxes(const std::vector<Giving>& givings, const Elements& elements, std::size_t level) {
  std::vector<Box> sure;
  std::vector<bool> done(givings.size(), false);
  for (std::size_t i = 0; i < givings.size(); ++i) {
    if (done[i]) continue;
    if (givings[i].branches.size() == level) {
      if (const auto box = elements.box(givings[i]); box && elements.follows_loops(givings[i])) sure.push_back(*box);
      continue;
    }
    const typed::If* branch = givings[i].branches[level].first;
    std::vector<Giving> first, second;
    for (std::size_t j = i; j < givings.size(); ++j) {
      if (givings[j].branches.size() <= level || givings[j].branches[level].first != branch) continue;
      done[j] = true;
      (givings[j].branches[level].second ? first : second).push_back(givings[j]);
    }
    const std::vector<Box> a = sure_boxes(first, elements, level + 1), b = sure_boxes(second, elements, level + 1);
    for (const Box& box : a)
      for (const Box& other : b)
        if (box == other) sure.push_back(box);
  }
  return sure;
}

} // namespace

bool exclude_each_other(const Giving& a, const Giving& b) {
  for (const auto& [branch, is_first] : a.branches)
    for (const auto& [other, other_is_first] : b.branches)
      if (branch == other && is_first != other_is_first) return true;
  return false;
}

bool are_disjoint(const Giving& a, const Giving& b, const typed::Program& program, VariableId id) {
  const Elements elements(program, id);
  const auto one = elements.box(a), other = elements.box(b);
  if (!one || !other) return false;
  for (std::size_t d = 0; d < elements.rank(); ++d)
    if (precedes((*one)[d].last, (*other)[d].first) || precedes((*other)[d].last, (*one)[d].first)) return true;
  return false;
}

bool may_repeat(const Giving& giving) {
  if (giving.in_open_loop) return true;
  for (const IndexItem& item : giving.place)
    if (item.kind == IndexItem::Kind::multiple) return true;
  for (const typed::For& loop : giving.loops) {
    bool steps = false; // an index moves on with the loop
    for (const IndexItem& item : giving.place) {
      if (item.kind != IndexItem::Kind::single) continue;
      ExpressionPtr at = item.first;
      if (const auto* call = std::get_if<typed::BuiltinCall>(&at->node);
          call && (call->builtin == Builtin::add || call->builtin == Builtin::subtract) &&
          std::holds_alternative<typed::IntegerLiteral>(call->arguments[1]->node))
        at = call->arguments[0];
      const auto* reference = std::get_if<typed::VariableReference>(&at->node);
      steps = steps || (reference && reference->variable == loop.variable);
    }
    if (!steps) return true;
  }
  return false;
}

bool cover_all(const std::vector<Giving>& givings, const typed::Program& program, VariableId id) {
  const Elements elements(program, id);
  // A variable that is given as a whole needs no look at its sizes.
  std::vector<Giving> wholes;
  for (const Giving& one : givings)
    if (one.place.empty()) wholes.push_back(one);
  for (const Giving& one : wholes)
    if (one.branches.empty() && one.loops.empty() && !one.in_open_loop) return true;
  return elements.fill(sure_boxes(givings, elements, 0));
}

bool is_plain(const Giving& giving, const typed::Program& program, VariableId id) {
  const Elements elements(program, id);
  return giving.branches.empty() && elements.box(giving) && elements.follows_loops(giving);
}

} // namespace sibyl::generative
