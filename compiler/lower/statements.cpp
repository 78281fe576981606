#include "compiler/lower/lowering.hpp"

#include "compiler/generative/accesses.hpp"
#include "compiler/interface/abi.h"
#include "lang/errors.hpp"

#include <utility>

namespace sibyl::lower {

using ir::Op;
using typed::ExpressionPtr;
using typed::IndexItem;
using typed::StatementPtr;
using typed::VariableId;

namespace {

// Elements of a list that print writes out.
constexpr double most_printed = 20;

// The user's own text within a message: its braces are no places for values.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += (c == '{' || c == '}') ? std::string(2, c) : std::string(1, c);
  return result;
}

bool may_return(const StatementPtr& statement) {
  bool found = false;
  generative::for_each_statement(
      statement, [&](const StatementPtr& one) { found = found || std::holds_alternative<typed::Return>(one->node); });
  return found;
}

} // namespace

void Lowering::statements(const std::vector<StatementPtr>& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto sum = mode_ == Mode::density ? context_.reading.sums.find(list[i].get()) : context_.reading.sums.end();
    if (sum != context_.reading.sums.end()) {
      const auto begin = list.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      sum_over(sum->second, {begin, begin + static_cast<std::ptrdiff_t>(sum->second.dependents)}, list[i]->span);
      i += sum->second.dependents;
      continue;
    }
    statement(list[i]);
    const Frame& frame = *frames_.back();
    if (!frame.returned || !may_return(list[i]) || std::holds_alternative<typed::Return>(list[i]->node)) continue;
    const ValueId returned = b_.load_cell(*frame.returned);
    if (frame.loop_depth > 0) {
      b_.if_(returned, [&] { b_.break_(); });
    } else if (i + 1 < list.size()) {
      const std::vector<StatementPtr> rest(list.begin() + static_cast<std::ptrdiff_t>(i) + 1, list.end());
      b_.if_(b_.logical_not(returned), [&] { statements(rest); });
      return;
    }
  }
}

// A loop's or branch's body. In a simulation its statements, too, are put in dependency order.
void Lowering::body(const StatementPtr& tree) {
  const auto* sequence = std::get_if<typed::Sequence>(&tree->node);
  if (!sequence) return statements({tree});
  if (mode_ == Mode::simulate && frames_.back() == &program_frame_)
    if (const auto ordered = generative::simulation_order(sequence->statements, context_.program, context_.reading))
      return statements(*ordered);
  statements(sequence->statements);
}

