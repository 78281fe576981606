// The checker: one class, because every part needs the same scopes; each part is in the file that its functions are
// listed under.
#pragma once

#include "lang/ast.hpp"
#include "lang/diagnostic.hpp"
#include "lang/library.hpp"
#include "lang/typed.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sibyl::checking {

// Functions by name: the user's, and behind them the library's.
struct Names {
  std::map<std::string, std::vector<std::shared_ptr<const typed::Function>>> own;

  std::vector<std::shared_ptr<const typed::Function>> functions(const std::string& name) const;
  bool has_function(const std::string& name) const { return own.contains(name) || !library_functions(name).empty(); }
};

// A mistake that its place alone explains.
Diagnostic mistake(Span place, std::string code, std::string message, std::string label = "");

class Checker {
 public:
  Checker(const Source& source, Names& names, Diagnostics& diagnostics, bool is_library)
      : source_(source), names_(names), diagnostics_(diagnostics), is_library_(is_library) {}

  // program.cpp
  typed::Program check_program(const ast::Program& program);
  // Fills `function`'s result, arguments and variables from its signature.
  void declare_function(const ast::FunctionDefinition& definition, const std::vector<ast::Argument>& extra_arguments,
                        typed::Function& function);
  // Checks the body of a declared function.
  void check_body(const ast::FunctionDefinition& definition, typed::Function& function);

  // expressions.cpp
  typed::ExpressionPtr expression(const ast::ExpressionPtr& expression);

 private:
  using Arguments = std::vector<typed::ExpressionPtr>;
  using Statements = std::vector<typed::StatementPtr>;

  // ---- expressions.cpp
  typed::ExpressionPtr variable(const ast::VariableReference& reference, Span span);
  typed::ExpressionPtr index(const ast::Index& index, Span span);
  typed::ExpressionPtr conditional(const ast::Conditional& conditional, Span span);
  // A real that is taken for true or false, as older versions of Stan did.
  void note_real_condition(const typed::ExpressionPtr& condition);
  bool have_one_size(const std::vector<ast::ExpressionPtr>& elements);
  typed::ExpressionPtr array_literal(const ast::ArrayLiteral& literal, Span span);
  typed::ExpressionPtr row_vector_literal(const ast::RowVectorLiteral& literal, Span span);
  std::vector<typed::IndexItem> index_items(const std::vector<ast::IndexItem>& items);
  // The type of `base` indexed by `items`; error type after a diagnostic.
  Type indexed_type(Type base, const std::vector<typed::IndexItem>& items, Span span);
  typed::ExpressionPtr indexed(const typed::ExpressionPtr& base, const std::vector<typed::IndexItem>& items, Span span);
  void check_constant_index(const typed::ExpressionPtr& base, const std::vector<typed::IndexItem>& items);
  typed::ExpressionPtr integer(const ast::ExpressionPtr& expression, const std::string& what);
  typed::ExpressionPtr real(const ast::ExpressionPtr& expression, const std::string& what);

  // ---- tuples.cpp
  typed::ExpressionPtr tuple_literal(const ast::TupleLiteral& literal, Span span);
  typed::ExpressionPtr tuple_part(const ast::TuplePart& part, Span span);
  // A call that returns a tuple is evaluated into local variables before the statement that it stands in: their tuple.
  typed::ExpressionPtr evaluated_before(const typed::ExpressionPtr& call);
  typed::StatementPtr tuple_declaration(const ast::Declaration& declaration, Span span);
  typed::ExpressionPtr declare_parts(const ast::SizedType& type, const std::string& name, Span place,
                                     const typed::ExpressionPtr& initializer, Span span);
  typed::StatementPtr tuple_assignment(const ast::Assignment& assignment, const typed::ExpressionPtr& value, Span span);
  bool assigns_tuple(const ast::ExpressionPtr& target) const;
  typed::StatementPtr for_each_tuple(const ast::ForEach& loop, const typed::ExpressionPtr& container, Span span);
  void declare_arguments(const typed::Function& function);
  typed::VariableId hidden_variable(const std::string& name, Type type, Span span);
  // The name of a tuple, which stands for its parts.
  void name_tuple(const std::string& name, Span place, typed::ExpressionPtr tuple, typed::VariableId first);

  // ---- operators.cpp
  typed::ExpressionPtr unary(const ast::Unary& unary, Span span);
  typed::ExpressionPtr binary(const ast::Binary& binary, Span span);
  typed::ExpressionPtr binary_builtin(typed::Builtin builtin, std::string_view symbol, typed::ExpressionPtr left,
                                      typed::ExpressionPtr right, Span span);
  typed::ExpressionPtr transpose(const ast::Transpose& transpose, Span span);
  typed::ExpressionPtr unary_builtin(ast::UnaryOperator op, const typed::ExpressionPtr& operand, Span span);
  typed::ExpressionPtr transposed(const typed::ExpressionPtr& operand, Span span);
  // Null where no operator has that name.
  typed::ExpressionPtr operator_call(const std::string& name, const std::vector<typed::ExpressionPtr>& arguments,
                                     Span span);
  void check_constant_sizes(const typed::ExpressionPtr& left, const typed::ExpressionPtr& right,
                            std::string_view symbol, Span span);

