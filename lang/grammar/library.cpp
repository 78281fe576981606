#include "lang/grammar/lexical.hpp"
#include "lang/grammar/rules.hpp"

namespace sibyl::grammar {

namespace {

const x3::rule<struct SupportClass, ast::Support> support{"a support"};
const auto set_support = [](auto& context) { x3::_val(context).type = x3::_attr(context); };
const auto support_def = spanned(word("support") > sized_type[set_support] > semicolon);

const x3::rule<struct RequirementClass, ast::Requirement> requirement{"a requirement"};
const auto requirement_def =
    spanned(word("require") > expression[([](auto& context) { x3::_val(context).condition = x3::_attr(context); })] >
            -(word("to") > word("draw"))[([](auto& context) { x3::_val(context).to_draw = true; })] > semicolon);

const auto set_name = [](auto& context) { x3::_val(context).name = x3::_attr(context); };
const auto add_argument = [](auto& context) {
  x3::_val(context).arguments.push_back({part<0>(context), part<1>(context)});
};
const auto argument = unsized_type > identifier;
const auto arguments = opening_parenthesis >
                       -(argument[add_argument] > *(x3::lit(',') > argument[add_argument])) > closing_parenthesis;
const auto add_function = [](auto& context) { x3::_val(context).functions.push_back(x3::_attr(context)); };

const x3::rule<struct MeaningClass, ast::Meaning> meaning{"a distribution"};
const auto add_value = [](auto& context) { x3::_val(context).arguments.push_back(x3::_attr(context)); };
const auto meaning_def = word("means") >
                         identifier[([](auto& context) { x3::_val(context).distribution = x3::_attr(context); })] >
                         opening_parenthesis > expression[add_value] >
                         *(x3::lit(',') > expression[add_value]) > closing_parenthesis > semicolon;

const x3::rule<struct DistributionClass, ast::DistributionDefinition> distribution{"a distribution"};
const auto distribution_def =
    spanned(word("distribution") > identifier[set_name] > arguments > opening_brace >
            (+meaning[([](auto& context) { x3::_val(context).meanings.push_back(x3::_attr(context)); })] |
             (support[([](auto& context) { x3::_val(context).support = x3::_attr(context); })] >
              *requirement[([](auto& context) { x3::_val(context).requirements.push_back(x3::_attr(context)); })] >
              *((!x3::lit('}')) >> function_definition[add_function]))) > closing_brace);

// The name of a constrained type is no identifier.
const auto transform_name = x3::rule<struct TransformNameClass, ast::Identifier>{"a name"} =
    spanned(x3::lexeme[x3::raw[x3::alpha >> *identifier_character][([](auto& context) {
      const auto range = x3::_attr(context);
      x3::_val(context).name = std::string(range.begin(), range.end());
    })]]);
const x3::rule<struct TransformClass, ast::TransformDefinition> transform{"a transform"};
const auto transform_def =
    spanned(word("transform") > transform_name[set_name] > arguments > opening_brace > word("constrained") >
            sized_type[([](auto& context) { x3::_val(context).constrained = x3::_attr(context); })] > semicolon >
            word("unconstrained") >
            expression[([](auto& context) { x3::_val(context).unconstrained_size = x3::_attr(context); })] > semicolon >
            *requirement[([](auto& context) { x3::_val(context).requirements.push_back(x3::_attr(context)); })] >
            *((!x3::lit('}')) >> function_definition[add_function]) > closing_brace);

const auto end_of_text = x3::rule<struct LibraryEndClass>{"a definition"} = x3::eoi;
const auto library_def =
    *(distribution[([](auto& context) { x3::_val(context).distributions.push_back(x3::_attr(context)); })] |
      transform[([](auto& context) { x3::_val(context).transforms.push_back(x3::_attr(context)); })] |
      function_definition[add_function]) > end_of_text;

BOOST_SPIRIT_DEFINE(support, requirement, meaning, distribution, transform)

} // namespace

BOOST_SPIRIT_DEFINE(library)
BOOST_SPIRIT_INSTANTIATE(LibraryRule, Iterator, Context)

} // namespace sibyl::grammar
