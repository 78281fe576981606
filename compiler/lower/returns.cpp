// Functions that return a container from several places. Each `return` writes into one array, which must be there
// before: as large as the largest of the values. Mostly that is known where the function begins (`vector[n] y; ...
// return y;`); where it is not, the function runs twice, the first time for the sizes alone.
#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "lang/errors.hpp"

#include <utility>

namespace sibyl::lower {

using ir::Op;
using typed::Builtin;
using typed::ExpressionPtr;
using typed::VariableId;

namespace {

// What a local variable is given by its only assignment, its declaration; null otherwise.
ExpressionPtr only_value(const typed::Function& function, VariableId id) {
  ExpressionPtr value;
  bool is_assigned = false;
  generative::for_each_statement(function.body, [&](const typed::StatementPtr& one) {
    if (const auto* declaration = std::get_if<typed::Declaration>(&one->node);
        declaration && declaration->variable == id)
      value = declaration->initializer;
    if (const auto* assignment = std::get_if<typed::Assignment>(&one->node))
      is_assigned = is_assigned || assignment->variable == id;
  });
  return is_assigned ? nullptr : value;
}

std::vector<ExpressionPtr> returned_values(const typed::Function& function) {
  std::vector<ExpressionPtr> values;
  generative::for_each_statement(function.body, [&](const typed::StatementPtr& one) {
    if (const auto* found = std::get_if<typed::Return>(&one->node)) values.push_back(found->value);
  });
  return values;
}

} // namespace

// An integer as it is where the function begins; nothing where it may be another later, or need not have a value yet.
std::optional<ValueId> Lowering::integer_at_entry(const ExpressionPtr& expression) {
  if (const auto* literal = std::get_if<typed::IntegerLiteral>(&expression->node))
    return b_.integer(static_cast<std::int32_t>(literal->value));
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const typed::Variable& named = variable(reference->variable);
    if (named.is_argument) return scalar(expression);
    const ExpressionPtr value =
        named.is_loop_variable ? nullptr : only_value(*frames_.back()->function, reference->variable);
    return value ? integer_at_entry(value) : std::nullopt;
  }
  const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
  if (!call) return std::nullopt;
  switch (call->builtin) {
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::multiply:
  case Builtin::minimum:
  case Builtin::maximum: {
    const auto left = integer_at_entry(call->arguments[0]), right = integer_at_entry(call->arguments[1]);
    if (!left || !right) return std::nullopt;
    if (call->builtin == Builtin::minimum) return b_.minimum(*left, *right);
    if (call->builtin == Builtin::maximum) return b_.maximum(*left, *right);
    return apply(call->builtin, *left, *right);
  }
  case Builtin::size:
  case Builtin::rows:
  case Builtin::cols:
  case Builtin::num_elements: {
    const auto sizes = sizes_at_entry(call->arguments[0]);
    if (!sizes || sizes->empty()) return std::nullopt;
    const bool is_matrix = call->arguments[0]->type == Type{Base::matrix, 0};
    if (call->builtin == Builtin::cols && is_matrix) return (*sizes)[1];
    if (sizes->size() == 1 && call->arguments[0]->type.base != Base::row_vector) return (*sizes)[0];
    return call->builtin == Builtin::rows && is_matrix ? std::optional((*sizes)[0]) : std::nullopt;
  }
  default: return std::nullopt;
  }
}

// Likewise, the sizes of a value.
std::optional<std::vector<ValueId>> Lowering::sizes_at_entry(const ExpressionPtr& expression) {
  using Sizes = std::vector<ValueId>;
  const Type type = expression->type;
  if (type.is_scalar()) return Sizes{};
  const auto integers = [&](const std::vector<ExpressionPtr>& list, std::size_t first) -> std::optional<Sizes> {
    Sizes sizes;
    for (std::size_t i = first; i < list.size(); ++i) {
      const auto one = integer_at_entry(list[i]);
      if (!one) return std::nullopt;
      sizes.push_back(*one);
    }
    return sizes;
  };
  const auto literal = [&](const std::vector<ExpressionPtr>& elements) -> std::optional<Sizes> {
    auto sizes = sizes_at_entry(elements.front());
    if (sizes) sizes->insert(sizes->begin(), b_.integer(static_cast<std::int32_t>(elements.size())));
    return sizes;
  };
  const auto first_container = [&](const std::vector<ExpressionPtr>& arguments) -> std::optional<Sizes> {
    for (const ExpressionPtr& one : arguments)
      if (!one->type.is_scalar()) return sizes_at_entry(one);
    return std::nullopt;
  };
  if (const auto* reference = std::get_if<typed::VariableReference>(&expression->node)) {
    const typed::Variable& named = variable(reference->variable);
    if (named.is_argument) return view(expression).sizes;
    if (named.is_loop_variable || named.sizes.size() != static_cast<std::size_t>(type.rank())) return std::nullopt;
    return integers(named.sizes, 0);
  }
  if (const auto* promote = std::get_if<typed::Promote>(&expression->node)) return sizes_at_entry(promote->operand);
  if (const auto* array = std::get_if<typed::ArrayLiteral>(&expression->node)) return literal(array->elements);
  if (const auto* row = std::get_if<typed::RowVectorLiteral>(&expression->node)) return literal(row->elements);
  if (const auto* call = std::get_if<typed::FunctionCall>(&expression->node))
    return call->elementwise ? first_container(call->arguments) : std::nullopt;
  const auto* call = std::get_if<typed::BuiltinCall>(&expression->node);
  if (!call) return std::nullopt;
  switch (call->builtin) {
  case Builtin::multiply: {
    const ExpressionPtr &a = call->arguments[0], &b = call->arguments[1];
    if (a->type.is_scalar() || b->type.is_scalar()) return first_container(call->arguments);
    const auto left = sizes_at_entry(a), right = sizes_at_entry(b);
    if (!left || !right) return std::nullopt;
    Sizes sizes;
    if (a->type.base != Base::row_vector) sizes.push_back((*left)[0]);
    if (b->type.base != Base::vector) sizes.push_back(right->back());
    return sizes;
  }
  case Builtin::negate:
  case Builtin::absolute:
  case Builtin::add:
  case Builtin::subtract:
  case Builtin::divide:
  case Builtin::elementwise_multiply:
  case Builtin::elementwise_divide:
  case Builtin::elementwise_power:
  case Builtin::math: return first_container(call->arguments);
  case Builtin::transpose: {
    auto sizes = sizes_at_entry(call->arguments[0]);
    if (sizes && sizes->size() == 2) std::swap((*sizes)[0], (*sizes)[1]);
    return sizes;
  }
  case Builtin::rep_vector:
  case Builtin::rep_row_vector: return integers(call->arguments, 1);
  case Builtin::rep_matrix:
  case Builtin::rep_array: return call->arguments[0]->type.is_scalar() ? integers(call->arguments, 1) : std::nullopt;
  default: return std::nullopt;
  }
}