void Lowering::statement(const StatementPtr& tree) {
  const Level level(statement_depth_, deepest_statement, tree->span);
  const bool is_loop = std::holds_alternative<typed::For>(tree->node) ||
                       std::holds_alternative<typed::ForEach>(tree->node) ||
                       std::holds_alternative<typed::While>(tree->node);
  std::optional<Level> loop_level;
  if (is_loop) loop_level.emplace(loop_depth_, deepest_loop, tree->span);
  b_.set_span(tree->span);
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, typed::Declaration>) declaration(node, tree->span);
        else if constexpr (std::is_same_v<Node, typed::Assignment>) assignment(node, tree->span);
        else if constexpr (std::is_same_v<Node, typed::Tilde>) {
          const auto mixed = marginalized(tree);
          const auto drawn = generative::drawn_variable(node.left);
          if (is_left_out(drawn && !is_residual(drawn, mixed) ? drawn : mixed)) return;
          if (mode_ == Mode::simulate) return draw(node, tree->span);
          if (measures_priors_ && mixed)
            return add_marginalized_mass(*mixed, node.distribution->draws_container());
          if (measures_priors_) return add_prior_mass(node, tree->span);
          if (!target_) return;
          if (terms_ && mixed && add_residual_terms(tree)) return;
          if (terms_ && drawn && !is_residual(drawn, mixed)) return add_terms(node, tree->span);
          std::vector<ExpressionPtr> arguments{node.left};
          arguments.insert(arguments.end(), node.arguments.begin(), node.arguments.end());
          const ValueId value = log_density(*node.distribution, typed::DistributionFunction::log_density, arguments,
                                            node.truncation, tree->span);
          if (terms_) add_marginal_term(tree, mixed, value, tree->span);
          else add_to_target(value);
        } else if constexpr (std::is_same_v<Node, typed::TargetIncrement>) {
          const std::optional<typed::Tilde> as_draw = generative::as_tilde(node);
          const auto drawn = as_draw ? generative::drawn_variable(as_draw->left) : std::nullopt;
          const auto mixed = marginalized(tree);
          if (is_left_out(drawn && !is_residual(drawn, mixed) ? drawn : mixed)) return;
          if (mode_ == Mode::simulate) {
            if (as_draw) draw(*as_draw, tree->span);
            return;
          }
          if (!target_) return;
          if (terms_ && mixed && add_residual_terms(tree)) return;
          if (terms_ && drawn && !is_residual(drawn, mixed)) return add_terms(*as_draw, tree->span);
          const bool is_constant = measures_priors_ && generative::is_constant(node, context_.program);
          if (measures_priors_ && !is_constant) {
            // A density of the text's own may lack its constant.
            if (mixed && std::holds_alternative<typed::FunctionCall>(node.value->node))
              return add_to_target(unknown_mass());
            if (mixed) return add_marginalized_mass(*mixed, as_draw && as_draw->distribution->draws_container());
            if (as_draw) add_prior_mass(*as_draw, tree->span);
            return;
          }
          if (node.is_jacobian) {
            const ValueId value = b_.to_real(scalar(node.value));
            return add_log_jacobian([&] { return value; }, true);
          }
          const auto add = [&](ValueId value) {
            if (terms_) add_marginal_term(tree, mixed, value, tree->span);
            else add_to_target(value);
          };
          if (node.value->type.is_scalar()) return add(b_.to_real(scalar(node.value)));
          const View terms = view(node.value);
          loop(terms.sizes, [&](const std::vector<ValueId>& index) { add(terms.element(index)); });
        } else if constexpr (std::is_same_v<Node, typed::For>) for_loop(node, tree->span);
        else if constexpr (std::is_same_v<Node, typed::ForEach>) {
          const View given = view(node.container);
          const View container = given.is_cheap ? given : materialize(given);
          Frame& frame = *frames_.back();
          ++frame.loop_depth;
          const std::size_t dimensions =
              node.container->type.base_rank() == 2 && node.container->type.array_rank == 0 ? 2 : 1;
          const std::vector<ValueId> sizes(container.sizes.begin(),
                                           container.sizes.begin() + static_cast<std::ptrdiff_t>(dimensions));
          loop(sizes, [&](const std::vector<ValueId>& index) {
            if (container.sizes.size() == dimensions) {
              storage(node.variable) = AsValue{container.element(index)};
            } else {
              View part = container;
              part.sizes.erase(part.sizes.begin());
              part.size_keys.erase(part.size_keys.begin());
              --part.array_rank;
              part.element = [inner = container.element, outer = index](const std::vector<ValueId>& rest) {
                std::vector<ValueId> full = outer;
                full.insert(full.end(), rest.begin(), rest.end());
                return inner(full);
              };
              storage(node.variable) = AsView{std::move(part)};
            }
            const StatementPtr outer_body = std::exchange(loop_body_, node.body);
            body(node.body);
            loop_body_ = outer_body;
          });
          --frame.loop_depth;
        } else if constexpr (std::is_same_v<Node, typed::While>) {
          Frame& frame = *frames_.back();
          ++frame.loop_depth;
          b_.while_([&] { return boolean(node.condition); }, [&] { body(node.body); });
          --frame.loop_depth;
        } else if constexpr (std::is_same_v<Node, typed::If>) {
          const ValueId condition = boolean(node.condition);
          if (node.else_body) b_.if_(condition, [&] { body(node.then_body); }, [&] { body(node.else_body); });
          else b_.if_(condition, [&] { body(node.then_body); });
        } else if constexpr (std::is_same_v<Node, typed::Break>) b_.break_();
        else if constexpr (std::is_same_v<Node, typed::Continue>) b_.continue_();
        else if constexpr (std::is_same_v<Node, typed::Return>) return_statement(node);
        else if constexpr (std::is_same_v<Node, typed::Sequence>) body(tree);
        else if constexpr (std::is_same_v<Node, typed::Print>) message_statement(node.arguments, false, tree->span);
        else if constexpr (std::is_same_v<Node, typed::Reject>) message_statement(node.arguments, true, tree->span);
        else {
          const auto* call = std::get_if<typed::FunctionCall>(&node.call->node);
          if (!call) throw InternalError("a statement that is no call");
          const std::vector<Storage> arguments = argument_storage(*call->function, call->arguments);
          arguments_ = &call->arguments;
          call_void(*call->function, arguments);
        }
      },
      tree->node);
}

