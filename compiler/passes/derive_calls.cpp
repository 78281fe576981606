#include "compiler/passes/derive_calls.hpp"

#include "compiler/passes/activity.hpp"
#include "compiler/passes/reverse_mode.hpp"
#include "compiler/passes/structure_loops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace sibyl::ir {
namespace {

class Deriver {
 public:
  Deriver(Model& model, Function& function)
      : model_(model), function_(function), activity_(find_activity(Structure(function))) {}

  void run() { block(function_.body); }

 private:
  void block(Block& instructions) {
    Block out;
    out.reserve(instructions.size());
    for (Instruction& instruction : instructions) {
      for (Block& nested : instruction.blocks) block(nested);
      if (instruction.op == Op::call && is_active(instruction, activity_)) {
        derive(instruction, out);
        continue;
      }
      if (instruction.op == Op::result_of)
        if (const auto found = calls_.find(instruction.operands[0]); found != calls_.end())
          instruction.operands[0] = found->second;
      out.push_back(std::move(instruction));
    }
    instructions = std::move(out);
  }

  void derive(const Instruction& call, Block& out) {
    const std::vector<bool> wanted = active_operands(call, activity_);
    Instruction both = call;
    both.id = derivative_of(model_, call.id, wanted);
    both.number = 1;
    both.result = calls_[call.result] = function_.value_count++;
    Instruction result{
        .op = Op::with_slopes, .type = Type::real, .result = call.result, .operands = {both.result}, .span = call.span};
    out.push_back(std::move(both));
    std::size_t next = model_.callees[call.id].results.size();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      const ValueId slope = function_.value_count++;
      out.push_back({.op = Op::result_of,
                     .type = Type::real,
                     .result = slope,
                     .number = static_cast<double>(next++),
                     .operands = {result.operands[0]},
                     .span = call.span});
      result.operands.push_back(call.operands[i]);
      result.operands.push_back(slope);
    }
    out.push_back(std::move(result));
  }

  Model& model_;
  Function& function_;
  const Activity activity_;
  std::map<ValueId, ValueId> calls_; // by the result of a call: that of what stands for it
};

// Of a copy: the callees that this adds move the others.
void write_derivative(Model& model, std::uint32_t id) {
  Function function = model.callees.at(model.callees[id].derivative_of);
  function.name = model.callees[id].name;
  function.derivative_of = model.callees[id].derivative_of;
  function.wanted = model.callees[id].wanted;
  Deriver(model, function).run();
  structure_loops(function);
  model.callees[id] = reverse_mode(function);
}

} // namespace

std::uint32_t derivative_of(Model& model, std::uint32_t callee, const std::vector<bool>& wanted) {
  const auto same = [&](const Function& one) { return one.derivative_of == callee && one.wanted == wanted; };
  const auto found = std::find_if(model.callees.begin(), model.callees.end(), same);
  if (found != model.callees.end()) return static_cast<std::uint32_t>(found - model.callees.begin());
  const Function& primal = model.callees.at(callee);
  Function derivative{
      .arguments = primal.arguments, .results = primal.results, .derivative_of = callee, .wanted = wanted};
  std::string by;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i]) continue;
    by += fmt::format("_{}", i);
    derivative.results.push_back(Type::real);
  }
  derivative.name = fmt::format("derivative_of_{}_by{}", primal.name, by);
  model.callees.push_back(std::move(derivative));
  return static_cast<std::uint32_t>(model.callees.size() - 1);
}

void derive_calls(Model& model) {
  for (Function& function : model.functions)
    if (function.name == "log_density_gradient") Deriver(model, function).run();
  for (std::uint32_t id = 0; id < model.callees.size(); ++id)
    if (model.callees[id].derivative_of != none) write_derivative(model, id);
}

} // namespace sibyl::ir
