// From the checked program to the intermediate representation: one object writes one ir::Function.
//
// Expressions are in expressions.cpp and views.cpp, calls in calls.cpp and callees.cpp, distributions in
// distributions.cpp and truncation.cpp, prior_mass.cpp and likelihood.cpp, statements in statements.cpp, constraints in
// parameters.cpp; model.cpp puts together the functions that ir.hpp lists.
#pragma once

#include "compiler/generative/reading.hpp"
#include "compiler/ir/build.hpp"
#include "compiler/lower/view.hpp"
#include "lang/diagnostic.hpp"
#include "lang/typed.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sibyl::lower {

// A function of numbers that may be called.
struct Callee {
  std::optional<std::uint32_t> number; // in the model; nothing: it is always inlined
  int size = 0;                        // about how many machine instructions it takes
};

// What all functions of a model share.
struct ModelContext {
  const typed::Program& program;
  const generative::Reading& reading;
  ir::Model& model;
  std::map<typed::VariableId, std::uint32_t> interface_index; // program variable to index into Facts::variables
  Diagnostics diagnostics;
  std::set<typed::VariableId> changing; // variables that are assigned more than once: sizes by them may differ
  bool has_solver = false;              // in the log density: the function for its gradient differs
  std::map<const typed::Function*, Callee> callees = {}; // of the functions of numbers that have been called

  std::uint32_t message(std::string text, Span span);
};

// How a variable of the text is represented.
struct Unbound {};
struct InCell {
  ir::CellId cell;
};
struct InArray {
  ir::ArrayId array;
};
struct AsValue {
  ValueId value;
};
struct AsView {
  View view;
};
using Storage = std::variant<Unbound, InCell, InArray, AsValue, AsView>;

// Where a function puts the container that it returns from several places.
struct ReturnedContainer {
  std::optional<ir::ArrayId> array; // nothing: its sizes are all that is wanted
  std::vector<ir::CellId> sizes;
  std::vector<ValueId> capacity = {};
  bool is_of_one_size = true; // wherever it is returned: that of the array
};

// Where a function that returns a tuple from several places puts one of its values.
struct ReturnedPart {
  std::optional<ir::CellId> cell; // of a number
  ReturnedContainer container;
};

// Variables of the program, or of one inlined call.
struct Frame {
  const std::vector<typed::Variable>* variables;
  std::vector<Storage> storage;
  // Inlined calls: where a `return` goes.
  const typed::Function* function = nullptr;
  const std::vector<typed::ExpressionPtr>* arguments = nullptr; // as written in the frame below; null: not known
  std::optional<ir::CellId> result;
  std::optional<ir::CellId> returned; // integer, not zero after a return that skips statements
  std::optional<View> container_result;
  std::optional<ReturnedContainer> container;
  std::vector<ReturnedPart> parts;    // of the tuple that is returned
  std::vector<Storage> tuple_result;  // its leaves
  std::map<std::uint32_t, std::vector<Storage>> evaluations; // of calls that return tuples (typed::CallPart)
  ValueId single_result = ir::none;
  int loop_depth = 0; // loops of the function around the current statement
  explicit Frame(const std::vector<typed::Variable>& table) : variables(&table), storage(table.size()) {}
};

// While a solver's method is inlined: the function that it is given (typed::SolverCall).
struct Given {
  std::function<View(ValueId point, const View& z)> value, jacobian;
  ValueId size = ir::none;
};

// What the text nests, and what the functions that it calls nest within that, is lowered by recursion: thrown where it
// goes too deep.
struct TooDeep {
  Span span;
};

class Lowering {
 public:
  enum class Mode {
    simulate, // `~` draws
    density,  // `~` adds to the log density
    compute,  // no `~` is expected: transformed data, generated quantities
  };

  Lowering(ModelContext& context, std::string name, Mode mode);
  ir::Function finish();

