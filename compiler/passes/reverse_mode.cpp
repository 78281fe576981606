#include "compiler/passes/reverse_mode.hpp"

#include "compiler/passes/derivatives.hpp"
#include "compiler/passes/reverse_plan.hpp"
#include "compiler/passes/undo_log.hpp"
#include "lang/errors.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sibyl::ir {
namespace {

// What of a block is written.
enum class Mode {
  plain,     // as it is
  reversing, // the sweep back through this block follows: keep what it needs
};

// What the sweep back through a region finds.
struct Record {
  std::vector<std::pair<CellId, ValueId>> cells;  // saved before the region
  std::vector<std::pair<CellId, ArrayId>> series; // of a `for_`: saved in each iteration, by iteration
  ArraySet logged;                                // arrays in the undo log
  ArrayId log_counts = none;                      // likewise, the lengths of the undo log
  ValueId first = none, last = none;              // of a `for_`
  ValueId iterations = none;                      // of a `while_`
  ValueId log_count = none;                       // of the region as a whole
};

class ReverseMode {
 public:
  explicit ReverseMode(const Function& primal)
      : primal_(primal), structure_(primal), plan_(structure_), gradient_(start(primal)), b_(gradient_),
        values_(primal.value_count, none), adjoints_(primal.value_count, none), value_cells_(primal.value_count, none),
        cell_adjoints_(primal.cells.size(), none), array_adjoints_(primal.arrays.size(), none),
        declared_(primal.arrays.size(), false) {
    for (ArrayId array = 0; array < primal.arrays.size(); ++array) arrays_.push_back(array);
  }

  Function run() {
    const ArrayId parameters = bound_to(Binding::unconstrained_in), density = bound_to(Binding::log_density);
    ValueId count = none;
    if (parameters != none) {
      count = b_.array_size(parameters, 0);
      array_adjoints_[parameters] = adjoint_array(parameters);
      b_.declare(array_adjoints_[parameters], {count}, true);
    }
    if (density != none && !plan_.sinks().log_density) {
      array_adjoints_[density] = adjoint_array(density);
      b_.declare(array_adjoints_[density], {}, true);
      b_.store(array_adjoints_[density], b_.real(1), {});
    }
    forward(primal_.body, Mode::reversing);
    reverse(primal_.body);
    if (!primal_.results.empty()) give();
    if (parameters == none) return std::move(gradient_);
    const ArrayId out = b_.array("gradient", Type::real, 1, Binding::gradient);
    b_.for_(b_.integer(0), b_.subtract(count, b_.integer(1)),
            [&](ValueId i) { b_.store(out, b_.load(array_adjoints_[parameters], {i}), {i}); });
    return std::move(gradient_);
  }

 private:
  static Function start(const Function& primal) {
    Function gradient{.name = primal.results.empty() ? "log_density_gradient" : primal.name,
                      .cells = primal.cells,
                      .arrays = primal.arrays,
                      .arguments = primal.arguments,
                      .results = primal.results,
                      .derivative_of = primal.derivative_of,
                      .wanted = primal.wanted};
    gradient.results.insert(gradient.results.end(), wanted_count(primal), Type::real);
    return gradient;
  }

  static std::size_t wanted_count(const Function& primal) {
    return static_cast<std::size_t>(std::count(primal.wanted.begin(), primal.wanted.end(), true));
  }

  // A callee's results, and behind them the derivatives of the first.
  void give() {
    std::vector<ValueId> results = map(primal_.body.back().operands);
    for (std::size_t i = 0; i < primal_.wanted.size(); ++i) {
      if (!primal_.wanted[i]) continue;
      const auto found = slopes_.find(i);
      results.push_back(found == slopes_.end() ? b_.real(0) : found->second);
    }
    b_.give(std::move(results));
  }

  ArrayId bound_to(Binding binding) const {
    for (ArrayId id = 0; id < primal_.arrays.size(); ++id)
      if (primal_.arrays[id].binding == binding) return id;
    return none;
  }

  bool active(ValueId value) const { return plan_.activity().value[value]; }
  bool is_sink(CellId cell) const { return plan_.sinks().cells[cell]; }

  ValueId map(ValueId value) const {
    if (values_[value] == none) throw InternalError("reverse mode reads a value that it did not compute");
    return values_[value];
  }

  std::vector<ValueId> map(const std::vector<ValueId>& values, std::size_t from = 0) const {
    std::vector<ValueId> mapped;
    for (std::size_t i = from; i < values.size(); ++i) mapped.push_back(map(values[i]));
    return mapped;
  }

