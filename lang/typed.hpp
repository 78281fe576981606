// The checked program: every name resolved, every expression typed, every statement legal.
//
// The checker builds this tree from the syntax tree and the standard library; the compiler's lowering reads nothing
// else. Operators and primitive functions are Builtin nodes; functions that have a body in the language (the standard
// library's and the user's) are FunctionCall nodes that point to it; `~`, `_lpdf`, `_rng` and kin point to the
// Distribution. Integer operands are promoted explicitly (Promote). Parentheses, `+=` and constraints' sugar are gone.
#pragma once

#include "lang/ast.hpp"
#include "lang/source.hpp"
#include "lang/types.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace sibyl::typed {

struct Expression;
struct Statement;
struct Function;
struct Distribution;
struct Transform;
using ExpressionPtr = std::shared_ptr<const Expression>;
using StatementPtr = std::shared_ptr<const Statement>;

// Index into the variable table of the enclosing Function or Program.
using VariableId = std::uint32_t;

// ---- expressions

struct IntegerLiteral {
  std::int64_t value = 0;
};
struct RealLiteral {
  double value = 0;
};
struct StringLiteral {
  std::string value;
};
struct VariableReference {
  VariableId variable = 0;
};

// Operators and functions that the compiler itself implements, on any shapes that the checker let through (scalars,
// containers element by element, linear algebra). Their names in lower case are those of the language where they have
// one.
enum class Builtin {
  // arithmetic: real or integer by the type of the result; scalar with container broadcasts
  negate,
  add,
  subtract,
  multiply,
  divide,
  integer_divide,
  modulo,
  power,
  elementwise_multiply,
  elementwise_divide,
  elementwise_power,
  left_divide,
  // comparisons and logic: int results
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  logical_and,
  logical_or,
  logical_not,
  // linear algebra and shape
  transpose,
  size,
  rows,
  cols,
  num_elements,
  dims,
  rep_vector,
  rep_row_vector,
  rep_matrix,
  rep_array,
  to_vector,
  to_row_vector,
  to_matrix,
  to_array_1d,
  to_array_2d,
  append_row,
  append_col,
  append_array,
  head,
  tail,
  segment,
  block,
  row,
  col,
  diagonal,
  // scalars
  absolute,
  minimum,
  maximum,
  is_nan,
  is_inf,
  real_to_integer,
  target, // what the log density has come to
  // a scalar function of compiler/ir/math.hpp, element by element: `math` names it
  math,
  // draws: in the standard library's samplers only
  uniform_draw,
  std_normal_draw,
  // the function that a solver is given, and its matrix of derivatives: in the standard library's methods only
  given_value,
  given_jacobian,
  given_size,
};
struct BuiltinCall {
  Builtin builtin = Builtin::add;
  std::vector<ExpressionPtr> arguments;
  std::string math; // Builtin::math: "exp", "lgamma", ...
};

// A call of a function with a body. `elementwise`: at least one argument is a container, and the scalar function is
// applied to each element (scalars broadcast).
struct FunctionCall {
  std::shared_ptr<const Function> function;
  std::vector<ExpressionPtr> arguments;
  bool elementwise = false;
};

// A function of the library that is given one of the text: `ode_rk45(rates, y0, t0, ts, ...)`. The library's method (a
// file of stdlib/functions/) calls it by `given_value(point, z)` and `given_jacobian(point, z)`, which stand for
//   differential: the rates of change at the time `point` and state z
//   algebraic:    what shall be zero at the unknown z
//   integral:     the integrand at `point`, of which z is the distance to the nearer limit
//   mapped:       there is no method: the function is applied to each of a list of jobs
// `given_size()` is the number of elements of what the function itself is given as z. Where the gradient is wanted, z
// is longer: behind them are, for each number that it is wanted of, the derivatives of z by that number, and behind the
// value those of the value.
struct SolverCall {
  enum class Kind { differential, algebraic, integral, mapped } kind = Kind::differential;
  std::shared_ptr<const Function> given;
  std::shared_ptr<const Function> method; // null where the kind has none
  // The first `own` are the method's; the others are handed on to the given function.
  std::vector<ExpressionPtr> arguments;
  std::size_t own = 0;
};