  // ---- model.cpp
  void bind_inputs(const std::vector<typed::StatementPtr>& declarations);
  void write_simulate();
  void write_density();
  void write_density_for_gradient();
  void write_constrain();
  void write_log_jacobian();
  void write_log_prior_mass();
  void write_constrain_parameters();
  void write_unconstrain();
  void write_transform_data();
  void write_transform_simulated_data();
  void write_sizes();
  void write_predict();
  void write_simulate_data();
  void write_log_prior();
  void write_log_likelihood();

 private:
  // One level of statements or expressions within others.
  class Level {
   public:
    Level(int& depth, int deepest, Span span) : depth_(depth) {
      if (depth == deepest) throw TooDeep{span};
      ++depth_;
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;

   private:
    int& depth_;
  };
  static constexpr int deepest_statement = 400, deepest_expression = 3000, deepest_loop = 50;

  // ---- expressions.cpp
  // A message about this place; where it lies in the standard library, about the call in the model's text that led
  // there.
  std::uint32_t message(std::string text, Span span);
  ValueId scalar(const typed::ExpressionPtr& expression);
  ValueId boolean(const typed::ExpressionPtr& expression);
  ValueId scalar_builtin(const typed::BuiltinCall& call, const typed::ExpressionPtr& expression);
  ValueId boolean_builtin(const typed::BuiltinCall& call);
  ValueId conditional(const typed::Conditional& conditional, ir::Type type);
  ValueId integer_division(ValueId a, ValueId b, bool modulo, Span span);
  ValueId apply(typed::Builtin builtin, ValueId a, ValueId b);
  ValueId power(ValueId base, ValueId exponent);
  ValueId math(const std::string& name, std::vector<ValueId> arguments);
  bool is_simple(const typed::ExpressionPtr& expression) const;
  Storage& storage(typed::VariableId id) { return frames_.back()->storage[id]; }
  const typed::Variable& variable(typed::VariableId id) const { return (*frames_.back()->variables)[id]; }
  ir::Type type_of(const Type& type) const { return type.base == Base::integer ? ir::Type::integer : ir::Type::real; }

  // ---- builtins.cpp
  View builtin_view(const typed::BuiltinCall& call, const typed::ExpressionPtr& expression);
  View to_matrix(const typed::BuiltinCall& call, Span span);

  // ---- views.cpp
  View view(const typed::ExpressionPtr& expression);
  View chosen(const typed::Conditional& choice, const Type& type);
  View elementwise(const std::vector<typed::ExpressionPtr>& arguments, const Type& type, Span span,
                   const std::function<ValueId(const std::vector<ValueId>&)>& combine, bool is_cheap);
  View product(const typed::BuiltinCall& call, Span span);
  View array_view(ir::ArrayId array, typed::VariableId id);
  View indexed(View base, const std::vector<typed::IndexItem>& items, Span span);
  View materialize(const View& view);
  View flat(const View& view); // as one dimension: matrices column by column, arrays row by row
  View literal(const std::vector<typed::ExpressionPtr>& elements, bool is_row_vector, const Type& type);
  View slice(const View& base, ValueId first, ValueId size); // of the first dimension, 0-based
  // What is behind indexes (0-based) of the first dimensions.
  static View element_of(const View& all, const std::vector<ValueId>& index);
  static std::vector<ValueId> joined(std::vector<ValueId> outer, const std::vector<ValueId>& inner);
  void loop(const std::vector<ValueId>& sizes, const std::function<void(const std::vector<ValueId>&)>& body);
  void require_same_size(ValueId a, ValueId b, const std::string& key_a, const std::string& key_b,
                         const std::string& what, Span span);
  // 0-based position of the 1-based index, checked against the size unless it is known to fit.
  ValueId position(ValueId index, ValueId size, const std::string& size_key, const std::string& name, Span span);
  std::string size_key(const typed::ExpressionPtr& size) const;
  // `what`: its name in messages, should it have too many elements.
  ir::ArrayId declare_local(const std::string& name, ir::Type type, const std::vector<ValueId>& sizes,
                            const std::string& what = "the value");

