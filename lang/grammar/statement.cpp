#include "lang/errors.hpp"
#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

namespace sibyl::grammar {

using ast::AssignmentOperator;
using ast::ExpressionPtr;
using ast::Statement;
using ast::StatementPtr;

namespace {

const auto pointer = [](auto& context) { return std::make_shared<const Statement>(std::move(x3::_attr(context))); };

template <typename Node>
auto set(Node node) {
  return [node](auto& context) { x3::_val(context).node = node; };
}

// ---- declarations: one statement for each name

struct Declarator {
  ast::Identifier name;
  std::vector<ExpressionPtr> array_sizes; // behind the name, as older texts have them
  Span array_span;
  ExpressionPtr initializer;
  Span span;
};
struct Declarators {
  ast::SizedType type;
  std::vector<Declarator> list;
  Span span;
};

const auto add_old_size = [](auto& context) { x3::_val(context).array_sizes.push_back(x3::_attr(context)); };
const auto note_old_array = [](auto& context) {
  State& state = state_of(context);
  const auto range = x3::_attr(context);
  const Span span = state.span(&*range.begin(), &*range.begin() + range.size());
  x3::_val(context).array_span = span;
  state.note_old("old-array-syntax", span,
                 "an array's sizes are written before its element type today: `array" +
                     std::string(range.begin(), range.end()) + "` before the type");
};

const x3::rule<struct DeclaratorClass, Declarator> declarator{"a name"};
const auto declarator_def =
    spanned(identifier[([](auto& context) { x3::_val(context).name = x3::_attr(context); })] >>
            -x3::raw[x3::lit('[') > expression[add_old_size] > *(x3::lit(',') > expression[add_old_size]) >
                     closing_bracket][note_old_array] >>
            -(x3::lit('=') >> !x3::lit('=') >
              expression[([](auto& context) { x3::_val(context).initializer = x3::_attr(context); })]));

const auto add_declarator = [](auto& context) { x3::_val(context).list.push_back(x3::_attr(context)); };
const x3::rule<struct DeclarationClass, Declarators> declaration{"a declaration"};
const auto declaration_def =
    spanned(sized_type[([](auto& context) { x3::_val(context).type = x3::_attr(context); })] >
            declarator[add_declarator] > *(x3::lit(',') > declarator[add_declarator]) > semicolon);

const auto append_declarations = [](auto& context) {
  Declarators& declarators = x3::_attr(context);
  for (Declarator& one : declarators.list) {
    const Span span = declarators.list.size() == 1 ? declarators.span : one.span;
    ast::SizedType type = declarators.type;
    if (!one.array_sizes.empty()) {
      type.old_array = one.array_span;
      type.array_sizes.insert(type.array_sizes.begin(), one.array_sizes.begin(), one.array_sizes.end());
    }
    x3::_val(context).push_back(std::make_shared<const Statement>(
        Statement{ast::Declaration{std::move(type), one.name, one.initializer}, span}));
  }
};
const auto append_statement = [](auto& context) { x3::_val(context).push_back(pointer(context)); };

// `s <- sigma;`, an older assignment, reads as the comparison `s < -sigma`, whose value nobody uses.
struct Arrow {
  ExpressionPtr target, value;
  Span place;
};
ExpressionPtr with(const ExpressionPtr& expression, auto node, Span span) {
  return std::make_shared<const ast::Expression>(ast::Expression{std::move(node), span, expression->height});
}
// Without the minus at its beginning, which is the arrow's.
ExpressionPtr without_minus(const ExpressionPtr& expression, std::uint32_t place) {
  const auto rest = [&](auto& node, ExpressionPtr& first) {
    first = without_minus(first, place);
    const Span span{first->span.begin, expression->span.end, expression->span.source};
    return with(expression, std::move(node), span);
  };
  if (const auto* unary = std::get_if<ast::Unary>(&expression->node)) return unary->operand;
  if (auto binary = std::get_if<ast::Binary>(&expression->node)) {
    ast::Binary copy = *binary;
    return rest(copy, copy.left);
  }
  if (auto conditional = std::get_if<ast::Conditional>(&expression->node)) {
    ast::Conditional copy = *conditional;
    return rest(copy, copy.condition);
  }
  throw InternalError("an arrow whose minus is not found");
}
std::optional<Arrow> find_arrow(const State& state, const ExpressionPtr& expression) {
  if (const auto* binary = std::get_if<ast::Binary>(&expression->node)) {
    const Span place{binary->operator_span.begin, binary->operator_span.begin + 2, binary->operator_span.source};
    if (binary->op == ast::BinaryOperator::less && state.source.slice(place) == "<-")
      return Arrow{binary->left, without_minus(binary->right, place.begin + 1), place};
    auto found = find_arrow(state, binary->left);
    if (!found) return found;
    ast::Binary copy = *binary;
    copy.left = found->value;
    const Span span = join(copy.left->span, copy.right->span);
    found->value = with(expression, std::move(copy), span);
    return found;
  }
  if (const auto* conditional = std::get_if<ast::Conditional>(&expression->node)) {
    auto found = find_arrow(state, conditional->condition);
    if (!found) return found;
    ast::Conditional copy = *conditional;
    copy.condition = found->value;
    const Span span = join(copy.condition->span, copy.if_false->span);
    found->value = with(expression, std::move(copy), span);
    return found;
  }
  return std::nullopt;
}

// ---- statements that begin with an expression

const x3::rule<struct TruncationClass, ast::Truncation> truncation{"a truncation"};
const auto truncation_def =
    spanned(x3::lexeme[x3::lit('T') >> &(*x3::space >> '[')] > opening_bracket >
            -expression[([](auto& context) { x3::_val(context).lower = x3::_attr(context); })] > comma >
            -expression[([](auto& context) { x3::_val(context).upper = x3::_attr(context); })] > closing_bracket);

const x3::rule<struct TildeTailClass, ast::Tilde> tilde_tail{"a distribution"};
const auto add_argument = [](auto& context) { x3::_val(context).arguments.push_back(x3::_attr(context)); };
const x3::rule<struct DistributionNameClass, ast::Identifier> distribution_name{"a distribution"};
const auto distribution_name_def = identifier[([](auto& context) { x3::_val(context) = x3::_attr(context); })];
const auto tilde_tail_def =
    x3::lit('~') > distribution_name[([](auto& context) { x3::_val(context).distribution = x3::_attr(context); })] >
    opening_parenthesis > -(expression[add_argument] > *(x3::lit(',') > expression[add_argument])) > closing_parenthesis
    > -truncation[([](auto& context) { x3::_val(context).truncation = x3::_attr(context); })] > semicolon;

template <typename Parser>
auto assignment_symbol(Parser parser, AssignmentOperator op) {
  return parser >> x3::eps[([op](auto& context) { x3::_val(context).op = op; })];
}
const auto assignment_operator = assignment_symbol(x3::lit('=') >> !x3::lit('='), AssignmentOperator::assign) |
                                 assignment_symbol(x3::lit("+="), AssignmentOperator::add) |
                                 assignment_symbol(x3::lit("-="), AssignmentOperator::subtract) |
                                 assignment_symbol(x3::lit("*="), AssignmentOperator::multiply) |
                                 assignment_symbol(x3::lit("/="), AssignmentOperator::divide) |
                                 assignment_symbol(x3::lit(".*="), AssignmentOperator::elementwise_multiply) |
                                 assignment_symbol(x3::lit("./="), AssignmentOperator::elementwise_divide);

const x3::rule<struct AssignmentTailClass, ast::Assignment> assignment_tail{"an assignment"};
const auto assignment_tail_def =
    assignment_operator > expression[([](auto& context) { x3::_val(context).value = x3::_attr(context); })] > semicolon;

const auto set_node = [](auto& context) { x3::_val(context).node = x3::_attr(context); };
const x3::rule<struct TailClass, Statement> tail{"`~`, `=`, `+=` or `;`"};
const auto tail_def =
    tilde_tail[set_node] | assignment_tail[set_node] | (x3::lit(';') >> x3::eps[set(ast::CallStatement{})]);

const x3::rule<struct ExpressionStatementClass, Statement> expression_statement{"a statement"};
const auto begin_with = [](auto& context) { x3::_val(context).node = ast::CallStatement{x3::_attr(context)}; };
const auto finish_with = [](auto& context) {
  Statement& statement = x3::_val(context);
  const ExpressionPtr first = std::get<ast::CallStatement>(statement.node).call;
  statement.node = x3::_attr(context).node;
  if (auto* tilde = std::get_if<ast::Tilde>(&statement.node)) tilde->left = first;
  else if (auto* assignment = std::get_if<ast::Assignment>(&statement.node)) assignment->target = first;
  else {
    State& state = state_of(context);
    if (const auto arrow = find_arrow(state, first)) {
      state.note_old("arrow-assignment", arrow->place, "assignment is written `=` today",
                     Fix{arrow->place, "=", "write `=`"});
      statement.node = ast::Assignment{arrow->target, AssignmentOperator::assign, arrow->value};
    } else {
      std::get<ast::CallStatement>(statement.node).call = first;
    }
  }
};
const auto expression_statement_def = expression[begin_with] > tail[finish_with];

// ---- the others

template <typename Member>
auto store(Member member) {
  return [member](auto& context) { x3::_val(context).*member = x3::_attr(context); };
}
const auto store_body = [](auto& context) { x3::_val(context).body = pointer(context); };

struct ForParts {
  ast::Identifier variable;
  ExpressionPtr first, last;
  StatementPtr body;
};
const x3::rule<struct ForClass, ForParts> for_parts{"a loop"};
const auto for_parts_def = word("for") > opening_parenthesis > identifier[store(&ForParts::variable)] > keyword_in >
                           expression[store(&ForParts::first)] >
                           -(x3::lit(':') > expression[store(&ForParts::last)]) > closing_parenthesis
                           > statement[store_body];
const auto make_for = [](auto& context) {
  const ForParts& parts = x3::_attr(context);
  if (parts.last) x3::_val(context).node = ast::For{parts.variable, parts.first, parts.last, parts.body};
  else x3::_val(context).node = ast::ForEach{parts.variable, parts.first, parts.body};
};

const x3::rule<struct WhileClass, ast::While> while_loop{"a loop"};
const auto while_loop_def = word("while") > opening_parenthesis > expression[store(&ast::While::condition)] >
                            closing_parenthesis > statement[store_body];

const x3::rule<struct IfClass, ast::If> if_else{"an if"};
const auto if_else_def = word("if") > opening_parenthesis > expression[store(&ast::If::condition)] >
                         closing_parenthesis >
                         statement[([](auto& context) { x3::_val(context).then_body = pointer(context); })] >
                         -(word("else") >
                           statement[([](auto& context) { x3::_val(context).else_body = pointer(context); })]);

const x3::rule<struct ArgumentListClass, std::vector<ExpressionPtr>> argument_list{"arguments"};
const auto push = [](auto& context) { x3::_val(context).push_back(x3::_attr(context)); };
const auto argument_list_def = opening_parenthesis >
                               -(expression[push] > *(x3::lit(',') > expression[push])) > closing_parenthesis
                               > semicolon;

const auto jacobian_increment = word("jacobian") >> x3::lit("+=") > expression[([](auto& context) {
                                  x3::_val(context).node = ast::TargetIncrement{x3::_attr(context), true};
                                })] > semicolon;
const auto target_increment = word("target") >> x3::lit("+=") > expression[([](auto& context) {
                                x3::_val(context).node = ast::TargetIncrement{x3::_attr(context)};
                              })] > semicolon;
const auto return_statement =
    word("return") > x3::eps[set(ast::Return{})] >
    -expression[([](auto& context) { x3::_val(context).node = ast::Return{x3::_attr(context)}; })] > semicolon;
const auto print_statement =
    word("print") > argument_list[([](auto& context) { x3::_val(context).node = ast::Print{x3::_attr(context)}; })];
const auto reject_statement =
    (word("reject") | word("fatal_error")) >
    argument_list[([](auto& context) { x3::_val(context).node = ast::Reject{x3::_attr(context)}; })];
const auto block = x3::lit('{') >
                   statement_list[([](auto& context) { x3::_val(context).node = ast::Block{x3::_attr(context)}; })] >
                   closing_brace;

// `{a, b} ~ ...` begins with a list: no block is without a semicolon before its brace closes.
const x3::rule<struct BracesClass> braces{"a list"};
const auto braces_def = x3::lit('{') >> *(braces | (x3::char_ - x3::char_("{};"))) >> x3::lit('}');
const auto begins_with_list = &(braces >> x3::lit('~'));

// Its time is nobody's here: what it holds is a block.
const auto profile_block = word("profile") >> opening_parenthesis >
                           x3::lexeme['"' > x3::omit[*(x3::char_ - '"')] > '"'] > closing_parenthesis > block;

const auto statement_def =
    nested(spanned((!begins_with_list >> block) | (x3::lit(';') >> x3::eps[set(ast::Empty{})]) | for_parts[make_for] |
                   while_loop[set_node] | if_else[set_node] | (word("break") > x3::eps[set(ast::Break{})] > semicolon) |
                   (word("continue") > x3::eps[set(ast::Continue{})] > semicolon) | return_statement | print_statement |
                   reject_statement | target_increment | jacobian_increment | profile_block |
                   expression_statement[([](auto& context) { x3::_val(context).node = x3::_attr(context).node; })]));

// A declaration or statement whose syntax error does not end the parse.
const x3::rule<struct GuardedClass, std::vector<StatementPtr>> guarded{"a statement"};
const auto guarded_def = declaration[append_declarations] | statement[append_statement];
const auto append_all = [](auto& context) {
  for (StatementPtr& one : x3::_attr(context)) x3::_val(context).push_back(std::move(one));
};
const auto statement_list_def = *((!x3::lit('}')) >> guarded[append_all]);

struct GuardedClass : Recover {};

BOOST_SPIRIT_DEFINE(braces, distribution_name, declarator, declaration, truncation, tilde_tail, assignment_tail, tail,
                    expression_statement, for_parts, while_loop, if_else, argument_list, guarded)

} // namespace

BOOST_SPIRIT_DEFINE(statement, statement_list)
BOOST_SPIRIT_INSTANTIATE(StatementRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(StatementListRule, Iterator, Context)

} // namespace sibyl::grammar
