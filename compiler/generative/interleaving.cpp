#include "compiler/generative/interleaving.hpp"

#include "compiler/generative/tree_building.hpp"

#include <algorithm>
#include <map>

namespace sibyl::generative {

namespace {

struct NotInterleaved {};

ExpressionPtr of_integers(Builtin what, const ExpressionPtr& a, const ExpressionPtr& b) {
  return builtin(what, {a, b}, integer, a->span);
}
const typed::IntegerLiteral* literal(const ExpressionPtr& expression) {
  return std::get_if<typed::IntegerLiteral>(&expression->node);
}
ExpressionPtr plus(const ExpressionPtr& expression, std::int64_t shift) {
  if (shift == 0) return expression;
  if (const auto* constant = literal(expression)) return whole_number(constant->value + shift, expression->span);
  return of_integers(Builtin::add, expression, whole_number(shift, expression->span));
}

// A position, as far from the one that is being made: known exactly, or the furthest that it can be.
struct Offset {
  std::int64_t most = 0;
  bool is_exact = true;
};

// Where a statement reads or writes a variable that is made position by position; `offset` is empty for the whole, for
// places that the text does not tell, and for variables without positions.
struct Access {
  VariableId variable = 0;
  bool is_write = false;
  std::optional<Offset> offset;
};

// What makes one position of something.
struct Step {
  StatementPtr statement;
  std::optional<VariableId> loop_variable; // that counts its positions; the statement makes the one at it plus `shift`
  std::optional<std::int64_t> at;          // the only position that it makes
  ExpressionPtr first, last;               // where it runs, in terms of the loop; null: at every position
  int loop = 0;                            // the loop it stood in; 0: none
  std::int64_t shift = 0;
  std::vector<Access> accesses;
};

// The loops around what is interleaved: their positions, and within how many of them a variable is declared.
struct Outer {
  std::vector<ExpressionPtr> positions;
  std::map<VariableId, std::size_t> declared_within;
};

class Interleaver {
 public:
  Interleaver(const std::vector<StatementPtr>& statements, const typed::Program& program, Outer outer = {})
      : program_(program), outer_(std::move(outer)) {
    for (const StatementPtr& one : statements) {
      const Accesses accesses = accesses_of(one, program);
      made_.insert(accesses.assigned.begin(), accesses.assigned.end());
      made_.insert(accesses.drawn.begin(), accesses.drawn.end());
      drawn_.insert(accesses.drawn.begin(), accesses.drawn.end());
      if (!position_) find_position(one);
    }
    const auto& spare = program.simulation.positions;
    if (!position_ && outer_.positions.size() < spare.size()) position_ = spare[outer_.positions.size()];
    if (!position_) throw NotInterleaved{};
    for (const StatementPtr& one : statements) take(one);
  }

  std::vector<StatementPtr> run() {
    for (Step& step : steps_) find_accesses(step);
    align();
    std::vector<StatementPtr> result = declarations_;
    const Span span = steps_.front().statement->span;
    std::vector<StatementPtr> body = inner_declarations_;
    for (const std::vector<std::size_t>& group : order()) {
      const Statements made = group.size() == 1 ? Statements{guarded(steps_[group[0]])} : within_position(group);
      body.insert(body.end(), made.begin(), made.end());
    }
    typed::For loop{*position_, whole_number(1, span), length_, make_statement(typed::Sequence{std::move(body)}, span)};
    result.push_back(make_statement(std::move(loop), span));
    return result;
  }

 private:
  void find_position(const StatementPtr& tree) {
    for_each_statement(tree, [&](const StatementPtr& one) {
      const auto* loop = std::get_if<typed::For>(&one->node);
      if (loop && !position_) position_ = loop->variable;
    });
  }

  // ---- the loops around