  // ---- sizes.cpp
  // A size as the text computes it, not negative; `what` is its name in messages.
  ValueId size(const typed::ExpressionPtr& expression, const std::string& what = "the size");
  ValueId checked_sum(ValueId a, ValueId b, Span span);
  ValueId checked_product(ValueId a, ValueId b, Span span);
  // The product of sizes that are not negative; `what` has that many elements.
  ValueId element_count(const std::vector<ValueId>& sizes, const std::string& what, Span span);

  // ---- calls.cpp
  ValueId call_scalar(const typed::Function& function, const std::vector<Storage>& arguments);
  View call_view(const typed::Function& function, const std::vector<Storage>& arguments, Span span);
  std::optional<std::vector<std::uint64_t>> call_key(const typed::Function& function,
                                                     const std::vector<Storage>& arguments) const;
  void call_void(const typed::Function& function, const std::vector<Storage>& arguments);
  std::vector<Storage> argument_storage(const typed::Function& function,
                                        const std::vector<typed::ExpressionPtr>& arguments);
  void inline_body(Frame& frame, const typed::Function& function, const std::vector<Storage>& arguments);

  // ---- callees.cpp
  std::optional<std::uint32_t> callee_of(const typed::Function& function, const std::vector<Storage>& arguments);
  Callee write_callee(const typed::Function& function);
  ValueId write_callee_body(const typed::Function& function);
  ValueId call_callee(std::uint32_t callee, const typed::Function& function, const std::vector<Storage>& arguments);

  // ---- returned_tuples.cpp
  Storage call_part(const typed::CallPart& part, Span span);
  Storage leaf_value(const typed::ExpressionPtr& leaf, const typed::Function& function);
  void run_for_tuple(Frame& frame, const typed::Function& function);
  void return_tuple(const typed::ExpressionPtr& value);

  // ---- returns.cpp
  void start_returned(ReturnedContainer& into, const std::string& name, int rank);
  void allocate_returned(ReturnedContainer& into, const typed::Function& function, const Type& type,
                         const std::vector<ValueId>& capacity);
  View returned_view(const ReturnedContainer& from, const Type& type);
  std::vector<ValueId> returned_sizes(const ReturnedContainer& from);
  void measure(const std::function<void()>& run);
  void store_returned(ReturnedContainer& into, const typed::ExpressionPtr& value, const Type& type);
  void run_for_container(Frame& frame, const typed::Function& function);
  void return_container(const typed::ExpressionPtr& value);
  std::optional<ValueId> integer_at_entry(const typed::ExpressionPtr& expression);
  std::optional<std::vector<ValueId>> sizes_at_entry(const typed::ExpressionPtr& expression);
  std::optional<std::vector<ValueId>> largest_sizes_at_entry(const std::vector<typed::ExpressionPtr>& returned);

  // ---- solvers.cpp
  View solver_view(const typed::SolverCall& call, const Type& type, Span span);
  View given(const typed::BuiltinCall& call);
  struct Passed;
  struct Coupled;
  std::shared_ptr<Passed> passed_arguments(const typed::SolverCall& call, ValueId size, Span span);
  ValueId row_major(const std::vector<ValueId>& index, const std::vector<ValueId>& sizes);
  Coupled couple(const typed::SolverCall& call, const std::shared_ptr<Passed>& passed, ValueId size, Span span);
  View mapped_view(const typed::SolverCall& call, Span span);
  bool wants_derivatives() const { return is_for_gradient_ || in_given_ > 0; }
  bool may_vary(const typed::ExpressionPtr& expression, std::size_t frame) const;
  std::set<typed::VariableId> varying_variables(std::size_t frame) const;

