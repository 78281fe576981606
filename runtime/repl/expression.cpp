#include "runtime/repl/expression.hpp"

#include "compiler/compile.hpp"
#include "lang/check.hpp"
#include "lang/errors.hpp"
#include "lang/parse.hpp"
#include "runtime/data/draws.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>
#include <utility>

namespace sibyl::repl {

namespace {

constexpr std::array<std::string_view, 7> reductions = {"mean", "sd", "variance", "median", "min", "max", "quantile"};

std::string declaration(const VariableFact& variable) {
  std::vector<std::string> array_sizes, sizes;
  for (std::size_t d = 0; d < variable.dimensions.size(); ++d)
    (d < static_cast<std::size_t>(variable.array_rank) ? array_sizes : sizes).push_back(variable.dimensions[d].size);
  std::string text = array_sizes.empty() ? "" : fmt::format("array[{}] ", fmt::join(array_sizes, ", "));
  text += variable.base;
  if (!sizes.empty()) text += fmt::format("[{}]", fmt::join(sizes, ", "));
  return fmt::format("  {} {};\n", text, variable.name);
}

// The declared type of a variable that takes a value of this type, its sizes those of `value`.
std::string type_for(const Type& type, const std::string& value) {
  std::string element = "(" + value + ")";
  std::vector<std::string> array_sizes;
  for (int level = 0; level < type.array_rank; ++level) {
    array_sizes.push_back("size(" + element + ")");
    element += "[1]";
  }
  const std::string prefix = array_sizes.empty() ? "" : fmt::format("array[{}] ", fmt::join(array_sizes, ", "));
  switch (type.base) {
  case Base::integer: return prefix + "int";
  case Base::vector: return prefix + "vector[num_elements(" + element + ")]";
  case Base::row_vector: return prefix + "row_vector[num_elements(" + element + ")]";
  case Base::matrix: return prefix + "matrix[rows(" + element + "), cols(" + element + ")]";
  default: return prefix + "real";
  }
}

// The text that computes an expression from variables given as data.
class Question {
 public:
  Question(const ast::ExpressionPtr& expression, const Source& input, std::uint32_t number, const CurrentDraws& draws,
           const std::string& functions)
      : draws_(draws), facts_(draws.model->facts()),
        expression_(input.slice({expression->span.begin, expression->span.end})), number_(number),
        begin_(expression->span.begin) {
    head_ = functions + "data {\n";
    for (std::size_t v = 0; v < facts_.variables.size(); ++v) head_ += declaration(facts_.variables[v]);
    head_ += "}\ntransformed data {\n  ";
    names_in(expression, names_, calls_);
    while (facts_.find(result_) >= 0) result_ += "_";
  }

  // The expression's type, or nothing and the reasons.
  std::optional<Type> type(Diagnostics& diagnostics, const Inputs& inputs) const {
    const Assembled text = assemble("print(", ");");
    const ParseResult parsed = parse(text.source);
    CheckResult checked;
    if (parsed.program) checked = check(*parsed.program, text.source);
    for (const Diagnostic& one : parsed.program ? checked.diagnostics : parsed.diagnostics)
      if (one.severity == Severity::error) diagnostics.push_back(one);
    diagnostics = text.to_inputs(std::move(diagnostics), inputs);
    if (!checked.program) return std::nullopt;
    return std::get<typed::Print>(checked.program->transformed_data.back()->node).arguments.front()->type;
  }

