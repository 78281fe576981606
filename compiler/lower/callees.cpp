// Functions of numbers that are not inlined: those that call themselves, and those that are so large that copies of
// them would cost more than calls. They are lowered once for all functions of the model.
//
// A function that calls itself has an argument more, how many calls are within each other. One in which lanes may fail
// has a result more, that it has ended well: a check of it keeps calls whose result nothing uses.
#include "compiler/lower/lowering.hpp"

#include "compiler/ir/traverse.hpp"
#include "compiler/passes/derive_calls.hpp"
#include "lang/errors.hpp"

#include <algorithm>
#include <utility>

namespace sibyl::lower {

using ir::Op;

namespace {

// Calls take stack, and so do the many lanes that each of them runs for.
constexpr std::int32_t deepest_recursion = 500;

// A function is copied to where it is called, where it can be simplified, until the copies in one function of the model
// take about this many instructions together.
constexpr int most_copied = 500;

// Below this a call costs more than it saves; what has no control flow also shares more where it is copied.
constexpr int smallest_called = 60, smallest_called_if_straight = 200;

struct Contents {
  int size = 0;
  bool fails = false, prints = false, draws = false, branches = false;
};

Contents contents_of(const ir::Function& function) {
  Contents found;
  ir::for_each(function.body, [&](const ir::Instruction& instruction) {
    constexpr int mathematical = 10;
    if (instruction.op == Op::math || instruction.op == Op::call) found.size += mathematical;
    else if (!has(instruction.op, ir::trait::reads | ir::trait::writes) && instruction.op != Op::constant) ++found.size;
    found.branches = found.branches || ir::is_region(instruction.op);
    found.fails = found.fails || has(instruction.op, ir::trait::may_fail);
    found.prints = found.prints || has(instruction.op, ir::trait::visible);
    found.draws = found.draws || has(instruction.op, ir::trait::draws);
  });
  return found;
}

bool is_of_numbers(const typed::Function& function) {
  return function.result.base != Base::none && function.result.is_scalar() && !function.arguments.empty() &&
         std::all_of(function.arguments.begin(), function.arguments.end(),
                     [&](typed::VariableId id) { return function.variables[id].type.is_scalar(); });
}

std::string too_deep(const typed::Function& function) {
  return "`" + function.name + "` calls itself more than " + std::to_string(deepest_recursion) +
         " times within each other, or more often than the stack has room for";
}

bool adds_to_target(const typed::Function& function) {
  return function.span.source == 0 && (function.name.ends_with("_lp") || function.name.ends_with("_jacobian"));
}

} // namespace

std::optional<std::uint32_t> Lowering::callee_of(const typed::Function& function,
                                                 const std::vector<Storage>& arguments) {
  const auto of_recursion = function.is_recursive ? context_.callees.find(&function) : context_.callees.end();
  if (of_recursion != context_.callees.end()) return of_recursion->second.number;
  // Where a solver's method or the function that it is given is lowered, that is known only here.
  const bool in_solver = in_given_ > 0 || !solved_.empty();
  if (!is_of_numbers(function) || function.draws || adds_to_target(function) || (in_solver && !function.is_recursive))
    return std::nullopt;
  if (!std::all_of(arguments.begin(), arguments.end(),
                   [](const Storage& one) { return std::holds_alternative<AsValue>(one); }))
    return std::nullopt;
  auto known = context_.callees.find(&function);
  if (known == context_.callees.end()) known = context_.callees.emplace(&function, write_callee(function)).first;
  if (!known->second.number || function.is_recursive) return known->second.number;
  int& copied = copied_[&function];
  if (copied > 0 && copied + known->second.size > most_copied) return known->second.number;
  copied += known->second.size;
  return std::nullopt;
}

// Without a number where it is always inlined.
Callee Lowering::write_callee(const typed::Function& function) {
  ir::Model& model = context_.model;
  const std::uint32_t sites = model.site_count;
  std::string name = function.name;
  for (int i = 2; std::any_of(model.callees.begin(), model.callees.end(),
                              [&](const ir::Function& one) { return one.name == name; });
       ++i)
    name = function.name + "#" + std::to_string(i);

  Lowering lowering(context_, name, Mode::compute);
  ir::Function& written = lowering.function_;
  for (const typed::VariableId id : function.arguments)
    written.arguments.push_back(type_of(function.variables[id].type));
  written.results.push_back(type_of(function.result));
  std::uint32_t callee = ir::none;
  if (function.is_recursive) {
    written.arguments.push_back(ir::Type::integer);
    written.results.push_back(ir::Type::boolean);
    // Numbered before its body, which calls it.
    callee = static_cast<std::uint32_t>(model.callees.size());
    context_.callees[&function] = {callee, 0};
    model.callees.push_back({.name = name, .arguments = written.arguments, .results = written.results});
  }
  lowering.statement_depth_ = statement_depth_;
  lowering.expression_depth_ = expression_depth_;
  lowering.call_in_text_ = b_.span().source == 0 ? b_.span() : call_in_text_;
  std::vector<ValueId> results{lowering.write_callee_body(function)};
  const Contents contents = contents_of(written);
  if (contents.fails) {
    results.push_back(lowering.b_.boolean(true));
    if (!function.is_recursive) written.results.push_back(ir::Type::boolean);
  }
  lowering.b_.give(std::move(results));

  if (function.is_recursive) {
    if (contents.prints || lowering.has_solver_)
      context_.diagnostics.push_back({.code = "recursive-function",
                                      .message = "`" + function.name + "` calls itself; such a function cannot " +
                                                 (contents.prints ? "print" : "call a solver"),
                                      .primary = {function.span, ""}});
    model.callees[callee] = lowering.finish();
    return {callee, contents.size};
  }
  const int smallest = contents.branches ? smallest_called : smallest_called_if_straight;
  // What fails in the library is told of the place that calls it.
  const bool tells_place = contents.fails && function.span.source != 0;
  if (contents.size >= smallest && !tells_place && !contents.prints && !contents.draws && !lowering.has_solver_) {
    model.callees.push_back(lowering.finish());
    return {static_cast<std::uint32_t>(model.callees.size() - 1), contents.size};
  }
  model.site_count = sites; // its copies draw at their own
  has_solver_ = has_solver_ || lowering.has_solver_;
  return {};
}

ValueId Lowering::write_callee_body(const typed::Function& function) {
  std::vector<Storage> arguments;
  for (std::uint32_t i = 0; i < function.arguments.size(); ++i) arguments.push_back(AsValue{b_.argument(i)});
  if (function.is_recursive) {
    calls_around_ = b_.argument(static_cast<std::uint32_t>(function.arguments.size()));
    const ValueId fits = b_.emit({.op = Op::has_stack, .type = ir::Type::boolean});
    b_.check(b_.logical_and(b_.compare(Op::less_equal, *calls_around_, b_.integer(deepest_recursion)), fits),
             message(too_deep(function), function.span));
  }
  Frame frame(function.variables);
  inline_body(frame, function, arguments);
  return frame.single_result;
}

ValueId Lowering::call_callee(std::uint32_t callee, const typed::Function& function,
                              const std::vector<Storage>& arguments) {
  arguments_ = nullptr;
  const std::vector<ir::Type> types = context_.model.callees[callee].arguments;
  std::vector<ValueId> values;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const ValueId given = std::get<AsValue>(arguments[i]).value;
    values.push_back(types[i] == ir::Type::real ? b_.to_real(given) : b_.to_integer(given));
  }
  if (function.is_recursive) values.push_back(calls_around_ ? b_.add(*calls_around_, b_.integer(1)) : b_.integer(1));
  const ir::Type type = type_of(function.result);
  std::vector<bool> wanted;
  for (const ir::Type one : types) wanted.push_back(one == ir::Type::real);
  const bool wants_slopes =
      in_given_ > 0 && type == ir::Type::real && std::find(wanted.begin(), wanted.end(), true) != wanted.end();
  const ValueId call =
      b_.call(wants_slopes ? ir::derivative_of(context_.model, callee, wanted) : callee, type, values, wants_slopes);
  if (context_.model.callees[callee].results.size() > 1)
    b_.check(b_.result_of(call, 1, ir::Type::boolean), message("`" + function.name + "` has failed", function.span));
  if (!wants_slopes) return call;
  // For forward mode.
  auto next = static_cast<std::uint32_t>(context_.model.callees[callee].results.size());
  std::vector<ValueId> operands{call};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    operands.push_back(values[i]);
    operands.push_back(b_.result_of(call, next++, ir::Type::real));
  }
  return b_.pure(Op::with_slopes, std::move(operands));
}

} // namespace sibyl::lower