  ArrayId adjoint_array(ArrayId array) {
    return b_.array("adjoint " + primal_.arrays[array].name, Type::real, primal_.arrays[array].rank);
  }

  CellId adjoint_cell(CellId cell) {
    if (cell_adjoints_[cell] == none) cell_adjoints_[cell] = b_.cell("adjoint " + primal_.cells[cell].name);
    return cell_adjoints_[cell];
  }

  CellId adjoint_cell_of_value(ValueId value) {
    if (value_cells_[value] == none) value_cells_[value] = b_.cell("adjoint");
    return value_cells_[value];
  }

  // The first time, everything; in the sweep back through a region, what that needs.
  bool is_run(const Instruction& instruction) const { return !root_ || plan_.is_needed(instruction, *root_); }

  void forward(const Block& block, Mode mode) {
    for (const Instruction& instruction : block) forward(instruction, mode);
  }

  void forward(const Instruction& instruction, Mode mode) {
    b_.set_span(instruction.span);
    switch (instruction.op) {
    case Op::if_:
    case Op::for_:
    case Op::while_: return forward_region(instruction, mode);
    case Op::declare: return forward_declare(instruction, mode);
    default: break;
    }
    if (has(instruction.op, trait::draws | trait::tape | trait::leaves))
      throw InternalError("reverse mode met an instruction that no log density has");
    if (mode == Mode::reversing && instruction.result != none && active(instruction.result) &&
        plan_.crosses(instruction.result))
      b_.store_cell(adjoint_cell_of_value(instruction.result), b_.real(0));
    if (!is_run(instruction)) return;
    switch (instruction.op) {
    case Op::store_cell:
      if (mode == Mode::reversing && plan_.restores(instruction)) overwrite(instruction, b_.load_cell(instruction.id));
      return b_.store_cell(instruction.id, map(instruction.operands[0]));
    case Op::store: return forward_store(instruction, mode);
    case Op::yield:
    case Op::give: return;
    default: break;
    }
    Instruction copy = instruction;
    copy.operands = map(instruction.operands);
    if (fact(instruction.op).subject == Subject::array) copy.id = arrays_[instruction.id];
    const bool folds = is_folding(instruction.op);
    const ValueId result =
        folds ? b_.pure(instruction.op, std::move(copy.operands), instruction.id) : b_.emit(std::move(copy));
    if (instruction.result == none) return;
    values_[instruction.result] = result;
    if (keeping_ && mode == Mode::reversing && is_kept(instruction)) keep(kept_, instruction, result);
  }

  void overwrite(const Instruction& store, ValueId old) {
    overwritten_[&store] = old;
    if (keeping_) keep(kept_overwritten_, store, old);
  }

  void forward_declare(const Instruction& instruction, Mode mode) {
    const ArrayId array = instruction.id;
    const bool wants_adjoint = mode == Mode::reversing && plan_.activity().array[array];
    if (!is_run(instruction) && !wants_adjoint) return;
    if (declared_[array])
      arrays_[array] = b_.array(primal_.arrays[array].name, primal_.arrays[array].element, primal_.arrays[array].rank);
    declared_[array] = true;
    const std::vector<ValueId> sizes = map(instruction.operands);
    b_.declare(arrays_[array], sizes, instruction.number != 0);
    if (!wants_adjoint) return;
    array_adjoints_[array] = adjoint_array(array);
    b_.declare(array_adjoints_[array], sizes, true);
  }

  void forward_store(const Instruction& instruction, Mode mode) {
    const std::vector<ValueId> indices = map(instruction.operands, 1);
    const ArrayId array = arrays_[instruction.id];
    if (mode == Mode::reversing && plan_.restores(instruction)) overwrite(instruction, b_.load(array, indices));
    if (mode == Mode::plain && log_) log_->record(b_, instruction.id, array, indices);
    b_.store(array, map(instruction.operands[0]), indices);
  }

  void forward_region(const Instruction& owner, Mode mode) {
    if (mode == Mode::reversing && plan_.region(owner).in_place) return in_place(owner);
    if (mode == Mode::reversing && is_kept_branch(owner)) return forward_kept(owner);
    const bool swept = mode == Mode::reversing && !plan_.region(owner).kept && is_swept(owner);
    // The sweep back through a `while_` must at least know how often it has run.
    const bool runs = is_run(owner) || (swept && owner.op == Op::while_ && plan_.region(owner).active);
    if (swept && runs) return forward_recorded(owner);
    if (swept) records_[&owner] = bounds(owner);
    if (runs) iterate(owner, [&](const Block& block) { forward(block, Mode::plain); });
  }