  // ---- distributions.cpp
  ValueId distribution_call(const typed::DistributionCall& call, Span span); // a sum over elements, or one draw
  View draws_view(const typed::DistributionCall& call, const Type& type);
  // The log density summed over elements, minus the truncation's normalizer.
  ValueId log_density(const typed::Distribution& distribution, typed::DistributionFunction function,
                      const std::vector<typed::ExpressionPtr>& arguments,
                      const std::optional<typed::Truncation>& truncation, Span span);
  void draw(const typed::Tilde& tilde, Span span);
  // Between which an element of what is drawn lies, by its position.
  using DrawnBound = std::function<std::optional<ValueId>(const std::vector<ValueId>& index)>;
  DrawnBound drawn_bound(const typed::Tilde& tilde, bool is_lower);
  void draw_flat(typed::VariableId id);
  void condition_draw(typed::VariableId id, const typed::Distribution& distribution,
                      const std::vector<typed::IndexItem>& items, Span span);
  struct Arguments {
    std::vector<Storage> given;   // AsValue or AsView, in the distribution's order
    std::vector<bool> is_row;     // to be taken element by element
    std::optional<ValueId> count; // of the rows; nothing when all are scalars
    std::string count_key;
  };
  Arguments distribution_arguments(const std::vector<typed::ExpressionPtr>& arguments,
                                   const typed::Distribution& distribution, bool has_y, Span span);
  View draw_containers(const typed::DistributionCall& call, const Arguments& given, const Type& type, Span span);
  void store_drawn(const typed::Tilde& tilde, const Arguments& given, typed::VariableId id, const View& target,
                   const std::vector<ValueId>& noted, Span span);
  std::vector<Storage> at(const Arguments& arguments, ValueId index) const;
  void require_parameters(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                          const std::vector<typed::ExpressionPtr>& expressions, std::size_t first, bool rows,
                          const Arguments& arguments, bool to_draw);
  ValueId element_log(const typed::Distribution& distribution, typed::DistributionFunction function,
                      const std::vector<Storage>& arguments,
                      const std::optional<std::pair<std::optional<ValueId>, std::optional<ValueId>>>& truncation);
  ValueId element_log_tail(const typed::Distribution& distribution, ValueId y, ValueId upper,
                           const std::vector<Storage>& parameters);

  // ---- truncation.cpp
  ValueId turned(const typed::Distribution& distribution, const std::vector<Storage>& parameters, ValueId drawn,
                 ValueId lower);
  ValueId below(const typed::Distribution& distribution, ValueId lower);
  ValueId log_mass_between(const typed::Distribution& distribution, const std::vector<Storage>& parameters, ValueId y,
                           std::optional<ValueId> lower, std::optional<ValueId> upper);
  ValueId draw_by_inversion(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                            std::optional<ValueId> lower, std::optional<ValueId> upper, const std::string& name,
                            Span span);
  ValueId sample_between(const typed::Distribution& distribution, const std::vector<Storage>& parameters,
                         std::optional<ValueId> lower, std::optional<ValueId> upper, const std::string& name,
                         Span span);

  // ---- prior_mass.cpp
  void add_prior_mass(const typed::Tilde& tilde, Span span);
  void add_flat_mass(typed::VariableId id);
  ValueId log_mass_within(const typed::Distribution& distribution, const std::vector<Storage>& parameters, ValueId y,
                          std::optional<ValueId> lower, std::optional<ValueId> upper);
  ValueId unknown_mass();
  void add_marginalized_mass(typed::VariableId drawn, bool whole);

  // ---- likelihood.cpp
  // Where the terms of the observed variables' elements begin, and how many they are; declares the array of terms.
  void declare_terms();
  // A term of the log likelihood: what the data say of the element.
  void add_term(typed::VariableId id, const std::vector<ValueId>& index, ValueId value);
  // What `tilde` adds to the density, each to its own element; of a container drawn whole, to its first.
  void add_terms(const typed::Tilde& tilde, Span span);
  // The same where another datum than what is left of `~` has the terms.
  void add_terms_of(const typed::Tilde& tilde, const typed::ExpressionPtr& datum, Span span);
  // Whether the statement gives residuals a distribution, and their data are known.
  bool add_residual_terms(const typed::StatementPtr& tree);
  // One value for what `left` names.
  void add_whole_term(const typed::ExpressionPtr& left, ValueId value, Span span);
  // What a statement that sums something out says of the variable: its place is the element that the statement, or the
  // loop around it, is about.
  void add_marginal_term(const typed::StatementPtr& statement, std::optional<typed::VariableId> variable, ValueId value,
                         Span span);

