#include "compiler/math/vector_math.hpp"

#include "compiler/math/functions.hpp"
#include "lang/errors.hpp"

#include <llvm/IR/Module.h>

#include <cmath>
#include <limits>
#include <string>

namespace sibyl {

namespace {

using ir::MathFunction;
using math::Lane;
using math::Operations;

// What is one instruction of the machine, or nearly; nothing for the others.
llvm::Value* emit_in_place(Operations& o, MathFunction function, llvm::ArrayRef<llvm::Value*> x) {
  const auto unary = [&](llvm::Intrinsic::ID id) { return o.unary(id, o.wrap(x[0])).value; };
  switch (function) {
  case MathFunction::sqrt: return unary(llvm::Intrinsic::sqrt);
  case MathFunction::fabs: return unary(llvm::Intrinsic::fabs);
  case MathFunction::floor: return unary(llvm::Intrinsic::floor);
  case MathFunction::ceil: return unary(llvm::Intrinsic::ceil);
  case MathFunction::trunc: return unary(llvm::Intrinsic::trunc);
  case MathFunction::fmin: return o.builder().CreateMinNum(x[0], x[1]);
  case MathFunction::fmax: return o.builder().CreateMaxNum(x[0], x[1]);
  default: return nullptr;
  }
}

Lane body(Operations& o, MathFunction function, Lane x, Lane y) {
  switch (function) {
  case MathFunction::exp: return math::exponential(o, x);
  case MathFunction::expm1: return math::exponential_minus_one(o, x);
  case MathFunction::exp2: return math::exponential_base_two(o, x);
  case MathFunction::log: return math::logarithm(o, x);
  case MathFunction::log1p: return math::logarithm_one_plus(o, x);
  case MathFunction::log2: return math::logarithm(o, x) * o.number(M_LOG2E);
  case MathFunction::log10: return math::logarithm(o, x) * o.number(M_LOG10E);
  case MathFunction::cbrt: return math::cube_root(o, x);
  case MathFunction::sin: return math::sine_cosine(o, x).sine;
  case MathFunction::cos: return math::sine_cosine(o, x).cosine;
  case MathFunction::tan: {
    const math::SineCosine both = math::sine_cosine(o, x);
    return both.sine / both.cosine;
  }
  case MathFunction::asin: return math::arc_sine(o, x);
  case MathFunction::acos: return math::arc_cosine(o, x);
  case MathFunction::atan: return math::arc_tangent(o, x);
  case MathFunction::atan2: return math::arc_tangent_2(o, x, y);
  case MathFunction::sinh: return math::hyperbolic_sine(o, x);
  case MathFunction::cosh: return math::hyperbolic_cosine(o, x);
  case MathFunction::tanh: return math::hyperbolic_tangent(o, x);
  case MathFunction::asinh: return math::inverse_hyperbolic_sine(o, x);
  case MathFunction::acosh: return math::inverse_hyperbolic_cosine(o, x);
  case MathFunction::atanh: return math::inverse_hyperbolic_tangent(o, x);
  case MathFunction::pow: return math::power(o, x, y);
  case MathFunction::lgamma: return math::log_gamma(o, x);
  case MathFunction::tgamma: return math::gamma(o, x);
  case MathFunction::digamma: return math::digamma(o, x);
  case MathFunction::trigamma: return math::trigamma(o, x);
  case MathFunction::erf: return math::error_function(o, x);
  case MathFunction::erfc: return math::complementary_error_function(o, x);
  case MathFunction::inv_Phi: return math::normal_quantile(o, x);
  case MathFunction::round: {
    // Halves away from zero. Adding 0.5 first would round 0.49999999999999994 up.
    const Lane whole = o.truncated(x), rest = o.absolute(x - whole);
    return o.copy_sign(o.absolute(whole) + o.select(rest >= o.number(0.5), o.number(1), o.number(0)), x);
  }
  case MathFunction::fmod: {
    // Exact while the quotient has fewer bits than the mantissa. The quotient may have been rounded up to a whole
    // number.
    const Lane a = o.absolute(x), b = o.absolute(y);
    Lane rest = o.exact_fma(-o.truncated(a / b), b, a);
    rest = o.select(rest < o.number(0), rest + b, rest);
    const Lane infinity = o.number(std::numeric_limits<double>::infinity());
    rest = o.select(o.builder().CreateAnd(b == infinity, a < infinity), a, rest);
    return o.copy_sign(rest, x);
  }
  case MathFunction::hypot: {
    const Lane a = o.absolute(x), b = o.absolute(y);
    const Lane larger = o.select(a > b, a, b), smaller = o.select(a > b, b, a), ratio = smaller / larger;
    const Lane value = larger * o.square_root(o.fma(ratio, ratio, o.number(1)));
    const Lane infinity = o.number(std::numeric_limits<double>::infinity());
    llvm::Value* plain = o.builder().CreateOr(larger == o.number(0), larger == infinity);
    return o.select(plain, larger, value);
  }
  default: throw InternalError("no code for the math function " + std::string(ir::name_of(function)));
  }
}

std::string symbol(MathFunction function, llvm::Type* type) {
  const bool is_double = type->getScalarType()->isDoubleTy();
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
  return "sibyl." + std::string(ir::name_of(function)) + (is_double ? ".f64x" : ".f32x") +
         std::to_string(vector ? vector->getNumElements() : 1);
}

// The module's function; made at its first use, with the attributes (machine features) of the code that uses it.
llvm::Function* function_for(llvm::IRBuilderBase& builder, MathFunction function, llvm::Type* type) {
  llvm::Function* user = builder.GetInsertBlock()->getParent();
  llvm::Module& module = *user->getParent();
  const std::string name = symbol(function, type);
  if (llvm::Function* made = module.getFunction(name)) return made;
  const std::vector<llvm::Type*> parameters(static_cast<std::size_t>(ir::arity(function)), type);
  auto* made = llvm::Function::Create(llvm::FunctionType::get(type, parameters, false), llvm::Function::InternalLinkage,
                                      name, module);
  llvm::AttrBuilder attributes(module.getContext(), user->getAttributes().getFnAttrs());
  attributes.addAttribute(llvm::Attribute::NoUnwind);
  attributes.addAttribute(llvm::Attribute::WillReturn);
  attributes.addMemoryAttr(llvm::MemoryEffects::none());
  made->addFnAttrs(attributes);
  llvm::IRBuilder<> inside(llvm::BasicBlock::Create(module.getContext(), "entry", made));
  inside.setFastMathFlags(builder.getFastMathFlags());
  Operations o(inside, type);
  const Lane x = o.wrap(made->getArg(0)), y = o.wrap(made->arg_size() > 1 ? made->getArg(1) : nullptr);
  inside.CreateRet(body(o, function, x, y).value);
  return made;
}

} // namespace

llvm::Value* emit_math(llvm::IRBuilderBase& builder, MathFunction function, llvm::ArrayRef<llvm::Value*> arguments) {
  Operations o(builder, arguments[0]->getType());
  if (llvm::Value* value = emit_in_place(o, function, arguments)) return value;
  return builder.CreateCall(function_for(builder, function, arguments[0]->getType()), arguments);
}

} // namespace sibyl