// Whether the left side of `~` is computed from the datum that the statement draws.
bool Lowering::is_residual(std::optional<VariableId> left, std::optional<VariableId> drawn) {
  return left && drawn && *left != *drawn;
}

// What a statement draws in the simulation, where its density sums something out.
std::optional<VariableId> Lowering::marginalized(const StatementPtr& tree) const {
  const auto& all = context_.program.simulation.marginalized;
  const auto found = all.find(tree.get());
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

bool Lowering::is_interface(VariableId id) const {
  return frames_.back() == &program_frame_ && context_.interface_index.contains(id);
}

std::vector<ValueId> Lowering::declared_sizes(const typed::Variable& declared) {
  require_sizes(declared);
  std::vector<ValueId> sizes;
  for (const ExpressionPtr& size : declared.sizes) {
    sizes.push_back(this->size(size, "a size of `" + declared.name + "`"));
  }
  return sizes;
}

void Lowering::declare_interface(ir::ArrayId array, const typed::Variable& declared) {
  const std::vector<ValueId> sizes = declared_sizes(declared);
  element_count(sizes, "`" + declared.name + "`", declared.span);
  b_.declare(array, sizes);
}

void Lowering::declaration(const typed::Declaration& tree, Span span) {
  const VariableId id = tree.variable;
  if (const auto* part = tree.initializer ? std::get_if<typed::CallPart>(&tree.initializer->node) : nullptr) {
    storage(id) = call_part(*part, span);
    return;
  }
  const typed::Variable& declared = variable(id);
  // A value that is kept aside has the sizes that it has.
  if (tree.initializer && declared.type.rank() > 0 && declared.sizes.empty()) {
    storage(id) = AsView{materialize(view(tree.initializer))};
    return;
  }
  const bool output = declares_interface_ && is_interface(id);
  if (output) {
    const bool tracked = mode_ == Mode::simulate &&
                         (context_.reading.given_elements.contains(id) || context_.reading.given_once.contains(id));
    std::optional<ir::ArrayId> from_file;
    if (tracked && context_.reading.given_elements.contains(id) && declared.block == typed::Block::data)
      from_file = b_.array(declared.name + " in the file", type_of(declared.type), declared.type.rank(),
                           ir::Binding::variable, context_.interface_index.at(id));
    declare_interface(bind_interface(id), declared);
    if (tracked) start_giving(id, from_file);
  } else if (declared.type.rank() == 0) {
    storage(id) = InCell{b_.cell(declared.name, type_of(declared.type))};
  } else {
    const std::vector<ValueId> sizes = declared_sizes(declared);
    storage(id) = InArray{declare_local(declared.name, type_of(declared.type), sizes, "`" + declared.name + "`")};
  }
  if (tree.initializer) assignment({id, {}, tree.initializer}, span);
  if (mode_ == Mode::simulate && frames_.back() == &program_frame_)
    for (const VariableId flat : context_.reading.flat)
      if (flat == id) draw_flat(id);
}

void Lowering::store_scalar(VariableId id, ValueId value) {
  const ir::Type wanted = type_of(variable(id).type);
  if (wanted == ir::Type::real) value = b_.to_real(value);
  if (const auto* cell = std::get_if<InCell>(&storage(id))) b_.store_cell(cell->cell, value);
  else b_.store(std::get<InArray>(storage(id)).array, value, {});
}

View Lowering::place(VariableId id, const std::vector<IndexItem>& indices, std::vector<ValueId>& noted, Span span) {
  View base = array_view(std::get<InArray>(storage(id)).array, id);
  base.element = [&noted](const std::vector<ValueId>& index) {
    noted = index;
    return ir::none;
  };
  return indices.empty() ? base : indexed(std::move(base), indices, span);
}

void Lowering::store(VariableId id, const std::vector<IndexItem>& indices, const Storage& value, Span span) {
  const bool is_noted = frames_.back() == &program_frame_ && !is_drawing_;
  if (indices.empty() && std::holds_alternative<AsValue>(value)) {
    if (is_noted) note_given(id, {}, gives_draw_, span);
    return store_scalar(id, std::get<AsValue>(value).value);
  }
  const ir::ArrayId array = std::get<InArray>(storage(id)).array;
  const bool is_real = variable(id).type.base != Base::integer;
  std::vector<ValueId> noted;
  const View target = place(id, indices, noted, span);
  if (const auto* scalar_value = std::get_if<AsValue>(&value)) {
    target.element({});
    const std::vector<ValueId> where = noted;
    if (is_noted) note_given(id, where, gives_draw_, span);
    b_.store(array, is_real ? b_.to_real(scalar_value->value) : scalar_value->value, where);
    return;
  }
  const View& source = std::get<AsView>(value).view;
  for (std::size_t d = 0; d < target.sizes.size(); ++d)
    require_same_size(target.sizes[d], source.sizes[d], target.size_keys[d], source.size_keys[d],
                      "`" + variable(id).name + "` has {} elements here, but the value has {}", span);
  loop(target.sizes, [&](const std::vector<ValueId>& index) {
    const ValueId element = source.element(index);
    target.element(index);
    const std::vector<ValueId> where = noted;
    if (is_noted) note_given(id, where, gives_draw_, span);
    b_.store(array, is_real ? b_.to_real(element) : element, where);
  });
}

void Lowering::assignment(const typed::Assignment& tree, Span span) {
  if (mode_ == Mode::density && frames_.back() == &program_frame_ &&
      context_.reading.point_masses.contains(tree.variable)) {
    if (!measures_priors_ && !is_prior_only_) point_mass(tree, span);
    return;
  }
  if (tree.value->type.is_scalar()) {
    const ValueId value = scalar(tree.value);
    gives_draw_ = tree.gives_draw;
    store(tree.variable, tree.indices, AsValue{value}, span);
    gives_draw_ = false;
    return;
  }
  View value = view(tree.value);
  std::set<VariableId> reads;
  generative::add_reads(tree.value, reads);
  // `x[2:3] = x[1:2]` must not read what it has just written.
  if (reads.contains(tree.variable)) value = materialize(value);
  store(tree.variable, tree.indices, AsView{std::move(value)}, span);
}

void Lowering::for_loop(const typed::For& tree, Span) {
  const ValueId first = scalar(tree.first), last = scalar(tree.last);
  const std::string key = size_key(tree.last);
  const auto start = b_.constant(first);
  Frame& frame = *frames_.back();
  ++frame.loop_depth;
  b_.for_(first, last, [&](ValueId i) {
    storage(tree.variable) = AsValue{i};
    if (!key.empty() && start && *start >= 1) in_range_[i] = {key, static_cast<std::int64_t>(*start)};
    const StatementPtr outer_body = std::exchange(loop_body_, tree.body);
    const bool is_new = loop_variables_.insert(tree.variable).second;
    body(tree.body);
    if (is_new) loop_variables_.erase(tree.variable);
    loop_body_ = outer_body;
  });
  --frame.loop_depth;
}

void Lowering::return_statement(const typed::Return& tree) {
  Frame& frame = *frames_.back();
  if (tree.value && frame.result) b_.store_cell(*frame.result, scalar(tree.value));
  if (tree.value && frame.container) return_container(tree.value);
  if (tree.value && !frame.parts.empty()) return_tuple(tree.value);
  b_.store_cell(*frame.returned, b_.boolean(true));
  if (frame.loop_depth > 0) b_.break_();
}

void Lowering::message_statement(const std::vector<ExpressionPtr>& arguments, bool is_reject, Span span) {
  std::string text;
  std::vector<ValueId> values;
  std::vector<std::pair<std::string, View>> long_lists;
  for (const ExpressionPtr& argument : arguments) {
    if (const auto* literal = std::get_if<typed::StringLiteral>(&argument->node)) {
      text += escaped(literal->value);
      continue;
    }
    if (!argument->type.is_scalar()) {
      const View container = view(argument);
      if (!short_list(container, text, values)) {
        const auto* reference = std::get_if<typed::VariableReference>(&argument->node);
        long_lists.emplace_back(reference ? variable(reference->variable).name : std::string(), container);
        for (std::size_t i = 0; i < container.sizes.size(); ++i) {
          text += i == 0 ? "[{}" : " x {}";
          values.push_back(container.sizes[i]);
        }
        text += " elements]";
      }
      continue;
    }
    text += "{}";
    values.push_back(scalar(argument));
  }
  if (!is_reject && measuring_ > 0) return;
  if (values.size() > SIBYL_MAX_REPORTED_VALUES) {
    context_.diagnostics.push_back({.code = "printed-values",
                                    .message = std::string("`") + (is_reject ? "reject" : "print") +
                                               "` writes at most " + std::to_string(SIBYL_MAX_REPORTED_VALUES) +
                                               " values",
                                    .primary = {span, "here are " + std::to_string(values.size())}});
    return;
  }
  if (is_reject && rejecting_) return b_.reject(context_.message(rejecting_->prefix + text, rejecting_->span), values);
  const std::uint32_t number = message(text, span);
  if (is_reject) return b_.reject(number, values);
  b_.print(number, values);
  for (const auto& [name, list] : long_lists) print_elements(name, list, {}, span);
}

// Writes a list whose sizes the text gives into the message, if it is no longer than a message holds.
bool Lowering::short_list(const View& list, std::string& text, std::vector<ValueId>& values) {
  std::vector<std::int32_t> sizes;
  double total = 1;
  for (const ValueId size : list.sizes) {
    const auto known = b_.constant(size);
    if (!known) return false;
    sizes.push_back(static_cast<std::int32_t>(*known));
    total *= *known;
  }
  if (total > most_printed) return false;
  std::vector<ValueId> at;
  const std::function<void()> write = [&] {
    if (at.size() == sizes.size()) {
      text += "{}";
      values.push_back(list.element(at));
      return;
    }
    text += "[";
    for (std::int32_t i = 0; i < sizes[at.size()]; ++i) {
      if (i > 0) text += ",";
      at.push_back(b_.integer(i));
      write();
      at.pop_back();
    }
    text += "]";
  };
  write();
  return true;
}

// A line for each element, of each dimension's first ones.
void Lowering::print_elements(const std::string& name, const View& list, std::vector<ValueId> at, Span span) {
  const ValueId one = b_.integer(1);
  if (at.size() == list.sizes.size()) {
    std::string text = "  " + name + "[";
    std::vector<ValueId> values;
    for (std::size_t i = 0; i < at.size(); ++i) {
      text += i == 0 ? "{}" : ",{}";
      values.push_back(b_.add(at[i], one));
    }
    values.push_back(list.element(at));
    b_.print(message(text + "] = {}", span), values);
    return;
  }
  const ValueId last = b_.minimum(list.sizes[at.size()], b_.integer(static_cast<std::int32_t>(most_printed)));
  b_.for_(one, last, [&](ValueId i) {
    auto inner = at;
    inner.push_back(b_.subtract(i, one));
    print_elements(name, list, inner, span);
  });
}

void Lowering::add_to_target(ValueId value) { b_.store_cell(*target_, b_.add(b_.load_cell(*target_), value)); }

} // namespace sibyl::lower