  // Whether the way back passes through the region, or at least has something to restore.
  bool is_swept(const Instruction& owner) const {
    const RegionPlan& plan = plan_.region(owner);
    return plan.active || !plan.saved_once.empty() || !plan.logged.empty();
  }

  void in_place(const Instruction& owner) {
    iterate(owner, [&](const Block& block) {
      forward(block, Mode::reversing);
      reverse(block);
    });
  }

  bool is_kept_branch(const Instruction& owner) const {
    const RegionPlan& plan = plan_.region(owner);
    return plan.kept && (plan.active || (is_swept(owner) && is_run(owner)));
  }

  void forward_kept(const Instruction& owner) {
    iterate(owner, [&](const Block& block) {
      const bool outer = std::exchange(keeping_, true);
      forward(block, Mode::reversing);
      keeping_ = outer;
    });
  }

  void keep(std::unordered_map<const Instruction*, CellId>& cells, const Instruction& instruction, ValueId value) {
    const auto [cell, is_new] = cells.emplace(&instruction, none);
    if (is_new) cell->second = b_.cell("kept", b_.type(value));
    b_.store_cell(cell->second, value);
  }

  // Brings the values of a kept branch back into sight.
  void fetch(const Block& block) {
    for (const Instruction& instruction : block) {
      if (!is_run(instruction)) continue;
      if (instruction.op == Op::constant) values_[instruction.result] = b_.emit(instruction);
      else if (is_kept(instruction)) values_[instruction.result] = b_.load_cell(kept_.at(&instruction));
      if (is_restored(instruction)) overwritten_[&instruction] = b_.load_cell(kept_overwritten_.at(&instruction));
    }
  }

  bool is_kept(const Instruction& instruction) const {
    return instruction.result != none && instruction.op != Op::constant && plan_.is_read_back(instruction.result);
  }

  bool is_restored(const Instruction& instruction) const {
    return has(instruction.op, trait::writes) && plan_.restores(instruction);
  }

  // The region's control flow, with its blocks written by `write`.
  void iterate(const Instruction& owner, const std::function<void(const Block&)>& write) {
    b_.set_span(owner.span);
    switch (owner.op) {
    case Op::if_:
      b_.if_(map(owner.operands[0]), [&] { write(owner.blocks[0]); }, [&] { write(owner.blocks[1]); });
      return;
    case Op::for_:
      b_.for_(
          map(owner.operands[0]), map(owner.operands[1]),
          [&](ValueId variable) {
            values_[owner.result] = variable;
            write(owner.blocks[0]);
          },
          owner.number != 0);
      return;
    default:
      b_.while_(
          [&] {
            forward(owner.blocks[0], Mode::plain);
            return map(owner.blocks[0].back().operands[0]);
          },
          [&] { write(owner.blocks[1]); });
    }
  }

  Record bounds(const Instruction& owner) const {
    Record record;
    if (owner.op != Op::for_ || !plan_.region(owner).active) return record;
    record.first = map(owner.operands[0]);
    record.last = map(owner.operands[1]);
    return record;
  }

  void forward_recorded(const Instruction& owner) {
    const RegionPlan& plan = plan_.region(owner);
    Record record = bounds(owner);
    for (CellId cell : plan.saved_once) record.cells.emplace_back(cell, b_.load_cell(cell));
    const bool by_iteration = owner.op != Op::if_ && plan.active;
    for (ArrayId array : plan.logged)
      if (!root_ || plan_.region(*root_).needs.array[array]) record.logged.insert(array);
    UndoLog log(record.logged, primal_.arrays);
    UndoLog* const outer = log_;
    log_ = record.logged.empty() ? nullptr : &log;
    if (!by_iteration) {
      if (log_) log_->clear(b_);
      iterate(owner, [&](const Block& block) { forward(block, Mode::plain); });
      if (log_) record.log_count = log_->count(b_);
    } else if (owner.op == Op::for_) {
      forward_for(owner, record);
    } else {
      forward_while(owner, record);
    }
    log_ = outer;
    records_[&owner] = std::move(record);
  }