  // The index that counts the positions of this loop, for what is declared outside of those around.
  std::size_t depth_of(VariableId id) const {
    const auto found = outer_.declared_within.find(id);
    return outer_.positions.size() - (found == outer_.declared_within.end() ? 0 : found->second);
  }
  enum class Place { here, before, elsewhere };
  // Where the indexes point to among the positions of the loops around.
  Place place_of(VariableId id, const std::vector<IndexItem>& items) const {
    const std::size_t depth = depth_of(id), first = outer_.positions.size() - depth;
    for (std::size_t i = 0; i < depth; ++i) {
      if (items.size() <= i || items[i].kind != IndexItem::Kind::single) return Place::elsewhere;
      const ExpressionPtr& position = outer_.positions[first + i];
      if (are_same(items[i].first, position)) continue;
      const auto* call = std::get_if<typed::BuiltinCall>(&items[i].first->node);
      const auto* by = call && call->builtin == Builtin::subtract ? literal(call->arguments[1]) : nullptr;
      return by && by->value > 0 && are_same(call->arguments[0], position) ? Place::before : Place::elsewhere;
    }
    return Place::here;
  }

  // What needs each other at one position, position by position of a loop within it.
  Statements within_position(const std::vector<std::size_t>& group) const {
    Outer inner = outer_;
    inner.positions.push_back(reference(*position_, integer, steps_[group[0]].statement->span));
    for (const StatementPtr& one : inner_declarations_)
      inner.declared_within[std::get<typed::Declaration>(one->node).variable] = inner.positions.size();
    Statements parts;
    for (const std::size_t i : group) parts.push_back(guarded(steps_[i]));
    return Interleaver(parts, program_, std::move(inner)).run();
  }

  // ---- the steps

  void take(const StatementPtr& tree, const typed::For* loop = nullptr, int number_of_loop = 0) {
    const auto add = [&](StatementPtr statement, std::optional<std::int64_t> at = std::nullopt) {
      Step step{std::move(statement), std::nullopt, at, nullptr, nullptr, number_of_loop, 0, {}};
      if (loop) {
        step.loop_variable = loop->variable;
        step.first = loop->first;
        step.last = loop->last;
      }
      steps_.push_back(std::move(step));
    };
    if (const auto* sequence = std::get_if<typed::Sequence>(&tree->node)) {
      for (const StatementPtr& one : sequence->statements) take(one, loop, number_of_loop);
    } else if (const auto* declaration = std::get_if<typed::Declaration>(&tree->node)) {
      (loop ? inner_declarations_ : declarations_)
          .push_back(make_statement(typed::Declaration{declaration->variable, nullptr}, tree->span));
      if (!declaration->initializer) return;
      const auto assigned =
          make_statement(typed::Assignment{declaration->variable, {}, declaration->initializer}, tree->span);
      loop ? add(assigned) : take_whole(assigned);
    } else if (const auto* inner = std::get_if<typed::For>(&tree->node); inner && !loop) {
      refuse_jumps(inner->body);
      take(inner->body, inner, ++loops_);
    } else if (loop) {
      add(tree);
    } else if (const auto* branch = std::get_if<typed::If>(&tree->node)) {
      take_branch(*branch, tree->span);
    } else if (const auto at = constant_place(tree)) {
      add(tree, at);
    } else {
      take_whole(tree);
    }
  }

  // What the branches do is done under their condition at each position.
  void take_branch(const typed::If& branch, Span span) {
    std::set<VariableId> reads;
    add_reads(branch.condition, reads);
    if (meets(reads, made_)) throw NotInterleaved{};
    const std::size_t begin = steps_.size();
    take(branch.then_body);
    const std::size_t middle = steps_.size();
    if (branch.else_body) take(branch.else_body);
    const StatementPtr nothing = make_statement(typed::Sequence{}, span);
    for (std::size_t i = begin; i < steps_.size(); ++i) {
      const StatementPtr one = steps_[i].statement;
      steps_[i].statement = make_statement(
          i < middle ? typed::If{branch.condition, one, nullptr} : typed::If{branch.condition, nothing, one}, span);
    }
  }

  static void refuse_jumps(const StatementPtr& body) {
    for_each_statement(body, [&](const StatementPtr& one) {
      if (std::holds_alternative<typed::Break>(one->node) || std::holds_alternative<typed::Continue>(one->node))
        throw NotInterleaved{};
    });
  }

  static const std::vector<IndexItem>* items_of(const ExpressionPtr& left) {
    const auto* index = std::get_if<typed::Index>(&left->node);
    return index && std::holds_alternative<typed::VariableReference>(index->base->node) ? &index->items : nullptr;
  }

