#include "lang/decimal.hpp"
#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

namespace sibyl::grammar {

using ast::BinaryOperator;
using ast::Expression;
using ast::ExpressionPtr;
using ast::IndexItem;
using ast::UnaryOperator;

namespace {

// ---- heights: no tree becomes so high that walking it (or giving it back) would overflow the stack

std::uint32_t height(const ExpressionPtr& expression) { return expression ? expression->height : 0; }
std::uint32_t height(const std::vector<ExpressionPtr>& list) {
  std::uint32_t highest = 0;
  for (const ExpressionPtr& one : list) highest = std::max(highest, height(one));
  return highest;
}
std::uint32_t height(const std::vector<IndexItem>& items) {
  std::uint32_t highest = 0;
  for (const IndexItem& item : items) highest = std::max({highest, height(item.first), height(item.second)});
  return highest;
}
template <typename Node>
std::uint32_t height_of_parts(const Node& node) {
  if constexpr (requires { node.operand; }) return height(node.operand);
  else if constexpr (requires { node.left; }) return std::max(height(node.left), height(node.right));
  else if constexpr (requires { node.condition; })
    return std::max({height(node.condition), height(node.if_true), height(node.if_false)});
  else if constexpr (requires { node.inner; }) return height(node.inner);
  else if constexpr (requires { node.base; }) return std::max(height(node.base), height(node.items));
  else if constexpr (requires { node.arguments; }) return height(node.arguments);
  else if constexpr (requires { node.elements; }) return height(node.elements);
  else return 0;
}

// `place`: of the newest part.
template <typename Node>
ExpressionPtr make(Node node, Span span, Span place) {
  const std::uint32_t height = 1 + height_of_parts(node);
  if (height > highest_expression) throw TooDeep{place, "this expression is too long: compute a part of it before"};
  return std::make_shared<const Expression>(Expression{std::move(node), span, height});
}

struct OperatorToken {
  BinaryOperator op = BinaryOperator::add;
  Span span;
};
struct UnaryToken {
  UnaryOperator op = UnaryOperator::minus;
  Span span;
};
struct Arguments {
  std::vector<ExpressionPtr> values;
  bool has_bar = false;
};

// ---- operators

auto binary(BinaryOperator op) {
  return x3::attr(op)[([](auto& context) { x3::_val(context).op = x3::_attr(context); })];
}

const auto or_operator = x3::rule<struct OrClass, OperatorToken>{"an operator"} =
    spanned(x3::lit("||") >> binary(BinaryOperator::logical_or));
const auto and_operator = x3::rule<struct AndClass, OperatorToken>{"an operator"} =
    spanned(x3::lit("&&") >> binary(BinaryOperator::logical_and));
const auto equality_operator = x3::rule<struct EqualityClass, OperatorToken>{"an operator"} =
    spanned((x3::lit("==") >> binary(BinaryOperator::equal)) | (x3::lit("!=") >> binary(BinaryOperator::not_equal)));
const auto comparison_operator = x3::rule<struct ComparisonClass, OperatorToken>{"an operator"} = spanned(
    (x3::lit("<=") >> binary(BinaryOperator::less_equal)) | (x3::lit(">=") >> binary(BinaryOperator::greater_equal)) |
    (x3::lit('<') >> binary(BinaryOperator::less)) | (x3::lit('>') >> binary(BinaryOperator::greater)));
const auto additive_operator = x3::rule<struct AdditiveClass, OperatorToken>{"an operator"} =
    spanned((x3::lit('+') >> !x3::lit('=') >> binary(BinaryOperator::add)) |
            (x3::lit('-') >> !x3::lit('=') >> binary(BinaryOperator::subtract)));
// Stan's elementwise products bind as `*` does; `\\` and `%/%` bind tighter.
const auto multiplicative_operator = x3::rule<struct MultiplicativeClass, OperatorToken>{"an operator"} =
    spanned((x3::lit('%') >> binary(BinaryOperator::modulo)) |
            (x3::lit('*') >> !x3::lit('=') >> binary(BinaryOperator::multiply)) |
            (x3::lit('/') >> !x3::lit('=') >> binary(BinaryOperator::divide)) |
            (x3::lit(".*") >> !x3::lit('=') >> binary(BinaryOperator::elementwise_multiply)) |
            (x3::lit("./") >> !x3::lit('=') >> binary(BinaryOperator::elementwise_divide)));
const auto left_divide_operator = x3::rule<struct LeftDivideClass, OperatorToken>{"an operator"} =
    spanned((x3::lit('\\') >> binary(BinaryOperator::left_divide)) |
            (x3::lit("%/%") >> binary(BinaryOperator::integer_divide)));
const auto power_operator = x3::rule<struct PowerOperatorClass, OperatorToken>{"an operator"} = spanned(
    (x3::lit(".^") >> binary(BinaryOperator::elementwise_power)) | (x3::lit('^') >> binary(BinaryOperator::power)));

auto unary(UnaryOperator op) {
  return x3::attr(op)[([](auto& context) { x3::_val(context).op = x3::_attr(context); })];
}
const auto unary_operator = x3::rule<struct UnaryOperatorClass, UnaryToken>{"an operator"} =
    spanned((x3::lit('-') >> unary(UnaryOperator::minus)) | (x3::lit('+') >> unary(UnaryOperator::plus)) |
            (x3::lit('!') >> !x3::lit('=') >> unary(UnaryOperator::logical_not)));

// ---- actions

const auto set_value = [](auto& context) { x3::_val(context) = x3::_attr(context); };

// (operator, right side): the value so far is the left side.
const auto fold = [](auto& context) {
  const OperatorToken& op = part<0>(context);
  const ExpressionPtr& right = part<1>(context);
  ExpressionPtr& left = x3::_val(context);
  left = make(ast::Binary{op.op, left, right, op.span}, join(left->span, right->span), op.span);
};

const auto make_unary = [](auto& context) {
  const UnaryToken& op = part<0>(context);
  const ExpressionPtr& operand = part<1>(context);
  x3::_val(context) = make(ast::Unary{op.op, operand}, join(op.span, operand->span), op.span);
};

const auto make_conditional = [](auto& context) {
  const ExpressionPtr& if_true = part<0>(context);
  const ExpressionPtr& if_false = part<1>(context);
  ExpressionPtr& condition = x3::_val(context);
  condition =
      make(ast::Conditional{condition, if_true, if_false}, join(condition->span, if_false->span), if_true->span);
};

const auto set_number = [](auto& context) {
  const auto range = x3::_attr(context);
  const std::string written(range.begin(), range.end());
  std::string text;
  std::ranges::copy_if(written, std::back_inserter(text), [](char c) { return c != '_'; });
  State& state = state_of(context);
  const Span span = state.span(&*range.begin(), &*range.begin() + written.size());
  if (text.find_first_of(".eE") == std::string::npos) {
    errno = 0;
    const long long value = std::strtoll(text.c_str(), nullptr, 10);
    if (errno == ERANGE || value > std::numeric_limits<std::int32_t>::max())
      state.diagnostics.push_back({.code = "integer-too-large",
                                   .message = "the integer `" + written + "` is too large",
                                   .primary = {span, "integers go up to 2147483647"},
                                   .fix = Fix{span, text + ".0", "write it as a real"}});
    x3::_val(context).node = ast::IntegerLiteral{value};
  } else {
    const double value = decimal_number(text.c_str());
    if (value == std::numeric_limits<double>::infinity())
      state.diagnostics.push_back({.code = "real-too-large",
                                   .message = "the number `" + written + "` is too large",
                                   .primary = {span, "reals go up to about 1.8e308"}});
    x3::_val(context).node = ast::RealLiteral{value, written};
  }
};

const auto set_string = [](auto& context) {
  const auto range = x3::_attr(context);
  x3::_val(context).node = ast::StringLiteral{std::string(range.begin(), range.end())};
};

// ---- rules

using PrimaryRule = x3::rule<struct PrimaryClass, Expression>;
const PrimaryRule primary{"an expression"};
const x3::rule<struct PostfixClass, ExpressionPtr> postfix{"an expression"};
const x3::rule<struct PowerClass, ExpressionPtr> power{"an expression"};
const x3::rule<struct UnaryClass, ExpressionPtr> unary_level{"an expression"};
const x3::rule<struct LeftDivideLevelClass, ExpressionPtr> left_divide_level{"an expression"};
const x3::rule<struct MultiplicativeLevelClass, ExpressionPtr> multiplicative_level{"an expression"};
const x3::rule<struct ComparisonLevelClass, ExpressionPtr> comparison_level{"an expression"};
const x3::rule<struct EqualityLevelClass, ExpressionPtr> equality_level{"an expression"};
const x3::rule<struct AndLevelClass, ExpressionPtr> and_level{"an expression"};
const x3::rule<struct OrLevelClass, ExpressionPtr> or_level{"an expression"};
const x3::rule<struct ArgumentsClass, Arguments> arguments{"arguments"};
const x3::rule<struct IndexItemClass, IndexItem> index_item{"an index"};
const x3::rule<struct ExpressionListClass, std::vector<ExpressionPtr>> expression_list{"expressions"};

const auto digits = x3::digit >> *(x3::digit | (x3::char_('_') >> &x3::digit));
const auto exponent = (x3::lit('e') | 'E') >> -(x3::lit('+') | '-') >> x3::digit >> *x3::digit;
const auto number =
    x3::lexeme[x3::raw[((digits >> -(x3::lit('.') >> !(x3::char_("*/^")) >> -digits)) | (x3::lit('.') >> digits)) >>
                       -exponent]];
const auto string_literal = x3::lexeme['"' >> x3::raw[*(x3::char_ - '"')] >> '"'];

const auto add_argument = [](auto& context) { x3::_val(context).values.push_back(x3::_attr(context)); };
const auto set_bar = [](auto& context) { x3::_val(context).has_bar = true; };
const auto arguments_def = opening_parenthesis >>
                           -(expression[add_argument] >>
                             -(x3::lit('|') >> !x3::lit('|') >> x3::eps[set_bar] >>
                                   -(expression[add_argument] >> *(',' > expression[add_argument])) |
                               (+(',' > expression[add_argument])))) > closing_parenthesis;

const auto add_expression = [](auto& context) { x3::_val(context).push_back(x3::_attr(context)); };
const auto expression_list_def = -(expression[add_expression] >> *(',' > expression[add_expression]));

const auto set_first = [](auto& context) { x3::_val(context).first = x3::_attr(context); };
const auto set_second = [](auto& context) { x3::_val(context).second = x3::_attr(context); };
const auto set_kind = [](auto& context) {
  IndexItem& item = x3::_val(context);
  item.kind = item.first ? (item.second ? IndexItem::Kind::between : IndexItem::Kind::from)
                         : (item.second ? IndexItem::Kind::up_to : IndexItem::Kind::all);
};
const auto colon_part = x3::lit(':') >> -expression[set_second] >> x3::eps[set_kind];
const auto index_item_def =
    spanned((expression[set_first] >> -colon_part) | colon_part | (&(x3::lit(',') | ']') >> x3::eps[set_kind]));

const auto set_call = [](auto& context) {
  const Arguments& values = part<1>(context);
  x3::_val(context).node = ast::Call{part<0>(context), values.values, values.has_bar};
};
const auto set_variable = [](auto& context) {
  x3::_val(context).node = ast::VariableReference{x3::_attr(context).name};
};
const auto set_array = [](auto& context) { x3::_val(context).node = ast::ArrayLiteral{x3::_attr(context)}; };
const auto set_row_vector = [](auto& context) { x3::_val(context).node = ast::RowVectorLiteral{x3::_attr(context)}; };

// A tuple, or one expression in parentheses.
const auto set_parenthesized = [](auto& context) {
  const ExpressionPtr& first = part<0>(context);
  const auto& others = part<1>(context);
  if (others.empty()) {
    x3::_val(context).node = ast::Parenthesized{first};
    return;
  }
  ast::TupleLiteral tuple{{first}};
  tuple.elements.insert(tuple.elements.end(), others.begin(), others.end());
  x3::_val(context).node = std::move(tuple);
};

const auto target_call = x3::rule<struct TargetCallClass, ast::Identifier>{"`target()`"} =
    spanned(x3::raw[word("target")][([](auto& context) { x3::_val(context).name = "target"; })]);

const auto primary_def =
    spanned(number[set_number] | string_literal[set_string] | ((identifier >> &x3::lit('(') >> arguments)[set_call]) |
            ((target_call >> &x3::lit('(') >> arguments)[set_call]) | identifier[set_variable] |
            (('{' >> expression_list > closing_brace)[set_array]) |
            (('[' >> expression_list > closing_bracket)[set_row_vector]) |
            (('(' >> expression >> *(x3::lit(',') > expression) > closing_parenthesis)[set_parenthesized]));

const auto set_primary = [](auto& context) {
  Expression& read = x3::_attr(context);
  const Span span = read.span;
  x3::_val(context) = std::visit([&](auto& node) { return make(std::move(node), span, span); }, read.node);
};

// The place behind a postfix, so that the whole expression's span includes it.
struct End {
  Span span;
};
const auto transpose_mark = x3::rule<struct TransposeClass, End>{"`'`"} = spanned(x3::lit('\'') >> x3::eps);
struct IndexList {
  std::vector<IndexItem> items;
  Span span;
};
const x3::rule<struct IndexListClass, IndexList> index_list{"indexes"};
const auto add_item = [](auto& context) { x3::_val(context).items.push_back(x3::_attr(context)); };
const auto index_list_def =
    spanned(x3::lit('[') >> (index_item[add_item] >> *(',' >> index_item[add_item])) > closing_bracket);

const auto apply_transpose = [](auto& context) {
  ExpressionPtr& value = x3::_val(context);
  value = make(ast::Transpose{value}, join(value->span, x3::_attr(context).span), x3::_attr(context).span);
};
const auto apply_index = [](auto& context) {
  ExpressionPtr& value = x3::_val(context);
  auto& list = x3::_attr(context);
  value = make(ast::Index{value, std::move(list.items)}, join(value->span, list.span), list.span);
};
struct PartNumber {
  std::int64_t number = 0;
  Span span;
};
// Far larger than any tuple, and small enough to be a number.
const auto set_number_of_part = [](auto& context) {
  const auto range = x3::_attr(context);
  const std::string digits(range.begin(), range.end());
  x3::_val(context).number = digits.size() > 9 ? 999999999 : std::strtoll(digits.c_str(), nullptr, 10);
};
const auto part_number = x3::rule<struct PartNumberClass, PartNumber>{"the number of a tuple's part"} =
    spanned(x3::lexeme[x3::lit('.') >> x3::raw[+x3::digit][set_number_of_part] >> !identifier_character]);
const auto apply_part = [](auto& context) {
  ExpressionPtr& value = x3::_val(context);
  const PartNumber& part = x3::_attr(context);
  value = make(ast::TuplePart{value, part.number}, join(value->span, part.span), part.span);
};
const auto postfix_def = primary[set_primary] >>
                         *(transpose_mark[apply_transpose] | index_list[apply_index] | part_number[apply_part]);

const auto power_def = postfix[set_value] >> -((power_operator > nested(unary_level))[fold]);
const auto unary_level_def = ((unary_operator >> nested(unary_level))[make_unary]) | power[set_value];
const auto left_divide_level_def = unary_level[set_value] >> *((left_divide_operator > unary_level)[fold]);
const auto multiplicative_level_def = left_divide_level[set_value] >>
                                      *((multiplicative_operator > left_divide_level)[fold]);
const auto bound_def = multiplicative_level[set_value] >> *((additive_operator > multiplicative_level)[fold]);
const auto comparison_level_def = bound[set_value] >> *((comparison_operator > bound)[fold]);
const auto equality_level_def = comparison_level[set_value] >> *((equality_operator > comparison_level)[fold]);
const auto and_level_def = equality_level[set_value] >> *((and_operator > equality_level)[fold]);
const auto or_level_def = and_level[set_value] >> *((or_operator > and_level)[fold]);
const auto colon = symbol(":", "`:`");
const auto expression_def =
    nested(or_level[set_value] >> -((('?' > expression) > (colon > expression))[make_conditional]));

BOOST_SPIRIT_DEFINE(primary, postfix, power, unary_level, left_divide_level, multiplicative_level, comparison_level,
                    equality_level, and_level, or_level, arguments, index_item, expression_list, index_list)

} // namespace

BOOST_SPIRIT_DEFINE(bound, expression)
BOOST_SPIRIT_INSTANTIATE(ExpressionRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(BoundRule, Iterator, Context)

} // namespace sibyl::grammar