  // ---- calls.cpp
  typed::ExpressionPtr call(const ast::Call& call, Span span);
  bool depends_on_parameters(const typed::ExpressionPtr& value) const;
  typed::ExpressionPtr old_call(const ast::Call& call, const Arguments& arguments, Span span);
  typed::ExpressionPtr reduce_sum(const ast::Call& call, Span span);
  // solvers.cpp
  typed::ExpressionPtr solver_call(const ast::Call& call, Span span);
  // Whether it is one of Stan's solvers that are not here, which is then told.
  bool refuse_solver(const ast::Identifier& name);
  // Puts what `ode_adjoint_tol_ctl` is given beyond a solver's tolerances aside. False where it does not fit, which is
  // told.
  bool adjoint_controls(const ast::Call& call, Arguments& given);
  // The function that a solver is given, called with arguments of these types; null after a diagnostic.
  std::shared_ptr<const typed::Function> given_function(const ast::Call& call, const std::vector<Type>& leading,
                                                        Arguments& passed, Type result);
  typed::ExpressionPtr transform_call(const std::string& name, Arguments arguments, Span span);
  // The text's own function of that name that takes these arguments; with `exactly`, without promotion.
  bool has_own(const std::string& name, const Arguments& arguments, bool exactly) const;
  typed::ExpressionPtr builtin_call(const std::string& name, Arguments arguments, Span span, bool& handled);
  typed::ExpressionPtr function_call(const ast::Call& call, Arguments arguments, Span span);
  typed::ExpressionPtr unknown_function(const ast::Identifier& name, Span span);

  // ---- distributions.cpp
  typed::ExpressionPtr distribution_call(const ast::Call& call, const std::string& distribution,
                                         const std::string& suffix, Arguments arguments, Span span);
  void require_bar(const ast::Call& call, const Arguments& arguments);
  // Of a distribution that means no other.
  bool distribution_arguments(const typed::Distribution& distribution, Arguments& arguments, bool has_y, Span name);
  std::shared_ptr<const typed::Distribution> find_distribution(const ast::Identifier& name);
  // Checks and promotes the arguments (y first, unless it is a draw); where the distribution means another one, puts
  // that in its place, with the arguments that go with it. False after a diagnostic.
  bool resolve_distribution(std::shared_ptr<const typed::Distribution>& distribution, Arguments& arguments, bool has_y,
                            Span name);

  // ---- declarations.cpp
  typed::StatementPtr declaration(const ast::Declaration& declaration, Span span);
  typed::VariableId declare_one(const ast::SizedType& type, const std::string& name, Span place,
                                const std::string& type_text, bool is_part);
  void check_initializer(const typed::ExpressionPtr& initializer, const std::string& name, Type type,
                         const std::string& type_text);
  void declared_type(const ast::SizedType& written, typed::Variable& variable);
  void declared_bounds(const ast::SizedType& written, typed::Variable& variable);

  // ---- statements.cpp
  typed::StatementPtr statement(const ast::StatementPtr& statement);
  // What must be done before it (evaluations of tuples), and the statement.
  void add_statement(const ast::StatementPtr& statement, Statements& into);
  typed::StatementPtr one_statement(const ast::StatementPtr& statement);
  typed::StatementPtr assignment(const ast::Assignment& assignment, Span span);
  // `target op= value` without its assignment.
  typed::ExpressionPtr combined(ast::AssignmentOperator op, const typed::ExpressionPtr& target,
                                const typed::ExpressionPtr& value, Span span);
  typed::StatementPtr tilde(const ast::Tilde& tilde, Span span);
  typed::StatementPtr for_loop(const ast::For& loop, Span span);
  typed::StatementPtr for_each(const ast::ForEach& loop, Span span);
  typed::StatementPtr return_statement(const ast::Return& statement, Span span);
  // A loop's variable and body.
  std::pair<typed::VariableId, typed::StatementPtr> looped(const ast::Identifier& name, Type type,
                                                           const ast::StatementPtr& body);
  typed::StatementPtr loop_body(const ast::StatementPtr& body);
  typed::StatementPtr target_increment(const ast::ExpressionPtr& value, bool is_jacobian, Span span);
  Statements density_terms(const typed::ExpressionPtr& value);
  bool reads_parameters(const typed::ExpressionPtr& value) const;
  bool adds_to_density() const; // where we are: the model, or a function for it
  bool is_constant(const typed::ExpressionPtr& value) const;
  Statements statements(const std::vector<ast::StatementPtr>& list);
  Arguments printed(const std::vector<ast::ExpressionPtr>& arguments);
  bool may_be_assigned(const typed::Variable& variable, Span place);
  static bool always_returns(const typed::StatementPtr& statement);

