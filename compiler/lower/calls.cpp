#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/errors.hpp"

#include <bit>
#include <utility>

namespace sibyl::lower {

namespace {

// The expression that the function's only statement returns, or null.
typed::ExpressionPtr single_return(const typed::StatementPtr& body) {
  const auto* sequence = std::get_if<typed::Sequence>(&body->node);
  if (!sequence) {
    const auto* only = std::get_if<typed::Return>(&body->node);
    return only ? only->value : nullptr;
  }
  if (sequence->statements.empty()) return nullptr;
  const auto* last = std::get_if<typed::Return>(&sequence->statements.back()->node);
  if (!last) return nullptr;
  for (std::size_t i = 0; i + 1 < sequence->statements.size(); ++i) {
    bool returns = false;
    generative::for_each_statement(sequence->statements[i], [&](const typed::StatementPtr& one) {
      returns = returns || std::holds_alternative<typed::Return>(one->node);
    });
    if (returns) return nullptr;
  }
  return last->value;
}

} // namespace

std::vector<Storage> Lowering::argument_storage(const typed::Function& function,
                                                const std::vector<typed::ExpressionPtr>& arguments) {
  std::vector<Storage> storage;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Type wanted = function.variables[function.arguments[i]].type;
    if (arguments[i]->type.is_scalar()) {
      const ValueId value = scalar(arguments[i]);
      storage.push_back(AsValue{wanted.base == Base::real ? b_.to_real(value) : value});
    } else {
      const View given = view(arguments[i]);
      storage.push_back(AsView{given.is_cheap ? given : materialize(given)});
    }
  }
  return storage;
}

// Lowers the body with the arguments bound; the result is left in the frame.
void Lowering::inline_body(Frame& frame, const typed::Function& function, const std::vector<Storage>& arguments) {
  frame.function = &function;
  frame.arguments = std::exchange(arguments_, nullptr);
  if (b_.span().source == 0) call_in_text_ = b_.span();
  for (std::size_t i = 0; i < arguments.size(); ++i) frame.storage[function.arguments[i]] = arguments[i];
  frames_.push_back(&frame);
  if (const typed::ExpressionPtr value = single_return(function.body)) {
    const auto* sequence = std::get_if<typed::Sequence>(&function.body->node);
    if (sequence)
      for (std::size_t i = 0; i + 1 < sequence->statements.size(); ++i) statement(sequence->statements[i]);
    if (function.result.parts) {
      for (const typed::ExpressionPtr& leaf : leaves(value)) frame.tuple_result.push_back(leaf_value(leaf, function));
    } else if (function.result.is_scalar()) frame.single_result = scalar(value);
    else frame.container_result = view(value);
  } else if (function.result.base == Base::none || function.result.is_scalar()) {
    if (function.result.is_scalar()) frame.result = b_.cell(function.name, type_of(function.result));
    frame.returned = b_.cell(function.name + " returned", ir::Type::boolean);
    b_.store_cell(*frame.returned, b_.boolean(false));
    statement(function.body);
    if (frame.result) frame.single_result = b_.load_cell(*frame.result);
  } else if (function.result.parts) {
    run_for_tuple(frame, function);
  } else {
    run_for_container(frame, function);
  }
  frames_.pop_back();
}

ValueId Lowering::call_scalar(const typed::Function& function, const std::vector<Storage>& arguments) {
  if (const auto callee = callee_of(function, arguments)) return call_callee(*callee, function, arguments);
  Frame frame(function.variables);
  inline_body(frame, function, arguments);
  return frame.single_result;
}

// Equal for calls that return equal containers: of numbers and arrays that nothing was written into in between. Texts
// ask for the eigenvalues of a matrix and for its eigenvectors, and for several densities with one covariance matrix.
std::optional<std::vector<std::uint64_t>> Lowering::call_key(const typed::Function& function,
                                                             const std::vector<Storage>& arguments) const {
  if (function.span.source == 0 || function.draws) return std::nullopt;
  std::vector<std::uint64_t> key = {b_.block_number(), std::bit_cast<std::uint64_t>(&function)};
  for (const Storage& argument : arguments) {
    if (const auto* number = std::get_if<AsValue>(&argument)) {
      const auto constant = b_.constant(number->value);
      key.push_back(constant ? 0 : 1);
      key.push_back(constant ? std::bit_cast<std::uint64_t>(*constant) : number->value);
      continue;
    }
    const auto* container = std::get_if<AsView>(&argument);
    const auto* array = container ? container->view.element.target<ArrayElement>() : nullptr;
    if (!array) return std::nullopt;
    key.push_back(array->array);
    key.push_back(b_.writes_to(array->array));
  }
  return key;
}

View Lowering::call_view(const typed::Function& function, const std::vector<Storage>& arguments, Span span) {
  const auto key = call_key(function, arguments);
  if (key)
    if (const auto known = returned_.find(*key); known != returned_.end()) return known->second;
  Frame frame(function.variables);
  inline_body(frame, function, arguments);
  b_.set_span(span);
  View result = *frame.container_result;
  // The view may refer to the call's own variables, which a later call of the same function does not share.
  if (!result.is_cheap) result = materialize(result);
  if (key) returned_.emplace(*key, result);
  return result;
}

void Lowering::call_void(const typed::Function& function, const std::vector<Storage>& arguments) {
  Frame frame(function.variables);
  inline_body(frame, function, arguments);
}

} // namespace sibyl::lower