enum class DistributionFunction { log_density, log_cdf, log_ccdf, cdf, draw };
// normal_lpdf(y | mu, sigma), ..., normal_rng(mu, sigma). Vectorized as in Stan: containers of one length and scalars
// mixed; densities are summed, draws give a container. `arguments` holds y first unless it is a draw.
struct DistributionCall {
  std::shared_ptr<const Distribution> distribution;
  DistributionFunction function = DistributionFunction::log_density;
  std::vector<ExpressionPtr> arguments;
  bool unnormalized = false; // _lupdf, _lupmf
};

struct IndexItem {
  enum class Kind { all, single, multiple, from, up_to, between } kind = Kind::single; // multiple: by an array of int
  ExpressionPtr first;
  ExpressionPtr second;
  Span span;
};
struct Index {
  ExpressionPtr base;
  std::vector<IndexItem> items;
}; // trailing dimensions may be left out
struct Conditional {
  ExpressionPtr condition, if_true, if_false;
};
struct ArrayLiteral {
  std::vector<ExpressionPtr> elements;
};
struct RowVectorLiteral {
  std::vector<ExpressionPtr> elements;
}; // of scalars: row_vector; of row vectors: matrix
// int to real, element by element; also array[] int to array[] real.
struct Promote {
  ExpressionPtr operand;
};
// A tuple by its parts; of an array of tuples each part is an array. The checker takes tuples apart: behind it they
// stand only where a function returns one.
struct Tuple {
  std::vector<ExpressionPtr> elements;
};
// Of a call that returns a tuple, one of the values that are none, from left to right. Only as what a local variable
// without declared sizes begins with; the parts of one evaluation stand behind each other in one Sequence, all of them.
struct CallPart {
  ExpressionPtr call;
  std::size_t number = 0;
  std::uint32_t evaluation = 0; // unique in its function or program
};

struct Expression {
  std::variant<IntegerLiteral, RealLiteral, StringLiteral, VariableReference, BuiltinCall, FunctionCall, SolverCall,
               DistributionCall, Index, Conditional, ArrayLiteral, RowVectorLiteral, Promote, Tuple, CallPart>
      node;
  Type type;
  Span span;
};

// ---- variables

enum class Block { data, transformed_data, parameters, transformed_parameters, model, generated_quantities, function };

struct Variable {
  std::string name;
  Type type;
  std::vector<ExpressionPtr> sizes; // array sizes, then the base's; empty for function arguments and loop variables
  ExpressionPtr lower, upper, offset, multiplier; // null where absent
  std::shared_ptr<const Transform> transform;     // how it is constrained; null for arguments and loop variables
  std::vector<ExpressionPtr> transform_sizes;     // of a constrained type, as given: `cov_matrix[K]` has one
  Block block = Block::model;
  bool is_local = false; // declared inside a body (model, a nested block, a function), or a loop variable
  bool is_loop_variable = false;
  bool is_argument = false;
  Span span;             // the name in the declaration
  std::string type_text; // as the user wrote it, for messages and facts: `array[N] vector<lower=0>[K]`
};

// ---- statements

