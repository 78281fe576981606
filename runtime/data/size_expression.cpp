#include "runtime/data/size_expression.hpp"

#include <cctype>

namespace sibyl {

namespace {

using Value = std::optional<std::int64_t>;

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)); }

class Evaluator {
 public:
  Evaluator(std::string_view text, const std::function<Value(std::string_view)>& lookup)
      : text_(text), lookup_(lookup) {}

  Value run() {
    const Value value = sum();
    skip_space();
    return at_ == text_.size() ? value : Value{};
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Value sum() {
    Value left = product();
    while (left) {
      const bool plus = accept('+');
      if (!plus && !accept('-')) break;
      const Value right = product();
      std::int64_t result = 0;
      if (!right || (plus ? __builtin_add_overflow(*left, *right, &result)
                          : __builtin_sub_overflow(*left, *right, &result)))
        return {};
      left = result;
    }
    return left;
  }

  Value product() {
    Value left = factor();
    while (left) {
      const bool times = accept('*');
      if (!times && !accept('/')) break;
      const Value right = factor();
      std::int64_t result = 0;
      if (!right || (!times && *right == 0)) return {};
      if (times ? __builtin_mul_overflow(*left, *right, &result)
                : *right == -1 && __builtin_sub_overflow(0, *left, &result)) // the only quotient that does not fit
        return {};
      left = times ? result : *left / *right;
    }
    return left;
  }

  Value factor() {
    constexpr int most_nested = 256;
    if (nested_ == most_nested) return {};
    ++nested_;
    const Value value = nested_factor();
    --nested_;
    return value;
  }

  Value nested_factor() {
    if (accept('-')) {
      const Value value = factor();
      std::int64_t result = 0;
      return value && !__builtin_sub_overflow(0, *value, &result) ? Value(result) : Value{};
    }
    if (accept('(')) {
      const Value value = sum();
      return accept(')') ? value : Value{};
    }
    skip_space();
    const std::size_t begin = at_;
    if (at_ < text_.size() && is_digit(text_[at_])) {
      std::int64_t number = 0;
      bool fits = true;
      for (; at_ < text_.size() && is_digit(text_[at_]); ++at_)
        fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, text_[at_] - '0', &number);
      return fits ? Value(number) : Value{};
    }
    if (at_ < text_.size() && starts_name(text_[at_])) {
      while (at_ < text_.size() && (starts_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
      return lookup_(text_.substr(begin, at_ - begin));
    }
    return {};
  }

  std::string_view text_;
  const std::function<Value(std::string_view)>& lookup_;
  std::size_t at_ = 0;
  int nested_ = 0;
};

} // namespace

std::optional<std::int64_t>
evaluate_size(std::string_view expression,
              const std::function<std::optional<std::int64_t>(std::string_view name)>& lookup) {
  return Evaluator(expression, lookup).run();
}

} // namespace sibyl