  // c of `x[c] = ...` and `x[c] ~ ...`.
  std::optional<std::int64_t> constant_place(const StatementPtr& statement) const {
    const std::vector<IndexItem>* items = nullptr;
    std::optional<VariableId> id;
    const auto draw = as_draw(statement);
    if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node)) {
      items = &assignment->indices;
      id = assignment->variable;
    } else if (draw && (id = drawn_variable(draw->left))) {
      items = items_of(draw->left);
    }
    if (!items || !id) return std::nullopt;
    const std::size_t depth = depth_of(*id);
    if (items->size() <= depth || (*items)[depth].kind != IndexItem::Kind::single) return std::nullopt;
    const auto* place = literal((*items)[depth].first);
    return place ? std::optional(place->value) : std::nullopt;
  }

  // The positions that a statement over all of them, or over a slice, makes.
  struct Range {
    ExpressionPtr first, last;
    bool is_indexed = false;
  };
  Range range_of(VariableId id, const std::vector<IndexItem>& items, Span span) const {
    const std::size_t depth = depth_of(id);
    if (place_of(id, items) != Place::here || program_.variables[id].sizes.size() <= depth) throw NotInterleaved{};
    Range range{whole_number(1, span), program_.variables[id].sizes[depth], items.size() > depth};
    if (!range.is_indexed) return range;
    const IndexItem& item = items[depth];
    if (item.kind == IndexItem::Kind::from || item.kind == IndexItem::Kind::between) range.first = item.first;
    if (item.kind == IndexItem::Kind::up_to || item.kind == IndexItem::Kind::between) range.last = item.second;
    if (item.kind == IndexItem::Kind::single || item.kind == IndexItem::Kind::multiple || !literal(range.first))
      throw NotInterleaved{};
    return range;
  }