  // ---- program.cpp
  void check_block(const ast::ProgramBlock& block, Statements& into);
  void check_promises(const std::vector<const ast::FunctionDefinition*>& promised,
                      const std::vector<const ast::FunctionDefinition*>& definitions,
                      const std::vector<std::shared_ptr<typed::Function>>& declared);
  void check_new_function(const ast::FunctionDefinition& definition, const typed::Function& function);
  void check_suffix(const ast::FunctionDefinition& definition, const typed::Function& function);
  void user_functions(const ast::ProgramBlock& block);
  bool check_depth_of_calls(const std::vector<std::shared_ptr<typed::Function>>& declared);
  void check_recursion(const std::vector<std::shared_ptr<typed::Function>>& declared);
  bool may_reach(const typed::Function& from, const typed::Function& to) const;
  std::shared_ptr<const typed::Function> held(std::shared_ptr<const typed::Function> callee);
  // accumulators.cpp
  void spread_accumulators(typed::Program& program);
  void warn_about_unused(const typed::Program& program);

  // ---- shared
  typed::VariableId declare(typed::Variable variable);
  void require_new_name(const std::string& name, Span place);
  std::optional<typed::VariableId> find_variable(const std::string& name) const;
  std::vector<std::string> visible_variables() const;
  // What older texts write is read, and said once for each kind: a warning that shows today's spelling.
  void note_old(const char* code, Span place, const std::string& message, std::optional<Fix> fix = std::nullopt);
  Diagnostic& error(Span place, std::string code, std::string message, std::string label = "");
  // "`x` is vector[N]" with the declaration as written where the expression is a variable.
  std::string describe(const typed::ExpressionPtr& expression) const;
  void label_declaration(Diagnostic& diagnostic, const typed::ExpressionPtr& expression) const;

  const Source& source_;
  Names& names_;
  Diagnostics& diagnostics_;
  bool is_library_;

  std::vector<typed::Variable>* variables_ = nullptr;
  std::vector<std::unordered_map<std::string, typed::VariableId>> scopes_;
  std::map<typed::VariableId, typed::ExpressionPtr> tuples_; // what a name means that is found by that variable
  Statements* before_ = nullptr; // what is evaluated before the statement; null where nothing may be
  std::uint32_t evaluations_ = 0;
  std::set<typed::VariableId> used_;
  std::map<std::string, Span> declared_anywhere_; // at the top of any block: for uses that come too early
  ast::BlockKind block_ = ast::BlockKind::model;
  bool in_function_ = false;
  typed::Function* function_ = nullptr;
  std::map<const typed::Function*, std::vector<const typed::Function*>> calls_; // of the user's functions, by caller
  std::vector<std::shared_ptr<const typed::Function>> own_functions_;
  int loop_depth_ = 0;
  // While a distribution's meaning is checked: what stands for its parameters, and where the text calls it.
  struct Expansion {
    std::map<std::string, typed::ExpressionPtr> given;
    Span span;
  };
  const Expansion* expansion_ = nullptr;
  int nesting_ = 0; // of statements: 0 at a block's top
};

// The type of what is declared; of a constrained type its transform decides (declarations.cpp).
Type type_of(const ast::SizedType& type);
typed::Block block_of(ast::BlockKind kind);

// ---- small helpers on typed expressions (expressions.cpp)
typed::ExpressionPtr make(decltype(typed::Expression::node) node, Type type, Span span);
typed::ExpressionPtr poison(Span span);
// Whether one of them was complained about already (calls.cpp).
bool any_error(const std::vector<typed::ExpressionPtr>& arguments);
// Their types, as messages list them (calls.cpp).
std::string listed_types(const std::vector<typed::ExpressionPtr>& arguments);
// A tuple of these, or an array of tuples of the elements of these arrays.
typed::ExpressionPtr make_tuple(std::vector<typed::ExpressionPtr> elements, int array_rank, Span span);
// Another for each leaf of a tuple, in the same order, in a tuple of the same form.
typed::ExpressionPtr with_leaves(const typed::ExpressionPtr& tuple, int array_rank,
                                 const std::function<typed::ExpressionPtr(const typed::ExpressionPtr&)>& of_leaf);
// int to real where `target` wants real; the expression unchanged otherwise.
typed::ExpressionPtr promote(typed::ExpressionPtr expression, Type target);
// Whether a value of `from` may stand where `to` is wanted, promoting ints.
bool converts(Type from, Type to);
std::optional<std::int64_t> constant_integer(const typed::ExpressionPtr& expression);

} // namespace sibyl::checking