  // A sum over a latent is one term: that of what the statements behind the latent's draw observe.
  void add_summed_term(const generative::SummedOut& sum, const std::vector<typed::StatementPtr>& dependents, Span span);
  // An element of the variable that the statement names by indexes that are known here; null where there is none.
  typed::ExpressionPtr element_named(const typed::StatementPtr& statement, typed::VariableId id) const;

  // ---- statements.cpp
  void statement(const typed::StatementPtr& statement);
  void statements(const std::vector<typed::StatementPtr>& list);
  void body(const typed::StatementPtr& statement);
  void declaration(const typed::Declaration& declaration, Span span);
  void assignment(const typed::Assignment& assignment, Span span);
  // Stores `value` (AsValue or AsView) into the variable or its indexed part.
  void store(typed::VariableId id, const std::vector<typed::IndexItem>& indices, const Storage& value, Span span);
  void store_scalar(typed::VariableId id, ValueId value);
  // A view over the variable's part whose `element` notes where the element is stored instead of loading it.
  View place(typed::VariableId id, const std::vector<typed::IndexItem>& indices, std::vector<ValueId>& noted,
             Span span);
  void for_loop(const typed::For& loop, Span span);
  void return_statement(const typed::Return& statement);
  void message_statement(const std::vector<typed::ExpressionPtr>& arguments, bool is_reject, Span span);
  bool short_list(const View& list, std::string& text, std::vector<ValueId>& values);
  void print_elements(const std::string& name, const View& list, std::vector<ValueId> at, Span span);
  void add_to_target(ValueId value);
  std::vector<ValueId> declared_sizes(const typed::Variable& variable);
  void declare_interface(ir::ArrayId array, const typed::Variable& variable);
  bool is_interface(typed::VariableId id) const;
  std::optional<typed::VariableId> marginalized(const typed::StatementPtr& statement) const;
  static bool is_residual(std::optional<typed::VariableId> left, std::optional<typed::VariableId> drawn);

  // ---- summed_out.cpp
  // What a density sums over the values of a latent, from its draw on.
  void sum_over(const generative::SummedOut& sum, const std::vector<typed::StatementPtr>& dependents, Span span);

  // ---- givings.cpp
  // In a simulation: which elements of a variable have been given, where the text does not prove that each is, and
  // once.
  void start_giving(typed::VariableId id, std::optional<ir::ArrayId> from_file);
  void note_given(typed::VariableId id, const std::vector<ValueId>& index, bool by_draw, Span span);
  void require_all_given();
  ValueId is_missing(ValueId value);
  // In a density: a value that the data have, or else none of the density is left.
  void point_mass(const typed::Assignment& assignment, Span span);

  // ---- model.cpp
  ir::ArrayId bind_interface(typed::VariableId id);
  void bind_inputs_given_parameters();
  void simulate_given_parameters();
  bool is_left_out(const std::optional<typed::VariableId>& drawn) const;