  void forward_for(const Instruction& owner, Record& record) {
    const ValueId count = b_.maximum(b_.integer(0), b_.add(b_.subtract(record.last, record.first), b_.integer(1)));
    for (CellId cell : plan_.region(owner).saved_each_iteration) {
      const Cell& saved = primal_.cells[cell];
      const Type element = saved.type == Type::real ? Type::real : Type::integer;
      record.series.emplace_back(cell, b_.array("saved " + saved.name, element, 1));
      b_.declare(record.series.back().second, {count});
    }
    if (log_) {
      record.log_counts = b_.array("log lengths", Type::integer, 1);
      b_.declare(record.log_counts, {count});
    }
    iterate(owner, [&](const Block& body) {
      const ValueId iteration = b_.subtract(values_[owner.result], record.first);
      for (const auto& [cell, series] : record.series) {
        const ValueId value = b_.load_cell(cell);
        b_.store(series, b_.type(value) == Type::boolean ? b_.to_integer(value) : value, {iteration});
      }
      if (log_) log_->clear(b_);
      forward(body, Mode::plain);
      if (log_) b_.store(record.log_counts, log_->count(b_), {iteration});
    });
  }

  void forward_while(const Instruction& owner, Record& record) {
    const CellId iterations = b_.cell("iterations", Type::integer);
    b_.store_cell(iterations, b_.integer(0));
    iterate(owner, [&](const Block& body) {
      for (CellId cell : plan_.region(owner).saved_each_iteration) b_.tape_push(b_.load_cell(cell));
      b_.store_cell(iterations, b_.add(b_.load_cell(iterations), b_.integer(1)));
      if (log_) log_->clear(b_);
      forward(body, Mode::plain);
      if (log_) b_.tape_push(log_->count(b_));
    });
    record.iterations = b_.load_cell(iterations);
  }

  void reverse(const Block& block) {
    for (auto it = block.rbegin(); it != block.rend(); ++it) reverse(*it);
  }

  void reverse(const Instruction& instruction) {
    b_.set_span(instruction.span);
    switch (instruction.op) {
    case Op::if_:
    case Op::for_:
    case Op::while_: return reverse_region(instruction);
    case Op::store_cell:
    case Op::store:
      if (is_active(instruction, plan_.activity())) reverse_store(instruction);
      return restore(instruction);
    case Op::give:
      if (active(instruction.operands[0])) contribute(instruction.operands[0], b_.real(1));
      return;
    default: break;
    }
    if (!is_active(instruction, plan_.activity())) return;
    if (instruction.op == Op::load_cell && is_sink(instruction.id)) return; // its adjoint is 1
    const ValueId adjoint = take(instruction.result);
    if (adjoint == none) return;
    if (instruction.op == Op::argument) {
      slopes_[static_cast<std::size_t>(instruction.number)] = adjoint;
    } else if (instruction.op == Op::load_cell) {
      const CellId cell = adjoint_cell(instruction.id);
      b_.store_cell(cell, b_.add(b_.load_cell(cell), adjoint));
    } else if (instruction.op == Op::load) {
      const std::vector<ValueId> indices = map(instruction.operands);
      const ArrayId array = array_adjoints_[instruction.id];
      b_.store(array, b_.add(b_.load(array, indices), adjoint), indices);
    } else {
      reverse_pure(instruction, adjoint);
    }
  }

  void reverse_pure(const Instruction& instruction, ValueId adjoint) {
    RulePlace place{.adjoint = adjoint, .guarded = plan_.guarded(instruction.result)};
    for (ValueId operand : instruction.operands) place.operands.push_back(values_[operand]);
    place.result = values_[instruction.result];
    differentiate(b_, instruction, place, active_operands(instruction, plan_.activity()),
                  [&](std::size_t operand, ValueId value) { contribute(instruction.operands[operand], value); });
  }

  void reverse_store(const Instruction& store) {
    const bool is_cell = store.op == Op::store_cell;
    const bool known = is_cell ? is_sink(store.id)
                               : primal_.arrays[store.id].binding == Binding::log_density && plan_.sinks().log_density;
    const Accumulation* accumulation = plan_.sums().find(store);
    std::vector<ValueId> indices;
    if (!is_cell && !known) indices = map(store.operands, 1);
    ValueId adjoint;
    if (known) adjoint = b_.real(1);
    else if (is_cell) adjoint = b_.load_cell(adjoint_cell(store.id));
    else adjoint = b_.load(array_adjoints_[store.id], indices);
    if (accumulation) {
      for (const Accumulation::Addend& addend : accumulation->addends)
        if (active(addend.value)) contribute(addend.value, addend.negative ? b_.negate(adjoint) : adjoint);
      return;
    }
    if (active(store.operands[0])) contribute(store.operands[0], adjoint);
    if (known) return;
    if (is_cell) b_.store_cell(adjoint_cell(store.id), b_.real(0));
    else b_.store(array_adjoints_[store.id], b_.real(0), indices);
  }