struct Declaration {
  VariableId variable = 0;
  ExpressionPtr initializer;
};
struct Assignment {
  VariableId variable = 0;
  std::vector<IndexItem> indices;
  ExpressionPtr value;
  bool gives_draw = false; // in a simulation: what is assigned to data was drawn, and has a density of its own
};
struct Truncation {
  ExpressionPtr lower, upper;
  Span span;
}; // either may be null
struct Tilde {
  ExpressionPtr left;
  std::shared_ptr<const Distribution> distribution;
  std::vector<ExpressionPtr> arguments;
  std::optional<Truncation> truncation;
};
// `target += normal_lpdf(y | ...)` stays a TargetIncrement of a DistributionCall; the generative reading recognizes it.
// A container's elements are summed.
struct TargetIncrement {
  ExpressionPtr value;
  bool is_jacobian = false; // only where the density is that of the unconstrained parameters
};
struct For {
  VariableId variable = 0;
  ExpressionPtr first, last;
  StatementPtr body;
};
struct ForEach {
  VariableId variable = 0;
  ExpressionPtr container;
  StatementPtr body;
};
struct While {
  ExpressionPtr condition;
  StatementPtr body;
};
struct If {
  ExpressionPtr condition;
  StatementPtr then_body, else_body;
}; // else_body may be null
struct Break {};
struct Continue {};
struct Return {
  ExpressionPtr value;
};
struct Sequence {
  std::vector<StatementPtr> statements;
};
struct Print {
  std::vector<ExpressionPtr> arguments;
};
struct Reject {
  std::vector<ExpressionPtr> arguments;
};
struct CallStatement {
  ExpressionPtr call;
};

struct Statement {
  std::variant<Declaration, Assignment, Tilde, TargetIncrement, For, ForEach, While, If, Break, Continue, Return,
               Sequence, Print, Reject, CallStatement>
      node;
  Span span;
};

// ---- functions, distributions, transforms

struct Function {
  std::string name;
  Type result;
  std::vector<Type> signature;       // of the arguments as declared
  std::vector<VariableId> arguments; // into `variables`; a tuple is several, in the order of its leaves
  std::vector<bool> data_only;       // of each argument: `data real x`
  std::vector<Variable> variables;   // arguments, locals, loop variables
  StatementPtr body;
  bool elementwise = false; // declared so: may be applied to containers
  bool draws = false;       // calls a draw, directly or through others
  bool is_recursive = false; // may be reached again from a call in it
  Span span;
};

// The requirement `sigma > 0` of a distribution's parameter, kept apart so that messages can say it.
struct Requirement {
  std::size_t parameter = 0;                 // which parameter the message names
  std::shared_ptr<const Function> condition; // int (parameters...); not zero when fulfilled
  std::string text;                          // "must be > 0"
  bool to_draw = false;                      // asked for by the sampler only
};

struct Support {
  bool is_discrete = false;
  std::shared_ptr<const Function> lower, upper; // (parameters...) -> bound; null: unbounded
};

struct Distribution {
  std::string name;
  // Other distributions of arguments computed from its own, by the parameters' names: the checker puts the first that
  // fits in its place, so that nothing behind it sees this one.
  std::vector<ast::Meaning> meanings;
  // Of one draw: a number, or a container that is drawn whole.
  Type outcome;
  std::shared_ptr<const Transform> outcome_transform; // of a container: how it is constrained ("identity": it is not)
  // Its dimensions, (parameters...) -> int; null where the outcome alone tells. The sampler's first argument is then
  // that size: lkj_corr_rng(K, eta).
  std::vector<std::shared_ptr<const Function>> outcome_sizes;
  std::vector<Type> parameters; // scalars are vectorized; containers are taken whole
  std::vector<std::string> parameter_names;
  Support support;
  std::vector<Requirement> requirements;
  std::shared_ptr<const Function> log_density; // (y, parameters...)
  std::shared_ptr<const Function> sample;      // (parameters...), sizes before them; null: cannot be drawn
  // (y, upper, parameters...): log P(Y <= y), or where the integer `upper` is not zero log P(Y > y); may be null. One
  // function of both tails, so that code that needs either has it once.
  std::shared_ptr<const Function> log_tail;

  // (parameters...): the density repeats itself after so much; a draw is moved by whole periods to where it is wanted.
  // Null for all but distributions of angles.
  std::shared_ptr<const Function> period;

  bool draws_container() const { return outcome.rank() > 0; }
  // How many sizes the sampler is given.
  std::size_t given_sizes() const { return sample ? sample->arguments.size() - parameters.size() : 0; }
};

