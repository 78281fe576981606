// Functions that return a tuple: each of its leaves is a number or a container of its own.
#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/errors.hpp"

#include <utility>

namespace sibyl::lower {

using typed::ExpressionPtr;

// What the local variable of a call's part is. The call is evaluated with its first part.
Storage Lowering::call_part(const typed::CallPart& part, Span span) {
  auto& evaluations = frames_.back()->evaluations;
  if (part.number == 0) {
    const auto& call = std::get<typed::FunctionCall>(part.call->node);
    const std::vector<Storage> arguments = argument_storage(*call.function, call.arguments);
    arguments_ = &call.arguments;
    Frame frame(call.function->variables);
    inline_body(frame, *call.function, arguments);
    b_.set_span(span);
    evaluations[part.evaluation] = std::move(frame.tuple_result);
  }
  const auto found = evaluations.find(part.evaluation);
  if (found == evaluations.end() || part.number >= found->second.size())
    throw InternalError("a part of a tuple before its first");
  return found->second[part.number];
}

// A value that outlives the call, whatever becomes of the caller's variables that the function was given.
Storage Lowering::leaf_value(const ExpressionPtr& leaf, const typed::Function& function) {
  if (leaf->type.is_scalar()) return AsValue{scalar(leaf)};
  const View result = view(leaf);
  const auto* reference = std::get_if<typed::VariableReference>(&leaf->node);
  const bool is_own = reference && !function.variables[reference->variable].is_argument &&
                      std::holds_alternative<InArray>(storage(reference->variable));
  return AsView{is_own ? result : materialize(result)};
}

void Lowering::run_for_tuple(Frame& frame, const typed::Function& function) {
  const std::vector<Type> types = leaf_types(function.result);
  std::vector<std::vector<ExpressionPtr>> returned(types.size());
  generative::for_each_statement(function.body, [&](const typed::StatementPtr& one) {
    if (const auto* found = std::get_if<typed::Return>(&one->node)) {
      const auto values = leaves(found->value);
      for (std::size_t i = 0; i < values.size(); ++i) returned[i].push_back(values[i]);
    }
  });
  frame.parts.resize(types.size());
  std::vector<std::optional<std::vector<ValueId>>> capacities(types.size());
  bool is_known = true;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i].is_scalar()) {
      frame.parts[i].cell = b_.cell(function.name, type_of(types[i]));
      continue;
    }
    start_returned(frame.parts[i].container, function.name, types[i].rank());
    capacities[i] = largest_sizes_at_entry(returned[i]);
    is_known = is_known && capacities[i];
  }
  const auto run = [&] {
    frame.returned = b_.cell(function.name + " returned", ir::Type::boolean);
    b_.store_cell(*frame.returned, b_.boolean(false));
    statement(function.body);
  };
  if (!is_known) measure(run);
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i].is_scalar()) continue;
    ReturnedContainer& container = frame.parts[i].container;
    allocate_returned(container, function, types[i], capacities[i] ? *capacities[i] : returned_sizes(container));
  }
  run();
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i].is_scalar()) frame.tuple_result.push_back(AsValue{b_.load_cell(*frame.parts[i].cell)});
    else frame.tuple_result.push_back(AsView{returned_view(frame.parts[i].container, types[i])});
  }
}

void Lowering::return_tuple(const ExpressionPtr& value) {
  Frame& frame = *frames_.back();
  const std::vector<ExpressionPtr> values = leaves(value);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (frame.parts[i].cell) b_.store_cell(*frame.parts[i].cell, scalar(values[i]));
    else store_returned(frame.parts[i].container, values[i], values[i]->type);
  }
}

} // namespace sibyl::lower