  void answer(const Type& type, EvaluatedExpression& result, const std::atomic<std::int32_t>* interrupted) const {
    const Assembled text = assemble(type_for(type, expression_) + " " + result_ + " = ", ";");
    const CompileResult compiled = compile(text.source);
    if (!compiled.model) throw InternalError("the expression was checked, and yet does not compile");
    const std::vector<Needed> needed = find_needed(compiled.model->facts());
    const auto output = static_cast<std::size_t>(compiled.model->facts().find(result_));
    ModelCall call(compiled.model, Precision::f64);
    if (interrupted) call.set_interrupt_flag(interrupted);
    const auto width = static_cast<std::size_t>(call.lanes());
    result.is_integer = type.base == Base::integer;
    const bool draws_values =
        std::ranges::any_of(calls_, [](const std::string& name) { return name.ends_with("_rng"); });
    const bool varies = draws_values || std::ranges::any_of(needed, [&](const Needed& one) { return one.varies; });
    result.count = varies ? draws_.count : 1;
    std::vector<std::size_t> missing;
    for (std::size_t first = 0; first < result.count; first += width) {
      if (interrupted && *interrupted) throw RuntimeError("interrupted");
      const std::size_t active = std::min(width, result.count - first);
      std::vector<std::size_t> which(active);
      std::iota(which.begin(), which.end(), 0);
      call.bind(gather_lanes(needed, compiled.model->facts().variables.size(), first, active), which);
      call.run("transform_data", {.seed = 1, .first_index = first});
      for (std::size_t lane = 0; lane < active; ++lane) {
        const int number = static_cast<int>(lane);
        if (call.failed(number)) result.failed.add(call.failed_check(number), [&] { return reason(call, number); });
        else if (lacks_inputs(needed, first + lane))
          result.failed.add(-1, [] { return std::string("it has missing values"); });
        else {
          read(call, output, number, result);
          continue;
        }
        missing.push_back(first + lane);
      }
    }
    result.failed.count_tries(result.count);
    if (missing.size() == result.count) throw RuntimeError("in a draw, " + result.failed.first());
    const std::size_t width_of_one = result.stride();
    for (const std::size_t draw : missing)
      result.values.insert(result.values.begin() + static_cast<std::ptrdiff_t>(draw * width_of_one), width_of_one,
                           std::numeric_limits<double>::quiet_NaN());
  }

 private:
  struct Needed {
    std::size_t target, source; // numbers in the question's facts and in the draws'
    bool varies;
  };

  Assembled assemble(const std::string& before, const std::string& behind) const {
    const auto begin = static_cast<std::uint32_t>(head_.size() + before.size());
    const auto end = static_cast<std::uint32_t>(begin + expression_.size());
    return {Source("expression", head_ + before + expression_ + behind + "\n}\n"), {{begin, end, number_, begin_}}};
  }

  // What the expression reads, and the sizes of that.
  std::vector<Needed> find_needed(const Facts& facts) const {
    std::set<std::string> wanted = names_;
    for (std::size_t v = facts_.variables.size(); v-- > 0;) {
      if (!wanted.contains(facts_.variables[v].name)) continue;
      for (const DimensionFact& dimension : facts_.variables[v].dimensions) {
        std::string word;
        for (const char c : dimension.size + " ") {
          if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') word += c;
          else if (!word.empty()) wanted.insert(std::exchange(word, ""));
        }
      }
    }
    std::vector<Needed> needed;
    for (std::size_t v = 0; v < facts_.variables.size(); ++v) {
      const std::string& name = facts_.variables[v].name;
      if (!wanted.contains(name)) continue;
      const VariableBatch* values = draws_.find(v);
      if (!values) throw UserError(fmt::format("`{}` has no values in {}", name, draws_.origin));
      needed.push_back({static_cast<std::size_t>(facts.find(name)), v, values == &draws_.varying.variables[v]});
    }
    return needed;
  }

  DataBatch gather_lanes(const std::vector<Needed>& needed, std::size_t variable_count, std::size_t first,
                         std::size_t active) const {
    DataBatch batch;
    batch.count = active;
    batch.variables.resize(variable_count);
    for (const Needed& one : needed) {
      const VariableBatch& source = *draws_.find(one.source);
      VariableBatch& target = batch.variables[one.target];
      target.present = true;
      target.capacity = source.capacity;
      for (std::size_t lane = 0; lane < active; ++lane) {
        const std::size_t row = one.varies ? first + lane : 0;
        for (std::size_t d = 0; d < source.rank(); ++d) target.sizes.push_back(source.size(row, d));
        target.values.insert(target.values.end(), source.row(row), source.row(row) + source.stride());
      }
    }
    return batch;
  }

  static std::string reason(const ModelCall& call, int lane) {
    const std::string text = call.failure(lane);
    const std::size_t place = text.find(": "); // the place is in a text that nobody sees
    return place == text.npos ? text : text.substr(place + 2);
  }

  // Generated quantities of a draw that failed.
  bool lacks_inputs(const std::vector<Needed>& needed, std::size_t draw) const {
    return std::ranges::any_of(needed, [&](const Needed& one) {
      const Role role = facts_.variables[one.source].role;
      if (!one.varies || (role != Role::generated && role != Role::transformed_parameter)) return false;
      const std::vector<double> values = draws_.values(one.source, draw);
      return !values.empty() && std::ranges::all_of(values, [](double value) { return std::isnan(value); });
    });
  }

