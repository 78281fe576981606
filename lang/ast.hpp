// The syntax tree: the user's text as written, before anything is known about types or roles.
//
// Nodes are immutable values shared by pointer, so that copies are cheap (the parser backtracks) and no pass can
// surprise another. The tree keeps all that the formatter needs to print the program again, and nothing of the parser's
// machinery.
#pragma once

#include "lang/source.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sibyl::ast {

struct Expression;
struct Statement;
using ExpressionPtr = std::shared_ptr<const Expression>;
using StatementPtr = std::shared_ptr<const Statement>;

struct Identifier {
  std::string name;
  Span span;
};

// ---- expressions

struct IntegerLiteral {
  std::int64_t value = 0;
};
struct RealLiteral {
  double value = 0;
  std::string text;
};
struct StringLiteral {
  std::string value;
}; // in print and reject only
struct VariableReference {
  std::string name;
};

enum class UnaryOperator { minus, plus, logical_not };
enum class BinaryOperator {
  logical_or,
  logical_and,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  divide,
  modulo,
  integer_divide,
  left_divide,
  elementwise_multiply,
  elementwise_divide,
  power,
  elementwise_power
};

struct Unary {
  UnaryOperator op;
  ExpressionPtr operand;
};
struct Binary {
  BinaryOperator op;
  ExpressionPtr left, right;
  Span operator_span;
};
struct Transpose {
  ExpressionPtr operand;
};
struct Conditional {
  ExpressionPtr condition, if_true, if_false;
};
struct Parenthesized {
  ExpressionPtr inner;
};

// One place between the brackets of an index: `:`, `i`, `a:`, `:b`, `a:b`.
struct IndexItem {
  enum class Kind { all, single, from, up_to, between } kind = Kind::single;
  ExpressionPtr first;  // single, from, between
  ExpressionPtr second; // up_to, between
  Span span;
};
struct Index {
  ExpressionPtr base;
  std::vector<IndexItem> items;
};

struct Call {
  Identifier function;
  std::vector<ExpressionPtr> arguments;
  bool has_bar = false; // `f(y | mu, sigma)`: the first argument stands before a bar
};
struct ArrayLiteral {
  std::vector<ExpressionPtr> elements;
}; // {a, b}
struct RowVectorLiteral {
  std::vector<ExpressionPtr> elements;
}; // [a, b]; of row vectors: a matrix
struct TupleLiteral {
  std::vector<ExpressionPtr> elements;
}; // (a, b)
// `x.2`
struct TuplePart {
  ExpressionPtr operand;
  std::int64_t number = 1;
};

struct Expression {
  std::variant<IntegerLiteral, RealLiteral, StringLiteral, VariableReference, Unary, Binary, Transpose, Conditional,
               Parenthesized, Index, Call, ArrayLiteral, RowVectorLiteral, TupleLiteral, TuplePart>
      node;
  Span span;
  std::uint32_t height = 1; // of the tree below, this node included: the parser bounds it
};

// ---- types as declared

enum class BaseType { integer, real, vector, row_vector, matrix, tuple };

// `<lower=a, upper=b>` or `<offset=m, multiplier=s>`; absent parts are null.
struct Constraint {
  ExpressionPtr lower, upper, offset, multiplier;
  Span span;
};

// `array[N, M] vector<lower=0>[K]`
struct SizedType {
  BaseType base = BaseType::real;
  std::string constrained; // "simplex", "cov_matrix", ...: a type of stdlib/transforms/, which says what `base` is
  std::vector<ExpressionPtr> array_sizes;
  std::vector<ExpressionPtr> sizes; // vector: 1; matrix: 2; a constrained type: as many as its transform has parameters
  std::vector<SizedType> parts; // of a tuple
  Constraint constraint;
  Span span;
  Span old_array; // of array sizes that stand behind the name: not part of `span`
};

// A function's argument or result: `array[,] vector`. `base` empty: void.
struct UnsizedType {
  std::optional<BaseType> base;
  int array_dimensions = 0;
  std::vector<UnsizedType> parts; // of a tuple
  Span span;
};

// ---- statements