// A constraint, from a file of stdlib/transforms/ (its README.md says what each member is for). Of a scalar type
// (bounds) it acts on each element of what is declared; of a vector or matrix it is a type of its own, `simplex[K]`,
// and an array of it has each element transformed.
struct Transform {
  std::string name; // simplex; identity, lower_bound, upper_bound, lower_upper_bound, offset_multiplier
  Type constrained;
  std::vector<std::string> parameter_names; // a bound's part of a declaration, or the sizes of a constrained type
  std::vector<std::size_t> sizes;           // of the constrained type, each a parameter
  std::optional<double> element_lower, element_upper; // that no element of a constrained type passes
  std::vector<Requirement> requirements;              // of the sizes
  std::string unconstrained_text;                     // the size, as written in the parameters' names: "K - 1"
  std::shared_ptr<const Function> unconstrained_size; // (parameters...) -> int
  std::shared_ptr<const Function> constrain;          // (u, parameters...)
  std::shared_ptr<const Function> unconstrain;        // (x, parameters...)
  std::shared_ptr<const Function> log_jacobian;       // (u, parameters...): log |d constrain / d u|
  // The rest may be null.
  std::shared_ptr<const Function> check;  // (x, parameters...): rejects what is not so constrained
  std::shared_ptr<const Function> sample; // (parameters...): a draw from the flat density, where it is proper
  std::shared_ptr<const Function> unconstrain_drawn; // (x, parameters...): a random one of the numbers that give x
  // (x, parameters...): what elements that were drawn independently from one distribution become under the condition
  // that they are so constrained; by the distribution's name, "" for all.
  std::map<std::string, std::shared_ptr<const Function>> condition;

  // (parameters...): the logarithms of the flat density's integral, and of the share of independent elements that are
  // so constrained, both in the measure of log_jacobian.
  std::shared_ptr<const Function> log_flat_mass, log_condition_mass;

  bool is_type() const { return constrained.rank() > 0; }
  // Null where elements of that distribution cannot be drawn so constrained.
  std::shared_ptr<const Function> conditioned_on(const std::string& distribution) const {
    for (const std::string& name : {std::string(), distribution})
      if (const auto found = condition.find(name); found != condition.end()) return found->second;
    return nullptr;
  }
};

struct Library {
  std::vector<std::shared_ptr<const Function>> functions; // overloads share a name
  std::vector<std::shared_ptr<const Distribution>> distributions;
  std::vector<std::shared_ptr<const Transform>> transforms;
};

// ---- the program

// What simulates instead of these blocks, where the density sums something out or is that of residuals
// (compiler/generative/marginalized.hpp, residuals.hpp): the checker leaves it empty.
struct Simulation {
  std::vector<StatementPtr> transformed_parameters;
  std::vector<StatementPtr> model;
  std::map<const Statement*, VariableId> marginalized; // statements of the model that are drawn otherwise, and what
  std::map<const Statement*, std::string> refusals;    // why others are not
  // Of statements that give residuals a distribution: the draw, and the datum that is drawn with it. A container's
  // elements are those of the datum, in order.
  struct Residual {
    Tilde draw;
    ExpressionPtr datum;
  };
  std::map<const Statement*, Residual> residuals;
  // Parameters with a bound that depends on data which are drawn after them, as a latency below the shortest reaction
  // time (compiler/generative/late_bounds.hpp).
  std::set<VariableId> late_lower, late_upper;
  // Loop variables for statements of which none has a loop, by how many such loops are around
  // (compiler/generative/interleaving.hpp).
  std::vector<VariableId> positions;
};

struct Program {
  // Of the text. Calls within functions do not keep these alive: they may go round.
  std::vector<std::shared_ptr<const Function>> functions;
  std::vector<Variable> variables; // of all blocks, locals included
  std::vector<StatementPtr> data;  // declarations only
  std::vector<StatementPtr> transformed_data;
  std::vector<StatementPtr> design;     // tilde statements and assignments over data variables
  std::vector<StatementPtr> parameters; // declarations only
  std::vector<StatementPtr> transformed_parameters;
  std::vector<StatementPtr> model;
  std::vector<StatementPtr> generated_quantities;
  Simulation simulation;
};

} // namespace sibyl::typed
