// The types that every rule of the grammar is instantiated for, so that rules can be defined in separate files.
#pragma once

#include "lang/grammar/state.hpp"

#include <boost/spirit/home/x3.hpp>

#include <algorithm>
#include <functional>

// A failed expectation of `rule[action]` is called by the rule's name, not by the type of the action.
namespace boost::spirit::x3 {
template <typename Subject, typename Action>
struct get_info<action<Subject, Action>> {
  using result_type = std::string;
  std::string operator()(const action<Subject, Action>& parser) const { return what(parser.subject); }
};

// A sequence is called by what it begins with, and so is a choice: its branches bear one name.
template <typename Left, typename Right>
struct get_info<sequence<Left, Right>> {
  using result_type = std::string;
  std::string operator()(const sequence<Left, Right>& parser) const { return what(parser.left); }
};
template <typename Left, typename Right>
struct get_info<alternative<Left, Right>> {
  using result_type = std::string;
  std::string operator()(const alternative<Left, Right>& parser) const { return what(parser.left); }
};
} // namespace boost::spirit::x3

namespace sibyl::grammar {

namespace x3 = boost::spirit::x3;

using Iterator = const char*;

const auto skipper = x3::space | (x3::lit('#') >> *(x3::char_ - x3::eol)) | (x3::lit("//") >> *(x3::char_ - x3::eol)) |
                     (x3::lit("/*") >> *(x3::char_ - x3::lit("*/")) >> x3::lit("*/"));
using Skipper = std::remove_const_t<decltype(skipper)>;

struct StateTag;
using Context = x3::context<StateTag, std::reference_wrapper<State>, x3::phrase_parse_context<Skipper>::type>;

template <typename SomeContext>
State& state_of(const SomeContext& context) {
  return x3::get<StateTag>(context).get();
}

// `parser`, and the rule's value gets the range of text that it matched. (A rule with semantic actions has no attribute
// of its own in X3, so that the usual annotation by on_success cannot reach its value.)
template <typename Parser>
auto spanned(Parser parser) {
  const auto begin = [](auto& context) {
    State& state = state_of(context);
    const char* place = state.next_token(&*x3::_where(context).begin());
    x3::_val(context).span = state.span(place, place);
  };
  const auto end = [](auto& context) {
    State& state = state_of(context);
    Span& span = x3::_val(context).span;
    span.end =
        std::max(span.begin, state.span(state.begin(), state.previous_token_end(&*x3::_where(context).begin())).end);
  };
  return x3::eps[begin] >> parser >> x3::eps[end];
}

// `parser`, one level deeper than what is around it.
template <typename Subject>
struct Nested : x3::unary_parser<Subject, Nested<Subject>> {
  using base_type = x3::unary_parser<Subject, Nested<Subject>>;
  static constexpr bool is_pass_through_unary = true;
  static constexpr bool handles_container = Subject::handles_container;
  explicit Nested(const Subject& subject) : base_type(subject) {}

  template <typename SomeContext, typename RuleContext, typename Attribute>
  bool parse(Iterator& first, const Iterator& last, const SomeContext& context, RuleContext& rule_context,
             Attribute& attribute) const {
    State& state = state_of(context);
    if (state.depth == deepest_nesting) {
      const char* place = state.next_token(first);
      throw TooDeep{state.span(place, place + state.token_at(place).size()), "this is nested too deeply"};
    }
    struct Level {
      int& depth;
      explicit Level(int& counter) : depth(counter) { ++depth; }
      ~Level() { --depth; }
    } const level(state.depth);
    return this->subject.parse(first, last, context, rule_context, attribute);
  }
};
template <typename Parser>
auto nested(const Parser& parser) {
  return Nested<typename x3::extension::as_parser<Parser>::value_type>(x3::as_parser(parser));
}

} // namespace sibyl::grammar

namespace boost::spirit::x3 {
template <typename Subject>
struct get_info<sibyl::grammar::Nested<Subject>> {
  using result_type = std::string;
  std::string operator()(const sibyl::grammar::Nested<Subject>& parser) const { return what(parser.subject); }
};
} // namespace boost::spirit::x3

namespace sibyl::grammar {

// Part `i` of what a sequence matched.
template <int i, typename SomeContext>
auto& part(SomeContext& context) {
  return boost::fusion::at_c<i>(x3::_attr(context));
}

// Rules at which parsing goes on after an error: the error is reported and the text skipped to a safe place.
struct Recover {
  template <typename SomeContext>
  x3::error_handler_result on_error(Iterator& first, const Iterator& last,
                                    const x3::expectation_failure<Iterator>& error, const SomeContext& context) {
    State& state = state_of(context);
    report_expectation(state, error.where(), error.which());
    first = recovery_point(state, error.where());
    if (first >= last) first = last;
    return x3::error_handler_result::accept;
  }
};

} // namespace sibyl::grammar