  // ---- parameters.cpp
  enum class Direction { constrain, unconstrain };
  void parameters(Direction direction);
  void parameter(typed::VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset);
  void elementwise_parameter(typed::VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset);
  void whole_parameter(typed::VariableId id, Direction direction, ir::ArrayId unconstrained, ValueId& offset);
  void in_stan_order(const typed::Variable& variable, const std::vector<ValueId>& sizes,
                     const std::function<void(const std::vector<ValueId>&)>& body);
  void add_log_jacobian(const std::function<ValueId()>& value, bool is_cheap);
  ValueId write_block_sizes();
  ValueId unconstrained_count(const typed::Variable& declared);
  std::vector<Storage> transform_sizes(const typed::Variable& declared);
  void require_sizes(const typed::Variable& declared);
  void for_each_constrained(typed::VariableId id,
                            const std::function<void(const std::vector<ValueId>& index, const View& value)>& body);
  void store_constrained(typed::VariableId id, const std::vector<ValueId>& index, const View& value);
  void check_bounds(typed::VariableId id);
  void check_constrained(typed::VariableId id);
  void check_block_bounds(const std::vector<typed::StatementPtr>& declarations);
  // A bound by the position of the element that it bounds: the same for all, or one of its own for each.
  using ElementBound = std::function<ValueId(const std::vector<ValueId>& index)>;
  ElementBound element_bound(typed::VariableId id, const typed::ExpressionPtr& bound);

  ModelContext& context_;
  ir::Function function_;
  ir::Builder b_;
  Mode mode_;
  std::vector<Frame*> frames_;
  const std::vector<typed::ExpressionPtr>* arguments_ = nullptr; // of the call that is inlined next
  std::vector<Given*> solved_; // what the methods around are given, innermost last
  int measuring_ = 0;            // while functions run for the sizes of what they return: nothing is printed
  bool is_for_gradient_ = false; // derivatives of what solvers find are computed beside it
  int in_given_ = 0;             // while the function that a solver is given is lowered for its tangents
  int statement_depth_ = 0, expression_depth_ = 0, loop_depth_ = 0;
  std::map<const typed::Function*, int> copied_; // the sizes of the copies so far
  // What functions of the standard library have returned for the same arguments in the same block, by call_key.
  std::map<std::vector<std::uint64_t>, View> returned_;
  bool has_solver_ = false;       // among what was lowered
  std::optional<ValueId> calls_around_; // in a function that calls itself: how many calls are within each other
  Frame program_frame_;
  std::optional<ir::CellId> target_;
  std::optional<ir::ArrayId> jacobian_flag_;
  // Loop variables whose range is 1..size of that key: indexes that need no check.
  struct Range {
    std::string size_key;
    std::int64_t first; // a constant from which the variable starts
  };
  std::map<ValueId, Range> in_range_;
  Span call_in_text_;                              // of the standard library's function that is being inlined
  bool parameters_are_given_ = false;              // in a simulation: their priors draw nothing
  bool is_prior_only_ = false;                     // in a density: the data and latents add nothing
  std::map<typed::VariableId, ir::ArrayId> given_; // by variable: 0, or how its element was given
  bool is_drawing_ = false;
  bool gives_draw_ = false; // what is assigned was drawn
  // In a likelihood by its terms: the output, and where each observed variable's elements begin in it. Nothing but what
  // draws data is looked at.
  std::optional<ir::ArrayId> terms_;
  std::map<typed::VariableId, ValueId> first_term_;
  // Takes the element's number and log density instead of the sum that log_density makes over elements.
  std::function<void(ValueId, ValueId)> element_sink_;
  typed::StatementPtr loop_body_;              // of the innermost loop
  std::set<typed::VariableId> loop_variables_; // of all loops around
  bool has_unplaced_terms_ = false;            // a term belongs to some element that the text does not name
  bool measures_priors_ = false; // in a density: not it, but the mass that priors have within their bounds
  bool declares_interface_ = false; // variables declared at a block's top are outputs of this function
  // While a check of the standard library is inlined: what its `reject` is about.
  struct Rejecting {
    std::string prefix;
    Span span;
  };
  std::optional<Rejecting> rejecting_;
};

// What writing a log likelihood by its terms ends with where some cannot be attributed: the model has no such function.
struct Unplaced {};

// All functions of the model, into `context.model`.
void lower_model(ModelContext& context);

} // namespace sibyl::lower
