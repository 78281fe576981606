#include "compiler/ir/typing.hpp"

#include <fmt/format.h>

namespace sibyl::ir {
namespace {

class Signature {
 public:
  Signature(Op op, const SignatureContext& context) : context_(context) {
    const std::string_view text = fact(op).signature;
    const std::size_t arrow = text.find('>');
    operands_ = text.substr(0, arrow);
    result_ = arrow + 1 < text.size() ? text[arrow + 1] : ' ';
  }

  Fit fit(const std::vector<Type>& given) {
    if (std::string mismatch = count(given.size()); !mismatch.empty()) return {Type::none, std::move(mismatch)};
    std::size_t operand = 0;
    for (std::size_t i = 0; i < operands_.size() && operands_[i] != '.'; ++i) {
      if (operands_[i] == '*') continue;
      for (std::size_t left = times(i); left > 0; --left, ++operand)
        if (!fits(operands_[i], given[operand]))
          return {Type::none, fmt::format("operand {} has the wrong type", operand)};
    }
    return {result(), ""};
  }

 private:
  std::size_t times(std::size_t letter) const {
    return letter + 1 < operands_.size() && operands_[letter + 1] == '*' ? context_.repeats : 1;
  }

  std::string count(std::size_t given) const {
    std::size_t expected = 0;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i] == '.') return given < expected ? fmt::format("fewer than {} operands", expected) : "";
      if (operands_[i] != '*') expected += times(i);
    }
    return given == expected ? "" : fmt::format("{} operands instead of {}", given, expected);
  }

  bool fits(char letter, Type type) {
    switch (letter) {
    case 'r': return type == Type::real;
    case 'i': return type == Type::integer;
    case 'b': return type == Type::boolean;
    case 'e': return type == context_.element;
    case 'o': return type != Type::none && type != result();
    case 'n':
      if (type == Type::boolean) return false;
      [[fallthrough]];
    default: // n and a
      if (alike_ == Type::none) alike_ = type;
      return type != Type::none && type == alike_;
    }
  }

  Type result() const {
    switch (result_) {
    case 'r': return Type::real;
    case 'i': return Type::integer;
    case 'b': return Type::boolean;
    case 'e': return context_.element;
    case 't': return context_.own;
    case ' ': return Type::none;
    default: return alike_;
    }
  }

  const SignatureContext& context_;
  std::string_view operands_;
  char result_;
  Type alike_ = Type::none; // of the operands n or a
};

} // namespace

Fit fit(Op op, const std::vector<Type>& operands, const SignatureContext& context) {
  return Signature(op, context).fit(operands);
}

} // namespace sibyl::ir
