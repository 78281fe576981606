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
std::optional<std::vector<ValueId>> Lowering::largest_sizes_at_entry(const std::vector<ExpressionPtr>& returned) {
  std::optional<std::vector<ValueId>> largest;
  for (const ExpressionPtr& value : returned) {
    const auto sizes = sizes_at_entry(value);
    if (!sizes) return std::nullopt;
    if (!largest) largest = std::vector<ValueId>(sizes->size(), b_.integer(0));
    for (std::size_t d = 0; d < sizes->size(); ++d)
      if ((*largest)[d] != (*sizes)[d]) (*largest)[d] = b_.maximum((*largest)[d], (*sizes)[d]);
  }
  return largest;
}

void Lowering::start_returned(ReturnedContainer& into, const std::string& name, int rank) {
  for (int d = 0; d < rank; ++d) {
    into.sizes.push_back(b_.cell(name + " size", ir::Type::integer));
    b_.store_cell(into.sizes.back(), b_.integer(0));
  }
}

std::vector<ValueId> Lowering::returned_sizes(const ReturnedContainer& from) {
  std::vector<ValueId> values;
  for (const ir::CellId size : from.sizes) values.push_back(b_.load_cell(size));
  return values;
}

// Runs a function for the sizes of what it returns: what it does beside is done the second time.
void Lowering::measure(const std::function<void()>& run) {
  const auto target = target_;
  if (target_) {
    target_ = b_.cell("target aside", ir::Type::real);
    b_.store_cell(*target_, b_.load_cell(*target));
  }
  ++measuring_;
  run();
  --measuring_;
  target_ = target;
}

void Lowering::allocate_returned(ReturnedContainer& into, const typed::Function& function, const Type& type,
                                 const std::vector<ValueId>& capacity) {
  const bool is_integer = type.base == Base::integer;
  into.array = declare_local(function.name, is_integer ? ir::Type::integer : ir::Type::real, capacity,
                             "the value of `" + function.name + "`");
  into.capacity = capacity;
}

View Lowering::returned_view(const ReturnedContainer& from, const Type& type) {
  View result;
  result.sizes = returned_sizes(from);
  for (const ValueId most : from.capacity) {
    const auto known = b_.constant(most);
    result.size_keys.push_back(known ? std::to_string(static_cast<std::int64_t>(*known)) : "");
  }
  // A constant is the size of every value that is as large.
  for (const std::string& key : result.size_keys)
    if (!key.empty() && !from.is_of_one_size) result.size_keys.assign(from.sizes.size(), "");
  result.is_integer = type.base == Base::integer;
  result.array_rank = type.array_rank;
  result.element = [this, array = *from.array](const std::vector<ValueId>& index) { return b_.load(array, index); };
  return result;
}

void Lowering::run_for_container(Frame& frame, const typed::Function& function) {
  const auto run = [&] {
    frame.returned = b_.cell(function.name + " returned", ir::Type::boolean);
    b_.store_cell(*frame.returned, b_.boolean(false));
    statement(function.body);
  };
  frame.container.emplace();
  start_returned(*frame.container, function.name, function.result.rank());
  std::optional<std::vector<ValueId>> largest = largest_sizes_at_entry(returned_values(function));
  if (!largest) {
    measure(run);
    largest = returned_sizes(*frame.container);
  }
  allocate_returned(*frame.container, function, function.result, *largest);
  run();
  frame.container_result = returned_view(*frame.container, function.result);
}

void Lowering::return_container(const ExpressionPtr& value) {
  Frame& frame = *frames_.back();
  store_returned(*frame.container, value, frame.function->result);
}

void Lowering::store_returned(ReturnedContainer& into, const ExpressionPtr& value, const Type& type) {
  const View returned = view(value);
  for (std::size_t d = 0; d < into.sizes.size(); ++d) b_.store_cell(into.sizes[d], returned.sizes[d]);
  if (!into.array) return;
  for (std::size_t d = 0; d < into.sizes.size(); ++d) {
    const ValueId size = returned.sizes[d], most = into.capacity[d];
    const auto known = b_.constant(size), known_most = b_.constant(most);
    into.is_of_one_size = into.is_of_one_size && known && known_most && *known == *known_most;
    if (size == most || (known && known_most && *known <= *known_most)) continue;
    b_.check(b_.compare(Op::less_equal, size, most),
             message("`" + frames_.back()->function->name +
                         "` returns {} elements, but at first it was {}: its size must not be random",
                     value->span),
             {size, most});
  }
  const bool is_real = type.base != Base::integer;
  loop(returned.sizes, [&](const std::vector<ValueId>& index) {
    const ValueId element = returned.element(index);
    b_.store(*into.array, is_real ? b_.to_real(element) : element, index);
  });
}

} // namespace sibyl::lower