  void read(const ModelCall& call, std::size_t output, int lane, EvaluatedExpression& result) const {
    const VariableBatch value = call.read(output, std::span(&lane, 1));
    const std::vector<std::int64_t> extents(value.sizes.begin(), value.sizes.end());
    if (result.values.empty()) result.extents = extents;
    else if (extents != result.extents)
      throw UserError("the size of this differs between the draws; make one number of it, such as mean(...)");
    for_each_element(std::span(value.sizes), value.capacity,
                     [&](std::size_t, std::size_t padded) { result.values.push_back(value.values[padded]); });
  }

  const CurrentDraws& draws_;
  const Facts& facts_;
  std::string expression_, head_, result_ = "value";
  std::uint32_t number_, begin_;
  std::set<std::string> names_, calls_;
};

bool is_condition(const ast::ExpressionPtr& expression) {
  if (const auto* inner = std::get_if<ast::Parenthesized>(&expression->node)) return is_condition(inner->inner);
  if (const auto* unary = std::get_if<ast::Unary>(&expression->node))
    return unary->op == ast::UnaryOperator::logical_not;
  const auto* binary = std::get_if<ast::Binary>(&expression->node);
  return binary && binary->op <= ast::BinaryOperator::greater_equal;
}

double number_in(const ast::ExpressionPtr& expression) {
  if (const auto* real = std::get_if<ast::RealLiteral>(&expression->node)) return real->value;
  if (const auto* integer = std::get_if<ast::IntegerLiteral>(&expression->node))
    return static_cast<double>(integer->value);
  return std::numeric_limits<double>::quiet_NaN();
}

// The argument of a reduction over draws, where it is a number in each draw.
ast::ExpressionPtr reduced(const ast::ExpressionPtr& expression, EvaluatedExpression& result) {
  const auto* call = std::get_if<ast::Call>(&expression->node);
  if (!call || !is_reduction(call->function.name)) return nullptr;
  const bool is_quantile = call->function.name == "quantile";
  if (call->arguments.size() != (is_quantile ? 2 : 1)) return nullptr;
  if (is_quantile) {
    result.probability = number_in(call->arguments[1]);
    if (!(result.probability >= 0 && result.probability <= 1)) return nullptr;
  }
  result.reduction = call->function.name;
  return call->arguments.front();
}

} // namespace

bool is_reduction(const std::string& function) { return std::ranges::find(reductions, function) != reductions.end(); }

bool EvaluatedExpression::is_constant() const {
  const std::size_t width = stride();
  for (std::size_t i = width; i < values.size(); ++i)
    if (values[i] != values[i - width]) return false;
  return true;
}

EvaluatedExpression evaluate(const ast::ExpressionPtr& expression, const Source& input, std::uint32_t number,
                             const CurrentDraws& draws, const std::string& functions, const Inputs& inputs,
                             const std::atomic<std::int32_t>* interrupted) {
  EvaluatedExpression result;
  if (const ast::ExpressionPtr inner = reduced(expression, result)) {
    const Question question(inner, input, number, draws, functions);
    Diagnostics ignored;
    const auto type = question.type(ignored, inputs);
    if (type && type->is_scalar()) {
      question.answer(*type, result, interrupted);
      return result;
    }
    result = {};
  }
  const Question question(expression, input, number, draws, functions);
  const auto type = question.type(result.diagnostics, inputs);
  if (!type) return result;
  result.is_condition = type->is_scalar() && is_condition(expression);
  question.answer(*type, result, interrupted);
  return result;
}

double reduce(const EvaluatedExpression& expression) {
  std::vector<double> x = expression.values;
  if (expression.failed.count() > 0) std::erase_if(x, [](double value) { return std::isnan(value); });
  const auto n = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  if (expression.reduction == "mean") return mean;
  if (expression.reduction == "sd" || expression.reduction == "variance") {
    double squares = 0;
    for (const double value : x) squares += (value - mean) * (value - mean);
    const double variance = squares / (n - 1);
    return expression.reduction == "sd" ? std::sqrt(variance) : variance;
  }
  std::vector<double> sorted = x;
  std::ranges::sort(sorted);
  if (expression.reduction == "min") return sorted.front();
  if (expression.reduction == "max") return sorted.back();
  return sorted_quantile(sorted, expression.reduction == "median" ? 0.5 : expression.probability);
}

} // namespace sibyl::repl
