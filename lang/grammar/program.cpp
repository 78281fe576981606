#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

namespace sibyl::grammar {

using ast::BlockKind;

namespace {

// ---- functions

const x3::rule<struct ArgumentClass, ast::Argument> argument{"an argument"};
const auto argument_def = -(word("data")[([](auto& context) { x3::_val(context).data_only = true; })]) >>
                          unsized_type[([](auto& context) { x3::_val(context).type = x3::_attr(context); })] >
                          identifier[([](auto& context) { x3::_val(context).name = x3::_attr(context); })];

const x3::rule<struct BodyClass, ast::Statement> body{"`{`"};
const auto body_def = &x3::lit('{') >> statement[([](auto& context) { x3::_val(context) = x3::_attr(context); })];
const auto add_argument = [](auto& context) { x3::_val(context).arguments.push_back(x3::_attr(context)); };
const auto function_definition_def =
    spanned(-(word("elementwise")[([](auto& context) { x3::_val(context).elementwise = true; })]) >>
            unsized_type[([](auto& context) { x3::_val(context).result = x3::_attr(context); })] >
            identifier[([](auto& context) { x3::_val(context).name = x3::_attr(context); })] > opening_parenthesis >
            -(argument[add_argument] > *(x3::lit(',') > argument[add_argument])) > closing_parenthesis >
            (body[([](auto& context) {
               x3::_val(context).body = std::make_shared<const ast::Statement>(std::move(x3::_attr(context)));
             })] |
             x3::lit(';')));

// ---- blocks

struct Keyword {
  BlockKind kind = BlockKind::model;
  Span span;
};
template <typename Parser>
auto block_name(Parser parser, BlockKind kind) {
  return parser >> x3::eps[([kind](auto& context) { x3::_val(context).kind = kind; })];
}
const x3::rule<struct KeywordClass, Keyword> keyword{"a block"};
const auto keyword_def =
    spanned(block_name(word("functions"), BlockKind::functions) | block_name(word("data"), BlockKind::data) |
            block_name(word("design"), BlockKind::design) |
            block_name(word("transformed") >> word("data"), BlockKind::transformed_data) |
            block_name(word("parameters"), BlockKind::parameters) |
            block_name(word("transformed") >> word("parameters"), BlockKind::transformed_parameters) |
            block_name(word("model"), BlockKind::model) |
            block_name(word("generated") >> word("quantities"), BlockKind::generated_quantities));

const x3::rule<struct BlockClass, ast::ProgramBlock> block{"a block"};
const auto set_keyword = [](auto& context) {
  x3::_val(context).kind = x3::_attr(context).kind;
  x3::_val(context).keyword = x3::_attr(context).span;
};
const auto is_functions = [](auto& context) { x3::_pass(context) = x3::_val(context).kind == BlockKind::functions; };
const auto set_statements = [](auto& context) { x3::_val(context).statements = std::move(x3::_attr(context)); };
const auto add_function = [](auto& context) { x3::_val(context).functions.push_back(x3::_attr(context)); };
const auto block_def = spanned(keyword[set_keyword] > opening_brace >
                               ((x3::eps[is_functions] > *((!x3::lit('}')) >> function_definition[add_function])) |
                                statement_list[set_statements]) > closing_brace);

const auto end_of_text = x3::rule<struct EndOfTextClass>{"a block"} = x3::eoi;
const auto program_def =
    *block[([](auto& context) { x3::_val(context).blocks.push_back(std::move(x3::_attr(context))); })] > end_of_text;

struct ArgumentClass {};
BOOST_SPIRIT_DEFINE(argument, body, keyword, block)

} // namespace

BOOST_SPIRIT_DEFINE(function_definition, program)
BOOST_SPIRIT_INSTANTIATE(FunctionRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(ProgramRule, Iterator, Context)

} // namespace sibyl::grammar