  void restore(const Instruction& store) {
    if (!plan_.restores(store) || !is_run(store)) return;
    const ValueId old = overwritten_.at(&store);
    if (store.op == Op::store_cell) b_.store_cell(store.id, old);
    else b_.store(arrays_[store.id], old, map(store.operands, 1));
  }

  void contribute(ValueId value, ValueId contribution) {
    if (plan_.crosses(value)) {
      const CellId cell = adjoint_cell_of_value(value);
      b_.store_cell(cell, b_.add(b_.load_cell(cell), contribution));
    } else {
      adjoints_[value] = adjoints_[value] == none ? contribution : b_.add(adjoints_[value], contribution);
    }
  }

  // The whole adjoint of a value, once the sweep has come to its definition; none: nothing was contributed.
  ValueId take(ValueId value) {
    if (plan_.crosses(value)) return b_.load_cell(adjoint_cell_of_value(value));
    return std::exchange(adjoints_[value], none);
  }

  void reverse_region(const Instruction& owner) {
    const RegionPlan& plan = plan_.region(owner);
    if (plan.in_place) return;
    if (is_kept_branch(owner))
      return iterate(owner, [&](const Block& block) {
        fetch(block);
        reverse(block);
      });
    if (plan.kept || !is_swept(owner)) return;
    const Record record = records_.at(&owner);
    const UndoLog log(record.logged, primal_.arrays);
    auto undo = [&](ValueId count) { log.undo(b_, arrays_, count); };
    auto sweep = [&](const Block& block) {
      const Instruction* const outer = std::exchange(root_, &owner);
      forward(block, Mode::reversing);
      reverse(block);
      root_ = outer;
    };
    if (owner.op == Op::if_ || !plan.active) {
      if (record.log_count != none) undo(record.log_count);
      for (const auto& [cell, value] : record.cells) b_.store_cell(cell, value);
      if (plan.active) iterate(owner, sweep);
      return;
    }
    if (owner.op == Op::for_) {
      auto iteration = [&](ValueId variable) {
        values_[owner.result] = variable;
        const ValueId index = b_.subtract(variable, record.first);
        if (record.log_counts != none) undo(b_.load(record.log_counts, {index}));
        for (const auto& [cell, series] : record.series) restore_cell(cell, b_.load(series, {index}));
        sweep(owner.blocks[0]);
      };
      b_.for_(record.first, record.last, iteration, owner.number == 0);
    } else {
      auto iteration = [&](ValueId) {
        if (!record.logged.empty()) undo(b_.tape_pop(Type::integer));
        for (auto cell = plan.saved_each_iteration.rbegin(); cell != plan.saved_each_iteration.rend(); ++cell)
          b_.store_cell(*cell, b_.tape_pop(primal_.cells[*cell].type));
        sweep(owner.blocks[1]);
      };
      b_.for_(b_.integer(1), record.iterations, iteration, true);
    }
    for (const auto& [cell, value] : record.cells) b_.store_cell(cell, value);
  }

  void restore_cell(CellId cell, ValueId saved) {
    const bool is_boolean = primal_.cells[cell].type == Type::boolean;
    b_.store_cell(cell, is_boolean ? b_.compare(Op::not_equal, saved, b_.integer(0)) : saved);
  }

  const Function& primal_;
  Structure structure_;
  ReversePlan plan_;
  Function gradient_;
  Builder b_;
  bool keeping_ = false;              // in a branch whose values are kept
  const Instruction* root_ = nullptr; // the region that is being swept: its blocks are run again
  UndoLog* log_ = nullptr;            // of the region whose forward run is being written
  // By the primal's numbers: what stands for it where code is being written.
  std::vector<ValueId> values_;
  std::vector<ArrayId> arrays_;
  std::vector<ValueId> adjoints_;   // of values used in their own block only
  std::vector<CellId> value_cells_; // of the others
  std::vector<CellId> cell_adjoints_;
  std::vector<ArrayId> array_adjoints_;
  std::map<std::size_t, ValueId> slopes_; // by argument
  std::vector<bool> declared_; // the array's own number is taken: another copy gets a new one
  std::unordered_map<const Instruction*, ValueId> overwritten_; // by store
  std::unordered_map<const Instruction*, CellId> kept_, kept_overwritten_;
  std::unordered_map<const Instruction*, Record> records_; // by region
};

} // namespace

Function reverse_mode(const Function& function) { return ReverseMode(function).run(); }

} // namespace sibyl::ir
