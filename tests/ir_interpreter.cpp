#include "tests/ir_interpreter.hpp"

#include "compiler/ir/evaluate.hpp"
#include "compiler/ir/math.hpp"
#include "lang/errors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sibyl::test {
namespace {

using namespace ir;

// By recurrence up to where the asymptotic series is exact in double.
double digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return std::numeric_limits<double>::quiet_NaN();
  if (x < 0) return digamma(1 - x) - M_PI / std::tan(M_PI * x);
  long double sum = 0, y = x;
  for (; y < 20; y += 1) sum -= 1 / y;
  const long double r = 1 / (y * y);
  return static_cast<double>(
      sum + std::log(y) - 0.5L / y -
      r * (1 / 12.0L - r * (1 / 120.0L - r * (1 / 252.0L - r * (1 / 240.0L - r * (1 / 132.0L))))));
}

double trigamma(double x) {
  long double sum = 0, y = x;
  for (; y < 20; y += 1) sum += 1 / (y * y);
  const long double r = 1 / (y * y);
  return static_cast<double>(sum + 1 / y + r / 2 +
                             r / y * (1 / 6.0L - r * (1 / 30.0L - r * (1 / 42.0L - r * (1 / 30.0L)))));
}

double inv_Phi(double p) { // by bisection of the normal distribution function
  if (!(p >= 0 && p <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
  if (p > 0.5) return -inv_Phi(1 - p);
  double low = -40, high = 0.5;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double special(MathFunction function, double x) {
  switch (function) {
  case MathFunction::digamma: return digamma(x);
  case MathFunction::trigamma: return trigamma(x);
  case MathFunction::inv_Phi: return inv_Phi(x);
  default: throw InternalError("the interpreter lacks a mathematical function");
  }
}

enum class Flow { next, break_, continue_, stop };

class Interpreter {
 public:
  Interpreter(const Function& function, Call& call) : function_(function), call_(call) {}

  // Of a callee; what it gives, unless the call has failed.
  std::vector<double> run_with(std::vector<double> arguments) {
    arguments_ = std::move(arguments);
    start();
    block(function_.body);
    if (!tape_.empty()) throw InternalError("a callee leaves something on the tape");
    return given_;
  }

  void run() {
    start();
    call_.failure.reset();
    call_.printed.clear();
    bind();
    block(function_.body);
    call_.tape_left = tape_.size();
    unbind();
  }

 private:
  struct Saved {
    Type type;
    double value;
  };

  void start() {
    values_.assign(function_.value_count, 0);
    types_.assign(function_.value_count, Type::none);
    cells_.assign(function_.cells.size(), 0);
    arrays_.assign(function_.arrays.size(), {});
  }

  Flow call(const Instruction& instruction) {
    if (!call_.model) throw InternalError("a call without the model that has the callee");
    const std::vector<double> results =
        Interpreter(call_.model->callees.at(instruction.id), call_).run_with(values(instruction, 0));
    if (call_.failure) return Flow::stop;
    results_[instruction.result] = results;
    define(instruction, results.at(0));
    return Flow::next;
  }

  void bind() {
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      const Array& array = function_.arrays[i];
      const auto count = static_cast<std::int32_t>(call_.unconstrained.size());
      switch (array.binding) {
      case Binding::variable:
        if (auto found = call_.variables.find(array.variable); found != call_.variables.end())
          arrays_[i] = found->second;
        break;
      case Binding::unconstrained_in: arrays_[i] = {{count}, call_.unconstrained}; break;
      case Binding::gradient: arrays_[i] = {{count}, std::vector<double>(call_.unconstrained.size(), NAN)}; break;
      case Binding::log_density: arrays_[i] = {{}, {NAN}}; break;
      case Binding::include_jacobian: arrays_[i] = {{}, {call_.include_jacobian ? 1.0 : 0.0}}; break;
      default: break;
      }
    }
  }

  void unbind() {
    for (std::size_t i = 0; i < arrays_.size(); ++i) {
      const Array& array = function_.arrays[i];
      switch (array.binding) {
      case Binding::variable: call_.variables[array.variable] = arrays_[i]; break;
      case Binding::unconstrained_out: call_.unconstrained = arrays_[i].values; break;
      case Binding::gradient: call_.gradient = arrays_[i].values; break;
      case Binding::log_density: call_.log_density = arrays_[i].values.at(0); break;
      default: break;
      }
    }
  }

  double value(const Instruction& instruction, std::size_t operand) const {
    return values_.at(instruction.operands.at(operand));
  }

  std::vector<double> values(const Instruction& instruction, std::size_t from) const {
    std::vector<double> result;
    for (std::size_t i = from; i < instruction.operands.size(); ++i) result.push_back(value(instruction, i));
    return result;
  }

  double& element(const Instruction& instruction, std::size_t first_index) {
    Tensor& tensor = arrays_.at(instruction.id);
    std::size_t flat = 0;
    for (std::size_t d = 0; d < tensor.sizes.size(); ++d) {
      const double index = value(instruction, first_index + d);
      if (!(index >= 0 && index < tensor.sizes[d])) throw InternalError("index out of range");
      flat = flat * static_cast<std::size_t>(tensor.sizes[d]) + static_cast<std::size_t>(index);
    }
    if (flat >= tensor.values.size()) throw InternalError("an array without storage");
    return tensor.values[flat];
  }

  void declare(const Instruction& instruction) {
    const Array& array = function_.arrays.at(instruction.id);
    Tensor tensor;
    std::size_t count = 1;
    for (std::size_t d = 0; d < instruction.operands.size(); ++d) {
      const double size = value(instruction, d);
      if (!(size >= 0)) throw InternalError("a negative size");
      tensor.sizes.push_back(static_cast<std::int32_t>(size));
      count *= static_cast<std::size_t>(size);
    }
    const double unset = array.element == Type::real ? NAN : std::numeric_limits<std::int32_t>::min();
    tensor.values.assign(count, instruction.number != 0 ? 0.0 : unset);
    arrays_.at(instruction.id) = std::move(tensor);
  }

  void define(const Instruction& instruction, double number) {
    values_.at(instruction.result) = number;
    types_.at(instruction.result) = instruction.type;
  }

  double pure(const Instruction& instruction) const {
    if (instruction.op == Op::constant) return instruction.number;
    std::vector<Type> types;
    for (ValueId operand : instruction.operands) types.push_back(types_.at(operand));
    if (auto number = evaluate(instruction.op, instruction.id, types, values(instruction, 0))) return *number;
    if (instruction.op == Op::math) return special(static_cast<MathFunction>(instruction.id), value(instruction, 0));
    throw InternalError("integer division by zero");
  }

  Flow block(const Block& instructions) {
    for (const Instruction& instruction : instructions)
      if (const Flow flow = execute(instruction); flow != Flow::next) return flow;
    return Flow::next;
  }

  // One iteration of the innermost loop; whether the loop goes on.
  bool iterate(const Block& body, Flow& flow) {
    flow = block(body);
    ++iterations_.back();
    if (flow == Flow::continue_) flow = Flow::next;
    return flow == Flow::next;
  }

  Flow loop(const std::function<void(Flow&)>& iterations) {
    Flow flow = Flow::next;
    iterations_.push_back(0);
    iterations(flow);
    iterations_.pop_back();
    return flow == Flow::stop ? Flow::stop : Flow::next;
  }

  Flow for_loop(const Instruction& instruction) {
    const auto first = static_cast<std::int64_t>(value(instruction, 0));
    const auto last = static_cast<std::int64_t>(value(instruction, 1));
    return loop([&](Flow& flow) {
      for (std::int64_t step = 0; step <= last - first; ++step) {
        define(instruction, static_cast<double>(instruction.number != 0 ? last - step : first + step));
        if (!iterate(instruction.blocks[0], flow)) return;
      }
    });
  }

  Flow while_loop(const Instruction& instruction) {
    return loop([&](Flow& flow) {
      while (true) {
        flow = block(instruction.blocks[0]);
        if (flow != Flow::next || values_.at(instruction.blocks[0].back().operands[0]) == 0) return;
        if (!iterate(instruction.blocks[1], flow)) return;
      }
    });
  }

  Flow execute(const Instruction& instruction) {
    ++call_.executed;
    switch (instruction.op) {
    case Op::load_cell: define(instruction, cells_.at(instruction.id)); return Flow::next;
    case Op::store_cell: cells_.at(instruction.id) = value(instruction, 0); return Flow::next;
    case Op::declare: declare(instruction); return Flow::next;
    case Op::load: define(instruction, element(instruction, 0)); return Flow::next;
    case Op::store: element(instruction, 1) = value(instruction, 0); return Flow::next;
    case Op::array_size:
      define(instruction, arrays_.at(instruction.id).sizes.at(static_cast<std::size_t>(instruction.number)));
      return Flow::next;
    case Op::draw_uniform:
    case Op::draw_normal:
      define(instruction, call_.draw(instruction.op, instruction.id, iterations_));
      return Flow::next;
    case Op::check:
      if (value(instruction, 0) != 0) return Flow::next;
      call_.failure = Report{instruction.id, values(instruction, 1)};
      return Flow::stop;
    case Op::reject: call_.failure = Report{instruction.id, values(instruction, 0)}; return Flow::stop;
    case Op::print: call_.printed.push_back({instruction.id, values(instruction, 0)}); return Flow::next;
    case Op::if_: return block(instruction.blocks[value(instruction, 0) != 0 ? 0 : 1]);
    case Op::for_: return for_loop(instruction);
    case Op::while_: return while_loop(instruction);
    case Op::yield: return Flow::next;
    case Op::break_: return Flow::break_;
    case Op::continue_: return Flow::continue_;
    case Op::tape_push: tape_.push_back({types_.at(instruction.operands[0]), value(instruction, 0)}); return Flow::next;
    case Op::tape_pop: {
      if (tape_.empty() || tape_.back().type != instruction.type) throw InternalError("a pop of the wrong type");
      define(instruction, tape_.back().value);
      tape_.pop_back();
      return Flow::next;
    }
    case Op::argument:
      define(instruction, arguments_.at(static_cast<std::size_t>(instruction.number)));
      return Flow::next;
    case Op::call: return call(instruction);
    case Op::has_stack: define(instruction, 1); return Flow::next;
    case Op::result_of:
      define(instruction, results_.at(instruction.operands[0]).at(static_cast<std::size_t>(instruction.number)));
      return Flow::next;
    case Op::give: given_ = values(instruction, 0); return Flow::next;
    default: define(instruction, pure(instruction)); return Flow::next;
    }
  }

  const Function& function_;
  Call& call_;
  std::vector<double> values_;
  std::vector<Type> types_;
  std::vector<double> cells_;
  std::vector<Tensor> arrays_;
  std::vector<Saved> tape_;
  std::vector<double> arguments_, given_;            // of a callee
  std::map<ValueId, std::vector<double>> results_;   // by call
  std::vector<std::int64_t> iterations_; // of the enclosing loops
};

} // namespace

void interpret(const Function& function, Call& call) { Interpreter(function, call).run(); }

} // namespace sibyl::test