struct Declaration {
  SizedType type;
  Identifier name;
  ExpressionPtr initializer;
};
enum class AssignmentOperator { assign, add, subtract, multiply, divide, elementwise_multiply, elementwise_divide };
struct Assignment {
  ExpressionPtr target;
  AssignmentOperator op = AssignmentOperator::assign;
  ExpressionPtr value;
};
// `y ~ normal(mu, sigma) T[lower, upper]`
struct Truncation {
  ExpressionPtr lower, upper;
  Span span;
};
struct Tilde {
  ExpressionPtr left;
  Identifier distribution;
  std::vector<ExpressionPtr> arguments;
  std::optional<Truncation> truncation;
};
struct TargetIncrement {
  ExpressionPtr value;
  bool is_jacobian = false; // `jacobian += value`: only where the density is that of the unconstrained parameters
}; // target += value
struct For {
  Identifier variable;
  ExpressionPtr first, last;
  StatementPtr body;
};
struct ForEach {
  Identifier variable;
  ExpressionPtr container;
  StatementPtr body;
};
struct While {
  ExpressionPtr condition;
  StatementPtr body;
};
struct If {
  ExpressionPtr condition;
  StatementPtr then_body;
  StatementPtr else_body;
}; // else_body may be null
struct Break {};
struct Continue {};
struct Return {
  ExpressionPtr value;
}; // null in a void function
struct Block {
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
struct Empty {};

struct Statement {
  std::variant<Declaration, Assignment, Tilde, TargetIncrement, For, ForEach, While, If, Break, Continue, Return, Block,
               Print, Reject, CallStatement, Empty>
      node;
  Span span;
};

// ---- programs

enum class BlockKind {
  functions,
  data,
  design,
  transformed_data,
  parameters,
  transformed_parameters,
  model,
  generated_quantities
};

struct Argument {
  UnsizedType type;
  Identifier name;
  bool data_only = false;
};
struct FunctionDefinition {
  UnsizedType result;
  Identifier name;
  std::vector<Argument> arguments;
  StatementPtr body;
  bool elementwise = false; // standard library: also applies element by element to containers
  Span span;
};

struct ProgramBlock {
  BlockKind kind = BlockKind::model;
  std::vector<StatementPtr> statements;      // every kind but functions
  std::vector<FunctionDefinition> functions; // functions
  Span span;                                 // the whole block
  Span keyword;                              // its name
};

// Comments are kept aside for the formatter: the text with its delimiters, at its place.
struct Comment {
  Span span;
  bool own_line = true;
};

struct Program {
  std::vector<ProgramBlock> blocks; // in textual order
  std::vector<Comment> comments;
};

// ---- the standard library's files (the same grammar, three more kinds of definition at the top level)

// `distribution normal(real mu, real sigma) { support real; require sigma > 0; ... }`, see lang/typed.hpp.
struct Requirement {
  ExpressionPtr condition;
  bool to_draw = false; // `require lambda < 1073741824 to draw;`: the density holds without it
  Span span;
};
struct Support {
  SizedType type; // bounds and sizes in terms of the parameters; a size of another name is the outcome's own
  Span span;
};
// `means normal(alpha + x * beta, sigma);`: the distribution is another one, of arguments computed from its own.
struct Meaning {
  Identifier distribution;
  std::vector<ExpressionPtr> arguments;
};
struct DistributionDefinition {
  Identifier name;
  std::vector<Argument> arguments; // the parameters; scalars are vectorized
  std::vector<Meaning> meanings;   // the first that fits the arguments' types; then there is nothing else
  Support support;
  std::vector<Requirement> requirements;
  std::vector<FunctionDefinition> functions; // log_density, sample, log_tail
  Span span;
};

// `transform simplex(int K) { constrained vector[K]; unconstrained K - 1; vector constrain(vector u) ... }`, see
// stdlib/transforms/README.md.
struct TransformDefinition {
  Identifier name;
  std::vector<Argument> arguments;
  SizedType constrained;
  ExpressionPtr unconstrained_size;
  std::vector<Requirement> requirements;
  std::vector<FunctionDefinition> functions;
  Span span;
};

struct Library {
  std::vector<DistributionDefinition> distributions;
  std::vector<TransformDefinition> transforms;
  std::vector<FunctionDefinition> functions;
};

} // namespace sibyl::ast