  // A statement over all positions, or over a slice of them: what it does at one.
  void take_whole(const StatementPtr& statement) {
    const Span span = statement->span;
    const ExpressionPtr at = reference(*position_, integer, span);
    if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node)) {
      if (assignment->value->type.rank() == 0) throw NotInterleaved{};
      const Range range = range_of(assignment->variable, assignment->indices, span);
      typed::Assignment one = *assignment;
      const IndexItem position{IndexItem::Kind::single, at, nullptr, span};
      if (range.is_indexed) one.indices[depth_of(assignment->variable)] = position;
      else one.indices.push_back(position);
      one.value = element_of(assignment->value, plus(at, 1 - literal(range.first)->value));
      add_elementwise(make_statement(std::move(one), span), range.first, range.last);
      return;
    }
    const auto draw = as_draw(statement);
    const auto id = draw ? drawn_variable(draw->left) : std::nullopt;
    if (!id || draw->left != drawn_place(draw->left)) throw NotInterleaved{};
    if (draw->left->type.rank() != draw->distribution->outcome.rank() + 1) throw NotInterleaved{};
    const auto* items = items_of(draw->left);
    const auto [first, last, is_indexed] = range_of(*id, items ? *items : std::vector<IndexItem>{}, span);
    if (is_indexed && items->size() != depth_of(*id) + 1) throw NotInterleaved{};
    const ExpressionPtr row = plus(at, 1 - literal(first)->value);
    typed::Tilde one = *draw;
    one.left = element_of(draw->left, row);
    for (std::size_t i = 0; i < one.arguments.size(); ++i)
      if (one.arguments[i]->type.rank() > one.distribution->parameters[i].rank())
        one.arguments[i] = element_of(one.arguments[i], row);
    if (one.truncation)
      for (ExpressionPtr* bound : {&one.truncation->lower, &one.truncation->upper})
        if (*bound) *bound = element_of(*bound, row);
    add_elementwise(make_statement(std::move(one), span), first, last);
  }

  void add_elementwise(StatementPtr statement, ExpressionPtr first, ExpressionPtr last) {
    steps_.push_back({std::move(statement), position_, std::nullopt, std::move(first), std::move(last), 0, 0, {}});
  }

  // ---- what the steps read and write, relative to their loop

  void find_accesses(Step& step) {
    std::map<VariableId, std::int64_t> least; // of inner loops' variables that begin at a constant
    const auto offset_of = [&](const ExpressionPtr& index) { return offset(index, step, least); };
    std::function<void(const ExpressionPtr&)> read = [&](const ExpressionPtr& one) { see(one, step, offset_of); };
    const auto write = [&](VariableId id, const std::vector<IndexItem>* items) {
      std::optional<Offset> where;
      if (program_.variables[id].type.rank() > 0 && !is_own(id)) {
        const std::size_t depth = depth_of(id);
        if (!items || items->size() <= depth || place_of(id, *items) != Place::here) throw NotInterleaved{};
        if ((*items)[depth].kind == IndexItem::Kind::single) where = offset_of((*items)[depth].first);
        if (!where || !where->is_exact) throw NotInterleaved{};
      }
      step.accesses.push_back({id, true, where});
      if (items)
        for (const IndexItem& item : *items)
          for (const ExpressionPtr& part : {item.first, item.second})
            if (part) read(part);
    };
    for_each_statement(step.statement, [&](const StatementPtr& one) {
      if (const auto* loop = std::get_if<typed::For>(&one->node))
        if (const auto* first = literal(loop->first)) least[loop->variable] = first->value;
      if (const auto draw = as_draw(one)) {
        if (const auto id = drawn_variable(draw->left)) {
          write(*id, items_of(drawn_place(draw->left)));
          for (const ExpressionPtr& argument : draw->arguments) read(argument);
          if (draw->truncation)
            for (const ExpressionPtr& bound : {draw->truncation->lower, draw->truncation->upper})
              if (bound) read(bound);
          return;
        }
      }
      if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) {
        write(assignment->variable, &assignment->indices);
        read(assignment->value);
        return;
      }
      if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
          declaration && declaration->initializer)
        write(declaration->variable, nullptr);
      for_each_operand(one, read);
    });
  }

  // Whether a variable lives within one position.
  bool is_own(VariableId id) const {
    return std::any_of(inner_declarations_.begin(), inner_declarations_.end(),
                       [&](const StatementPtr& one) { return std::get<typed::Declaration>(one->node).variable == id; });
  }

  template <typename OffsetOf>
  void see(const ExpressionPtr& expression, Step& step, const OffsetOf& offset_of) {
    const std::function<ExpressionPtr(const ExpressionPtr&)> visit = [&](const ExpressionPtr& one) -> ExpressionPtr {
      if (const auto* sized = std::get_if<typed::BuiltinCall>(&one->node))
        switch (sized->builtin) { // sizes are there before the values
        case Builtin::size:
        case Builtin::rows:
        case Builtin::cols:
        case Builtin::num_elements:
        case Builtin::dims: return one;
        default: break;
        }
      if (const auto* found = std::get_if<typed::VariableReference>(&one->node)) {
        if (made_.contains(found->variable)) step.accesses.push_back({found->variable, false, std::nullopt});
        return one;
      }
      const auto* index = std::get_if<typed::Index>(&one->node);
      const auto* base = index ? std::get_if<typed::VariableReference>(&index->base->node) : nullptr;
      if (!base || !made_.contains(base->variable) || is_own(base->variable)) return nullptr;
      const std::size_t depth = depth_of(base->variable);
      const Place place = place_of(base->variable, index->items);
      std::optional<Offset> where;
      if (place == Place::here && index->items.size() > depth) {
        const IndexItem& item = index->items[depth];
        if (item.kind == IndexItem::Kind::single) where = offset_of(item.first);
        if (item.kind == IndexItem::Kind::up_to || item.kind == IndexItem::Kind::between)
          where = offset_of(item.second);
        if (where && item.kind != IndexItem::Kind::single) where->is_exact = false;
      }
      if (place != Place::before) step.accesses.push_back({base->variable, false, where});
      for (const IndexItem& each : index->items)
        for (const ExpressionPtr& part : {each.first, each.second}) typed::rewritten(part, visit);
      return one;
    };
    typed::rewritten(expression, visit);
  }

  std::optional<Offset> offset(const ExpressionPtr& index, const Step& step,
                               const std::map<VariableId, std::int64_t>& least) const {
    if (const auto* constant = literal(index)) {
      if (step.at) return Offset{constant->value - *step.at, true};
      const auto* first = step.first ? literal(step.first) : nullptr;
      return first ? std::optional(Offset{constant->value - first->value, false}) : std::nullopt;
    }
    if (const auto* found = std::get_if<typed::VariableReference>(&index->node))
      return step.loop_variable && found->variable == *step.loop_variable ? std::optional(Offset{}) : std::nullopt;
    const auto* sum = std::get_if<typed::BuiltinCall>(&index->node);
    if (!sum || (sum->builtin != Builtin::add && sum->builtin != Builtin::subtract)) return std::nullopt;
    const bool subtracts = sum->builtin == Builtin::subtract;
    if (!subtracts && literal(sum->arguments[0]))
      return moved(offset(sum->arguments[1], step, least), *literal(sum->arguments[0]));
    const auto left = literal(sum->arguments[0]) ? std::nullopt : offset(sum->arguments[0], step, least);
    if (const auto* constant = literal(sum->arguments[1]))
      return moved(left, {subtracts ? -constant->value : constant->value});
    const auto* lag = std::get_if<typed::VariableReference>(&sum->arguments[1]->node);
    if (!left || !subtracts || !lag) return std::nullopt;
    const auto found = least.find(lag->variable);
    return found == least.end() ? std::nullopt : std::optional(Offset{left->most - found->second, false});
  }
  static std::optional<Offset> moved(std::optional<Offset> offset, const typed::IntegerLiteral& by) {
    if (offset) offset->most += by.value;
    return offset;
  }

  // ---- one time for all: the position that is written

  void align() {
    for (Step& step : steps_) {
      std::optional<std::int64_t> written;
      for (const Access& one : step.accesses)
        if (one.is_write && one.offset) {
          if (written && *written != one.offset->most) throw NotInterleaved{};
          written = one.offset->most;
        }
      if (written) step.shift = *written;
      else if (step.loop > 0)
        // What a position keeps to itself goes with what is written from it.
        for (const Step& other : steps_)
          if (other.loop == step.loop)
            for (const Access& one : other.accesses)
              if (one.is_write && one.offset) step.shift = one.offset->most;
    }
    for (Step& step : steps_)
      for (Access& one : step.accesses)
        if (one.offset) one.offset->most -= step.shift;
    for (const Step& step : steps_)
      for (const Access& one : step.accesses)
        if (one.is_write && one.offset) {
          const ExpressionPtr& size = program_.variables[one.variable].sizes[depth_of(one.variable)];
          if (!length_) length_ = size;
          else if (!are_same(length_, size)) length_ = of_integers(Builtin::maximum, length_, size);
        }
    if (!length_) throw NotInterleaved{};
  }

  // Whether `a` must come before `b` at each position; throws where that is not all that must be.
  bool precedes(std::size_t a, std::size_t b) const {
    bool found = false;
    for (const Access& from : steps_[a].accesses)
      for (const Access& to : steps_[b].accesses) {
        if (from.variable != to.variable || (!from.is_write && !to.is_write)) continue;
        if (!from.offset != !to.offset) throw NotInterleaved{};
        const bool is_drawn = drawn_.contains(from.variable);
        if (!from.offset) { // of one position: only where it was so in the text
          if (steps_[a].loop != steps_[b].loop || steps_[a].loop == 0 || steps_[a].shift != steps_[b].shift)
            throw NotInterleaved{};
          found = found || (is_drawn && from.is_write != to.is_write ? from.is_write : a < b);
          continue;
        }
        const Offset& read = from.is_write ? *to.offset : *from.offset;
        if (from.is_write != to.is_write && read.most > 0) throw NotInterleaved{};
        if (!may_meet(steps_[a], steps_[b])) continue;
        if (from.is_write && to.is_write) found = found || a < b;
        else if (read.most == 0) found = found || (is_drawn ? from.is_write : a < b);
      }
    return found;
  }

  // Whether both may make the same position.
  static bool may_meet(const Step& a, const Step& b) {
    if (a.at && b.at) return *a.at + a.shift == *b.at + b.shift;
    if (!a.at && !b.at) return true;
    const Step &one = a.at ? a : b, &several = a.at ? b : a;
    const auto* first = literal(several.first);
    return !first || first->value + several.shift <= *one.at + one.shift;
  }

  void check_own(std::size_t i) const {
    const bool draws = as_draw(steps_[i].statement) || is_given_draw(steps_[i].statement);
    for (const Access& write : steps_[i].accesses)
      for (const Access& read : steps_[i].accesses)
        if (write.is_write && !read.is_write && write.variable == read.variable && read.offset &&
            (read.offset->most > 0 || (draws && read.offset->most == 0)))
          throw NotInterleaved{};
  }
  static bool is_given_draw(const StatementPtr& statement) {
    const auto* assignment = std::get_if<typed::Assignment>(&statement->node);
    return assignment && assignment->gives_draw;
  }

  // The steps in order; those that need each other at one position are one group.
  std::vector<std::vector<std::size_t>> order() const {
    const std::size_t count = steps_.size();
    std::vector<std::vector<bool>> before(count, std::vector<bool>(count)); // directly or through others
    for (std::size_t i = 0; i < count; ++i) {
      check_own(i);
      for (std::size_t j = 0; j < count; ++j)
        if (i != j) before[j][i] = precedes(i, j);
    }
    for (std::size_t through = 0; through < count; ++through)
      for (std::size_t j = 0; j < count; ++j)
        for (std::size_t i = 0; i < count; ++i)
          if (before[j][through] && before[through][i]) before[j][i] = true;
    std::vector<std::vector<std::size_t>> ordered;
    std::vector<bool> done(count);
    for (std::size_t left = count; left > 0;) {
      std::size_t next = 0;
      const auto waits = [&](std::size_t j) {
        for (std::size_t i = 0; i < count; ++i)
          if (before[j][i] && !before[i][j] && !done[i]) return true;
        return false;
      };
      while (done[next] || waits(next)) ++next; // what waits for nothing but what waits for it
      std::vector<std::size_t> group;
      for (std::size_t i = 0; i < count; ++i)
        if (i == next || (before[next][i] && before[i][next])) group.push_back(i);
      for (const std::size_t i : group) done[i] = true;
      left -= group.size();
      ordered.push_back(std::move(group));
    }
    return ordered;
  }

  StatementPtr guarded(const Step& step) const {
    const Span span = step.statement->span;
    const ExpressionPtr position = reference(*position_, integer, span);
    StatementPtr statement = step.statement;
    if (step.loop_variable && (*step.loop_variable != *position_ || step.shift != 0)) {
      const ExpressionPtr place = plus(position, -step.shift);
      statement = typed::rewritten(
          statement, [](const StatementPtr&) { return nullptr; },
          [&](const ExpressionPtr& one) -> ExpressionPtr {
            const auto* found = std::get_if<typed::VariableReference>(&one->node);
            return found && found->variable == *step.loop_variable ? place : nullptr;
          });
    }
    if (step.at) {
      const ExpressionPtr is_there = of_integers(Builtin::equal, position, whole_number(*step.at + step.shift, span));
      return make_statement(typed::If{is_there, statement, nullptr}, span);
    }
    const ExpressionPtr first = plus(step.first, step.shift), last = plus(step.last, step.shift);
    ExpressionPtr runs;
    const auto require = [&](const ExpressionPtr& condition) {
      runs = runs ? of_integers(Builtin::logical_and, runs, condition) : condition;
    };
    const auto* begin = literal(first);
    if (!begin || begin->value > 1) require(of_integers(Builtin::less_equal, first, position));
    if (!are_same(last, length_)) require(of_integers(Builtin::less_equal, position, last));
    return runs ? make_statement(typed::If{runs, statement, nullptr}, span) : statement;
  }

  const typed::Program& program_;
  Outer outer_;
  std::set<VariableId> made_, drawn_;
  std::optional<VariableId> position_; // the loop's variable: that of a loop which it replaces
  std::vector<Step> steps_;
  std::vector<StatementPtr> declarations_, inner_declarations_;
  int loops_ = 0;
  ExpressionPtr length_;
};

} // namespace

void add_positions(typed::Program& program) {
  for (const char* name : {"n", "m"}) {
    typed::Variable variable;
    variable.name = name;
    variable.type = integer;
    variable.is_local = variable.is_loop_variable = true;
    program.variables.push_back(std::move(variable));
    program.simulation.positions.push_back(static_cast<VariableId>(program.variables.size() - 1));
  }
}

std::optional<std::vector<StatementPtr>> interleaved(const std::vector<StatementPtr>& statements,
                                                     const typed::Program& program) {
  try {
    return Interleaver(statements, program).run();
  } catch (const NotInterleaved&) {
    return std::nullopt;
  }
}

} // namespace sibyl::generative
