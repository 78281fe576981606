#include "lang/constrained_types.hpp"
#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

namespace sibyl::grammar {

using ast::BaseType;

namespace {

const auto scalar_type = [] {
  x3::symbols<BaseType> types;
  types.add("int", BaseType::integer)("real", BaseType::real);
  return types;
}();
const auto container_type = [] {
  x3::symbols<BaseType> types;
  types.add("vector", BaseType::vector)("row_vector", BaseType::row_vector)("matrix", BaseType::matrix);
  return types;
}();

const auto scalar_name = x3::rule<struct ScalarNameClass, BaseType>{"a type"} =
    x3::lexeme[scalar_type >> !identifier_character];
const auto container_name = x3::rule<struct ContainerNameClass, BaseType>{"a type"} =
    x3::lexeme[container_type >> !identifier_character];
const auto is_constrained_name = [](auto& context) {
  const auto range = x3::_attr(context);
  x3::_val(context) = std::string(range.begin(), range.end());
  x3::_pass(context) = constrained_type_names().contains(x3::_val(context));
};
const auto constrained_name = x3::rule<struct ConstrainedNameClass, std::string>{"a type"} =
    x3::lexeme[x3::raw[x3::alpha >> *identifier_character][is_constrained_name]];

const x3::rule<struct ConstraintClass, ast::Constraint> constraint{"bounds"};
template <typename Member>
auto constraint_part(const char* name, Member member) {
  return word(name) > equals_sign >
         bound[([member](auto& context) { x3::_val(context).*member = x3::_attr(context); })];
}
const x3::rule<struct OneConstraintClass, ast::Constraint> one_constraint{"`lower`, `upper`, `offset` or `multiplier`"};
const auto one_constraint_def =
    constraint_part("lower", &ast::Constraint::lower) | constraint_part("upper", &ast::Constraint::upper) |
    constraint_part("offset", &ast::Constraint::offset) | constraint_part("multiplier", &ast::Constraint::multiplier);
const auto merge = [](auto& context) {
  const ast::Constraint& one = x3::_attr(context);
  ast::Constraint& all = x3::_val(context);
  const auto both = [](const ast::ExpressionPtr& a, const ast::ExpressionPtr& b) { return a && b; };
  if (both(one.lower, all.lower) || both(one.upper, all.upper) || both(one.offset, all.offset) ||
      both(one.multiplier, all.multiplier)) {
    const auto& again = one.lower ? one.lower : one.upper ? one.upper : one.offset ? one.offset : one.multiplier;
    state_of(context).diagnostics.push_back(
        {.code = "repeated-bound", .message = "this bound is given twice", .primary = {again->span, ""}});
  }
  if (one.lower) all.lower = one.lower;
  if (one.upper) all.upper = one.upper;
  if (one.offset) all.offset = one.offset;
  if (one.multiplier) all.multiplier = one.multiplier;
};
const auto constraint_def =
    spanned(x3::lit('<') > one_constraint[merge] > *(x3::lit(',') > one_constraint[merge]) > closing_angle);

const auto set_base = [](auto& context) { x3::_val(context).base = x3::_attr(context); };
const auto set_constraint = [](auto& context) { x3::_val(context).constraint = x3::_attr(context); };
const auto add_array_size = [](auto& context) { x3::_val(context).array_sizes.push_back(x3::_attr(context)); };
const auto add_size = [](auto& context) { x3::_val(context).sizes.push_back(x3::_attr(context)); };

const auto array_prefix = word("array") > opening_bracket > expression[add_array_size] >
                          *(x3::lit(',') > expression[add_array_size]) > closing_bracket;
const auto set_constrained = [](auto& context) { x3::_val(context).constrained = x3::_attr(context); };
const auto container_base = container_name[set_base] | constrained_name[set_constrained];
const auto add_part = [](auto& context) {
  x3::_val(context).base = BaseType::tuple;
  x3::_val(context).parts.push_back(x3::_attr(context));
};
template <typename Part>
auto tuple_of(const Part& part) {
  return word("tuple") > opening_parenthesis > part[add_part] > comma > part[add_part] >
         *(x3::lit(',') > part[add_part]) > closing_parenthesis;
}
const auto sized_base = (scalar_name[set_base] >> -constraint[set_constraint]) |
                        (container_base >> -constraint[set_constraint] > opening_bracket > expression[add_size] >
                         *(x3::lit(',') > expression[add_size]) > closing_bracket) |
                        tuple_of(sized_type);

const auto count_dimension = [](auto& context) { ++x3::_val(context).array_dimensions; };
const auto unsized_array = word("array") > opening_bracket > x3::eps[count_dimension] >
                           *x3::lit(',')[count_dimension] > closing_bracket;
const auto note_old_array = [](auto& context) {
  State& state = state_of(context);
  const auto range = x3::_attr(context);
  const Span span = state.span(&*range.begin(), &*range.begin() + range.size());
  state.note_old("old-array-syntax", span,
                 "`array" + std::string(range.begin(), range.end()) + "` is written before the element type today");
};
const auto old_array =
    x3::raw[x3::lit('[') > x3::eps[count_dimension] > *x3::lit(',')[count_dimension] > closing_bracket][note_old_array];
const auto set_unsized = [](auto& context) { x3::_val(context).base = x3::_attr(context); };

const auto sized_type_def = nested(spanned((array_prefix > sized_base) | sized_base));
const auto unsized_type_def =
    nested(spanned(word("void") | (-unsized_array >> (scalar_name[set_unsized] | container_name[set_unsized] |
                                                      tuple_of(unsized_type)) >>
                                   -old_array)));

BOOST_SPIRIT_DEFINE(one_constraint, constraint)

} // namespace

BOOST_SPIRIT_DEFINE(sized_type, unsized_type)
BOOST_SPIRIT_INSTANTIATE(SizedTypeRule, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(UnsizedTypeRule, Iterator, Context)

} // namespace sibyl::grammar
