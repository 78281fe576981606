// Solvers: the library's method is inlined, and in it the function that it is given (typed::SolverCall).
//
// Derivatives. A method finds its result by steps and iterations that depend on the parameters in ways that no
// derivative should follow. So it is given numbers without derivatives (Op::hold), and where a gradient is wanted it
// finds the derivatives S of its result r by the numbers p that the function depends on beside the result: for
// differential equations the forward sensitivities, integrated and held to tolerance together with the state as Stan
// does, for algebraic ones by the implicit function theorem, for integrals the integral of the derivative. The result
// is then written as
//   r + S (p - hold(p)),
// which has the value r and the derivative S. Directional derivatives of the given function come from forward mode, one
// copy of its code with a direction that a loop changes.
#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "compiler/passes/forward_mode.hpp"
#include "lang/errors.hpp"

#include <utility>

namespace sibyl::lower {

using ir::Op;
using typed::ExpressionPtr;
using typed::VariableId;
using Kind = typed::SolverCall::Kind;

// What is handed on to the given function behind its own arguments.
struct Lowering::Passed {
  struct One {
    Storage storage;               // where it does not vary
    std::optional<ValueId> offset; // where it does: its first element among the inputs
    std::vector<ValueId> sizes;    // likewise
    std::vector<std::string> size_keys;
    int array_rank = 0;
  };
  std::vector<One> all;
  // The numbers that derivatives are wanted by: the initial state where it varies, then what is handed on and varies,
  // then the initial time where it varies.
  bool couples = false;
  ValueId count = ir::none;
  ir::ArrayId inputs = ir::none, held = ir::none, direction = ir::none;
  std::optional<ValueId> initial_time; // its position among them
};

struct Lowering::Coupled {
  Given given;
  ValueId columns = ir::none; // derivatives; at least one, so that the function is called
};

// Variables of the frame whose values may depend on the parameters, whatever the order of statements.
std::set<VariableId> Lowering::varying_variables(std::size_t frame_number) const {
  const Frame& frame = *frames_[frame_number];
  std::set<VariableId> varying;
  std::vector<typed::StatementPtr> statements;
  if (frame.function) {
    const typed::Function& function = *frame.function;
    for (std::size_t i = 0; i < function.arguments.size(); ++i)
      if (!frame.arguments || may_vary((*frame.arguments)[i], frame_number - 1)) varying.insert(function.arguments[i]);
    statements.push_back(function.body);
  } else {
    for (VariableId id = 0; id < context_.program.variables.size(); ++id)
      if (context_.program.variables[id].block == typed::Block::parameters) varying.insert(id);
    statements = context_.program.transformed_parameters;
    statements.insert(statements.end(), context_.program.model.begin(), context_.program.model.end());
  }
  const auto depends = [&](const ExpressionPtr& value) {
    if (!value) return false;
    bool found = false;
    generative::for_each_expression(value, [&](const ExpressionPtr& one) {
      if (const auto* reference = std::get_if<typed::VariableReference>(&one->node))
        found = found || (varying.contains(reference->variable) && !one->type.is_integer_valued());
      if (const auto* call = std::get_if<typed::BuiltinCall>(&one->node))
        found = found || call->builtin == typed::Builtin::target;
    });
    return found;
  };
  for (bool news = true; news;) {
    news = false;
    const auto mark = [&](VariableId id) { news = varying.insert(id).second || news; };
    for (const typed::StatementPtr& top : statements)
      generative::for_each_statement(top, [&](const typed::StatementPtr& one) {
        if (const auto* declaration = std::get_if<typed::Declaration>(&one->node)) {
          if (depends(declaration->initializer)) mark(declaration->variable);
        } else if (const auto* assignment = std::get_if<typed::Assignment>(&one->node)) {
          if (depends(assignment->value)) mark(assignment->variable);
        } else if (const auto* loop = std::get_if<typed::ForEach>(&one->node)) {
          if (depends(loop->container)) mark(loop->variable);
        }
      });
  }
  return varying;
}

bool Lowering::may_vary(const ExpressionPtr& expression, std::size_t frame) const {
  const std::set<VariableId> varying = varying_variables(frame);
  bool found = false;
  generative::for_each_expression(expression, [&](const ExpressionPtr& one) {
    if (const auto* reference = std::get_if<typed::VariableReference>(&one->node))
      found = found || (varying.contains(reference->variable) && !one->type.is_integer_valued());
  });
  return found && !expression->type.is_integer_valued();
}

View Lowering::given(const typed::BuiltinCall& call) {
  if (solved_.empty()) throw InternalError("a method of solvers that is not called by one");
  const ValueId point = b_.to_real(scalar(call.arguments[0]));
  View z = view(call.arguments[1]);
  if (!z.is_cheap) z = materialize(z);
  Given* const own = solved_.back();
  const Span place = call_in_text_;
  // The function itself may have a solver in it.
  solved_.pop_back();
  const View result = call.builtin == typed::Builtin::given_value ? own->value(point, z) : own->jacobian(point, z);
  solved_.push_back(own);
  call_in_text_ = place;
  return result;
}

std::shared_ptr<Lowering::Passed> Lowering::passed_arguments(const typed::SolverCall& call, ValueId size, Span span) {
  const auto passed = std::make_shared<Passed>();
  const std::size_t frame = frames_.size() - 1;
  const bool is_differential = call.kind == Kind::differential;
  const bool state_varies = is_differential && wants_derivatives() && may_vary(call.arguments[0], frame);
  const bool time_varies = is_differential && wants_derivatives() && may_vary(call.arguments[1], frame);
  std::vector<std::optional<View>> views;
  std::vector<ValueId> values;
  ValueId count = state_varies ? size : b_.integer(0);
  const std::size_t leading = call.given->arguments.size() - (call.arguments.size() - call.own);
  for (std::size_t i = call.own; i < call.arguments.size(); ++i) {
    const ExpressionPtr& argument = call.arguments[i];
    const Type wanted = call.given->variables[call.given->arguments[leading + i - call.own]].type;
    Passed::One one;
    std::optional<View> container;
    ValueId value = ir::none;
    if (argument->type.is_scalar()) {
      value = scalar(argument);
      if (wanted.base == Base::real) value = b_.to_real(value);
      one.storage = AsValue{value};
    } else {
      container = view(argument);
      if (!container->is_cheap) container = materialize(*container);
      one.storage = AsView{*container};
    }
    if (wants_derivatives() && may_vary(argument, frame)) {
      one.offset = count;
      if (container) {
        one.sizes = container->sizes;
        one.size_keys = container->size_keys;
        one.array_rank = container->array_rank;
      }
      const ValueId elements = container ? element_count(container->sizes, "what is handed on", span) : b_.integer(1);
      count = checked_sum(count, elements, span);
      passed->couples = true;
    }
    views.push_back(std::move(container));
    values.push_back(value);
    passed->all.push_back(std::move(one));
  }
  if (time_varies) {
    passed->initial_time = count;
    count = b_.add(count, b_.integer(1));
  }
  passed->couples = passed->couples || state_varies || time_varies;
  passed->count = count;
  if (!passed->couples) return passed;
  // At least one element, where there may be none: a direction that leads nowhere.
  const ValueId columns = b_.maximum(count, b_.integer(1));
  passed->inputs = declare_local("inputs", ir::Type::real, {columns});
  passed->held = declare_local("held inputs", ir::Type::real, {columns});
  passed->direction = b_.array("direction", ir::Type::real, 1);
  b_.declare(passed->direction, {columns}, true);
  const auto put = [&](ValueId position, ValueId value) { b_.store(passed->inputs, value, {position}); };
  if (state_varies) {
    const View state = view(call.arguments[0]);
    loop({size}, [&](const std::vector<ValueId>& i) { put(i[0], state.element(i)); });
  }
  for (std::size_t i = 0; i < passed->all.size(); ++i) {
    const Passed::One& one = passed->all[i];
    if (!one.offset) continue;
    if (!views[i]) put(*one.offset, values[i]);
    else
      loop(one.sizes, [&](const std::vector<ValueId>& index) {
        put(b_.add(*one.offset, row_major(index, one.sizes)), views[i]->element(index));
      });
  }
  if (passed->initial_time) put(*passed->initial_time, b_.to_real(scalar(call.arguments[1])));
  loop({count}, [&](const std::vector<ValueId>& i) { b_.store(passed->held, b_.hold(b_.load(passed->inputs, i)), i); });
  return passed;
}

ValueId Lowering::row_major(const std::vector<ValueId>& index, const std::vector<ValueId>& sizes) {
  ValueId position = index[0];
  for (std::size_t d = 1; d < index.size(); ++d) position = b_.add(b_.multiply(position, sizes[d]), index[d]);
  return position;
}

// The function as the method calls it. `size`: elements of the function's own value.
Lowering::Coupled Lowering::couple(const typed::SolverCall& call, const std::shared_ptr<Passed>& passed, ValueId size,
                                   Span span) {
  // What the function is called with, its own part of z being in `state`.
  const auto evaluate = [this, &call, passed, size, span](ValueId point, ir::ArrayId state, ir::ArrayId value) {
    View z;
    z.sizes = {size};
    z.size_keys = {""};
    z.array_rank =
        call.given->variables[call.given->arguments[call.kind == Kind::differential ? 1 : 0]].type.array_rank;
    z.element = [this, state](const std::vector<ValueId>& i) { return b_.load(state, i); };
    std::vector<Storage> arguments;
    if (call.kind == Kind::differential) arguments = {AsValue{point}, AsView{z}};
    else if (call.kind == Kind::algebraic) arguments = {AsView{z}};
    else arguments = {AsValue{point}, AsValue{b_.load(state, {b_.integer(0)})}};
    for (const Passed::One& one : passed->all) {
      if (!one.offset) {
        arguments.push_back(one.storage);
      } else if (one.sizes.empty()) {
        arguments.push_back(AsValue{b_.load(passed->held, {*one.offset})});
      } else {
        View handed;
        handed.sizes = one.sizes;
        handed.size_keys = one.size_keys;
        handed.array_rank = one.array_rank;
        handed.element = [this, one, passed](const std::vector<ValueId>& index) {
          return b_.load(passed->held, {b_.add(*one.offset, row_major(index, one.sizes))});
        };
        arguments.push_back(AsView{handed});
      }
    }
    b_.set_span(span);
    if (call.given->result.is_scalar()) return b_.store(value, call_scalar(*call.given, arguments), {b_.integer(0)});
    const View result = call_view(*call.given, arguments, span);
    require_same_size(size, result.sizes[0], "", "",
                      "the value of `" + call.given->name + "` must have {} elements, but it has {}", span);
    loop({size}, [&](const std::vector<ValueId>& i) { b_.store(value, result.element(i), i); });
  };
  const auto view_of = [this](ir::ArrayId array, std::vector<ValueId> sizes) {
    View result;
    result.size_keys.assign(sizes.size(), "");
    result.sizes = std::move(sizes);
    result.element = [this, array](const std::vector<ValueId>& i) { return b_.load(array, i); };
    return result;
  };
  const auto tangents = [this, passed, evaluate](ValueId point, ir::ArrayId state, ir::ArrayId state_tangent,
                                                 ir::ArrayId value, ir::ArrayId value_tangent) {
    ++in_given_;
    const ir::Block block = b_.capture([&] { evaluate(point, state, value); });
    --in_given_;
    std::map<ir::ArrayId, ir::ArrayId> pairs{{state, state_tangent}, {value, value_tangent}};
    if (passed->couples) pairs.emplace(passed->held, passed->direction);
    ir::append_with_tangents(b_, block, pairs);
  };

  Coupled coupled;
  coupled.columns = passed->couples ? b_.maximum(passed->count, b_.integer(1)) : b_.integer(0);
  coupled.given.size = size;
  coupled.given.value = [=, this](ValueId point, const View& z) {
    const ir::ArrayId state = declare_local("state", ir::Type::real, {size});
    loop({size}, [&](const std::vector<ValueId>& i) { b_.store(state, z.element(i), i); });
    const ir::ArrayId all = declare_local("rates", ir::Type::real, z.sizes);
    if (!passed->couples) {
      evaluate(point, state, all);
      return view_of(all, z.sizes);
    }
    const ir::ArrayId state_tangent = declare_local("state tangent", ir::Type::real, {size});
    const ir::ArrayId value = declare_local("rate", ir::Type::real, {size});
    const ir::ArrayId value_tangent = declare_local("rate tangent", ir::Type::real, {size});
    loop({coupled.columns}, [&](const std::vector<ValueId>& column) {
      const ValueId first = b_.multiply(size, b_.add(column[0], b_.integer(1)));
      loop({size},
           [&](const std::vector<ValueId>& i) { b_.store(state_tangent, z.element({b_.add(first, i[0])}), i); });
      b_.store(passed->direction, b_.real(1), {column[0]});
      tangents(point, state, state_tangent, value, value_tangent);
      b_.store(passed->direction, b_.real(0), {column[0]});
      loop({size}, [&](const std::vector<ValueId>& i) {
        b_.store(all, b_.load(value, i), i);
        b_.store(all, b_.load(value_tangent, i), {b_.add(first, i[0])});
      });
    });
    return view_of(all, z.sizes);
  };
  coupled.given.jacobian = [=, this](ValueId point, const View& z) {
    const ir::ArrayId state = declare_local("state", ir::Type::real, {size});
    loop({size}, [&](const std::vector<ValueId>& i) { b_.store(state, z.element(i), i); });
    const ir::ArrayId state_tangent = b_.array("state tangent", ir::Type::real, 1);
    b_.declare(state_tangent, {size}, true);
    const ir::ArrayId value = declare_local("rate", ir::Type::real, {size});
    const ir::ArrayId value_tangent = declare_local("rate tangent", ir::Type::real, {size});
    const ir::ArrayId matrix = declare_local("jacobian", ir::Type::real, {size, size});
    loop({size}, [&](const std::vector<ValueId>& column) {
      b_.store(state_tangent, b_.real(1), column);
      tangents(point, state, state_tangent, value, value_tangent);
      b_.store(state_tangent, b_.real(0), column);
      loop({size},
           [&](const std::vector<ValueId>& i) { b_.store(matrix, b_.load(value_tangent, i), {i[0], column[0]}); });
    });
    return view_of(matrix, {size, size});
  };
  return coupled;
}

View Lowering::solver_view(const typed::SolverCall& call, const Type& type, Span span) {
  if (function_.name == "log_density") context_.has_solver = true;
  has_solver_ = true;
  if (call.kind == Kind::mapped) return mapped_view(call, span);
  const std::size_t frame = frames_.size() - 1;
  const bool is_differential = call.kind == Kind::differential, is_integral = call.kind == Kind::integral;
  const auto hold = [this](ValueId value) { return wants_derivatives() ? b_.hold(value) : value; };

  // The method's own arguments, without derivatives.
  std::optional<View> first;
  if (!is_integral) {
    first = view(call.arguments[0]);
    if (!first->is_cheap) first = materialize(*first);
  }
  const ValueId size = is_integral ? b_.integer(1) : first->sizes[0];
  const std::shared_ptr<Passed> passed = passed_arguments(call, size, span);
  Coupled coupled = couple(call, passed, size, span);
  const ValueId length = checked_product(size, b_.add(coupled.columns, b_.integer(1)), span);
  const ir::ArrayId start = b_.array("initial state", ir::Type::real, 1);
  element_count({length}, "the state with its sensitivities", span);
  b_.declare(start, {length}, true);
  if (first) loop({size}, [&](const std::vector<ValueId>& i) { b_.store(start, hold(first->element(i)), i); });
  const bool state_varies = is_differential && passed->couples && may_vary(call.arguments[0], frame);
  if (state_varies)
    loop({size}, [&](const std::vector<ValueId>& i) {
      b_.store(start, b_.real(1), {b_.add(b_.multiply(size, b_.add(i[0], b_.integer(1))), i[0])});
    });
  const auto view_of = [this](ir::ArrayId array, ValueId count) {
    View result;
    result.sizes = {count};
    result.size_keys = {""};
    result.element = [this, array](const std::vector<ValueId>& i) { return b_.load(array, i); };
    return result;
  };
  if (passed->initial_time) {
    // The later start leaves out what the state would have changed by.
    const View rates = coupled.given.value(hold(b_.to_real(scalar(call.arguments[1]))), view_of(start, length));
    const ValueId column = b_.multiply(size, b_.add(*passed->initial_time, b_.integer(1)));
    loop({size},
         [&](const std::vector<ValueId>& i) { b_.store(start, b_.negate(rates.element(i)), {b_.add(column, i[0])}); });
  }
  std::vector<Storage> arguments{AsView{view_of(start, length)}};
  std::optional<View> times;
  for (std::size_t i = is_integral ? 0 : 1; i < call.own; ++i) {
    if (call.arguments[i]->type.is_scalar()) {
      arguments.push_back(AsValue{hold(b_.to_real(scalar(call.arguments[i])))});
      continue;
    }
    times = view(call.arguments[i]);
    if (!times->is_cheap) times = materialize(*times);
    View held = *times;
    held.element = [times, hold](const std::vector<ValueId>& index) { return hold(times->element(index)); };
    arguments.push_back(AsView{std::move(held)});
  }

  solved_.push_back(&coupled.given);
  arguments_ = nullptr;
  const View found = call_view(*call.method, arguments, span);
  solved_.pop_back();
  b_.set_span(span);

  View result;
  result.array_rank = type.array_rank;
  if (is_differential) {
    result.sizes.push_back(found.sizes[0]);
    result.size_keys.push_back(times->size_keys[0]);
  }
  if (!is_integral) {
    result.sizes.push_back(size);
    result.size_keys.push_back(first->size_keys[0]);
  }
  const bool moving_ends =
      is_integral && wants_derivatives() && (may_vary(call.arguments[0], frame) || may_vary(call.arguments[1], frame));
  const bool moving_times = is_differential && wants_derivatives() && may_vary(call.arguments[2], frame);
  if (!passed->couples && !moving_ends && !moving_times) {
    if (is_integral) result.element = [value = found.element({b_.integer(0)})](const auto&) { return value; };
    else result.element = found.element;
    return result;
  }
  // r + S (p - hold(p)).
  const ir::ArrayId linked = declare_local("solution", ir::Type::real, result.sizes);
  const std::vector<ValueId> sizes = result.sizes;
  loop(sizes, [&](const std::vector<ValueId>& index) {
    const ValueId element = is_integral ? b_.integer(0) : index.back();
    const auto at = [&](ValueId position) {
      return is_differential ? found.element({index[0], position}) : found.element({position});
    };
    const ir::CellId sum = b_.cell("solution", ir::Type::real);
    b_.store_cell(sum, at(element));
    if (passed->couples)
      loop({passed->count}, [&](const std::vector<ValueId>& j) {
        const ValueId slope = at(b_.add(b_.multiply(size, b_.add(j[0], b_.integer(1))), element));
        const ValueId change = b_.subtract(b_.load(passed->inputs, j), b_.load(passed->held, j));
        b_.store_cell(sum, b_.add(b_.load_cell(sum), b_.multiply(slope, change)));
      });
    b_.store(linked, b_.load_cell(sum), index);
  });
  if (moving_times) {
    loop({sizes[0]}, [&](const std::vector<ValueId>& i) {
      const ValueId time = times->element(i);
      const ir::ArrayId state = declare_local("state", ir::Type::real, {length});
      loop({length}, [&](const std::vector<ValueId>& k) { b_.store(state, found.element({i[0], k[0]}), k); });
      const View rates = coupled.given.value(hold(time), view_of(state, length));
      loop({size}, [&](const std::vector<ValueId>& k) {
        const ValueId moved = b_.multiply(rates.element(k), b_.subtract(time, hold(time)));
        b_.store(linked, b_.add(b_.load(linked, {i[0], k[0]}), moved), {i[0], k[0]});
      });
    });
  }
  if (moving_ends) {
    for (const std::size_t end : {0u, 1u}) {
      const ValueId limit = b_.to_real(scalar(call.arguments[end]));
      b_.if_(b_.logical_not(b_.is_infinite(limit)), [&] {
        const ir::ArrayId distance = b_.array("distance", ir::Type::real, 1);
        b_.declare(distance, {length}, true);
        const ValueId value = coupled.given.value(hold(limit), view_of(distance, length)).element({b_.integer(0)});
        const ValueId moved = b_.multiply(end == 0 ? b_.negate(value) : value, b_.subtract(limit, hold(limit)));
        b_.store(linked, b_.add(b_.load(linked, {}), moved), {});
      });
    }
  }
  result.element = [this, linked](const std::vector<ValueId>& index) { return b_.load(linked, index); };
  return result;
}

// `map_rect`: the results of all jobs behind each other. Their sizes are found first, by what is left of the function
// when its values are not used.
View Lowering::mapped_view(const typed::SolverCall& call, Span span) {
  const View shared = [&] {
    const View one = view(call.arguments[0]);
    return one.is_cheap ? one : materialize(one);
  }();
  std::vector<View> lists;
  for (std::size_t i = 1; i < 4; ++i) {
    const View one = view(call.arguments[i]);
    lists.push_back(one.is_cheap ? one : materialize(one));
  }
  const ValueId jobs = lists[0].sizes[0];
  for (const std::size_t i : {1u, 2u})
    require_same_size(jobs, lists[i].sizes[0], lists[0].size_keys[0], lists[i].size_keys[0],
                      "there are parameters of {} jobs, but data of {}", span);
  const auto job = [&](ValueId number) {
    std::vector<Storage> arguments{AsView{shared}};
    for (const View& list : lists) arguments.push_back(AsView{element_of(list, {number})});
    arguments_ = nullptr;
    return call_view(*call.given, arguments, span);
  };
  const ir::CellId total = b_.cell("results", ir::Type::integer);
  b_.store_cell(total, b_.integer(0));
  loop({jobs}, [&](const std::vector<ValueId>& i) {
    b_.store_cell(total, checked_sum(b_.load_cell(total), job(i[0]).sizes[0], span));
  });
  View result;
  result.sizes = {b_.load_cell(total)};
  result.size_keys = {""};
  const ir::ArrayId all = declare_local("results of all jobs", ir::Type::real, result.sizes);
  b_.store_cell(total, b_.integer(0));
  loop({jobs}, [&](const std::vector<ValueId>& i) {
    const View one = job(i[0]);
    const ValueId before = b_.load_cell(total);
    loop(one.sizes, [&](const std::vector<ValueId>& k) { b_.store(all, one.element(k), {b_.add(before, k[0])}); });
    b_.store_cell(total, b_.add(before, one.sizes[0]));
  });
  result.element = [this, all](const std::vector<ValueId>& index) { return b_.load(all, index); };
  return result;
}

} // namespace sibyl::lower