// The largest that any `return` needs, dimension by dimension; nothing where one is not known.
std::optional<std::vector<ValueId>> Lowering::largest_sizes_at_entry(const typed::Function& function) {
  std::optional<std::vector<ValueId>> largest;
  for (const ExpressionPtr& value : returned_values(function)) {
    const auto sizes = sizes_at_entry(value);
    if (!sizes) return std::nullopt;
    if (!largest) largest = std::vector<ValueId>(sizes->size(), b_.integer(0));
    for (std::size_t d = 0; d < sizes->size(); ++d)
      if ((*largest)[d] != (*sizes)[d]) (*largest)[d] = b_.maximum((*largest)[d], (*sizes)[d]);
  }
  return largest;
}

void Lowering::run_for_container(Frame& frame, const typed::Function& function) {
  const auto run = [&] {
    frame.returned = b_.cell(function.name + " returned", ir::Type::boolean);
    b_.store_cell(*frame.returned, b_.boolean(false));
    statement(function.body);
  };
  std::vector<ir::CellId> sizes;
  for (int d = 0; d < function.result.rank(); ++d) {
    sizes.push_back(b_.cell(function.name + " size", ir::Type::integer));
    b_.store_cell(sizes.back(), b_.integer(0));
  }
  const auto now = [&] {
    std::vector<ValueId> values;
    for (const ir::CellId size : sizes) values.push_back(b_.load_cell(size));
    return values;
  };
  frame.container = ReturnedContainer{std::nullopt, sizes};
  std::optional<std::vector<ValueId>> largest = largest_sizes_at_entry(function);
  if (!largest) {
    // What the function does beside returning is done the second time.
    const auto target = target_;
    if (target_) {
      target_ = b_.cell("target aside", ir::Type::real);
      b_.store_cell(*target_, b_.load_cell(*target));
    }
    ++measuring_;
    run();
    --measuring_;
    target_ = target;
    largest = now();
  }
  const bool is_integer = function.result.base == Base::integer;
  const ir::ArrayId array = declare_local(function.name, is_integer ? ir::Type::integer : ir::Type::real, *largest,
                                          "the value of `" + function.name + "`");
  frame.container->array = array;
  frame.container->capacity = *largest;
  run();
  View result;
  result.sizes = now();
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const auto known = b_.constant((*largest)[d]);
    result.size_keys.push_back(known ? std::to_string(static_cast<std::int64_t>(*known)) : "");
  }
  // A constant is the size of every value that is as large.
  for (const std::string& key : result.size_keys)
    if (!key.empty() && !frame.container->is_of_one_size) result.size_keys.assign(sizes.size(), "");
  result.is_integer = is_integer;
  result.array_rank = function.result.array_rank;
  result.element = [this, array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  frame.container_result = std::move(result);
}

void Lowering::return_container(const ExpressionPtr& value) {
  Frame& frame = *frames_.back();
  ReturnedContainer& into = *frame.container;
  const View returned = view(value);
  for (std::size_t d = 0; d < into.sizes.size(); ++d) b_.store_cell(into.sizes[d], returned.sizes[d]);
  if (!into.array) return;
  for (std::size_t d = 0; d < into.sizes.size(); ++d) {
    const ValueId size = returned.sizes[d], most = into.capacity[d];
    const auto known = b_.constant(size), known_most = b_.constant(most);
    into.is_of_one_size = into.is_of_one_size && known && known_most && *known == *known_most;
    if (size == most || (known && known_most && *known <= *known_most)) continue;
    b_.check(b_.compare(Op::less_equal, size, most),
             message("`" + frame.function->name +
                         "` returns {} elements, but at first it was {}: its size must not be random",
                     value->span),
             {size, most});
  }
  const bool is_real = frame.function->result.base != Base::integer;
  loop(returned.sizes, [&](const std::vector<ValueId>& index) {
    const ValueId element = returned.element(index);
    b_.store(*into.array, is_real ? b_.to_real(element) : element, index);
  });
}

} // namespace sibyl::lower
