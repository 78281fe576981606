#include "compiler/math/philox.hpp"

#include "compiler/math/functions.hpp"
#include "compiler/interface/philox.hpp"
#include "compiler/math/vector_math.hpp"

#include <numbers>

namespace sibyl {

using llvm::IRBuilderBase;
using llvm::Type;
using llvm::Value;
using math::Lane;
using math::Operations;

namespace {

// The words' integers as numbers: unsigned, or signed.
Value* unsigned_number(IRBuilderBase& b, Value* word, Type* type) { return b.CreateUIToFP(word, type); }

Type* lanes_of(Value* word, Type* real) { return word->getType()->getWithNewType(real); }

// sin and cos of 2 pi s / 2^32 for the signed word s (plus `fraction` of its last bit). The quarter turn is split off
// in integers, exactly.
math::SineCosine turn_by_word(Operations& o, Value* word, Value* fraction) {
  IRBuilderBase& b = o.builder();
  Type* words = word->getType();
  const auto constant = [&](std::uint32_t value) { return llvm::ConstantInt::get(words, value); };
  Value* quadrant = b.CreateAShr(b.CreateAdd(word, constant(0x20000000u)), constant(30));
  Value* rest = b.CreateSub(word, b.CreateShl(quadrant, constant(30)));
  Lane r = o.wrap(b.CreateSIToFP(rest, o.type()));
  if (fraction) r = r + o.wrap(fraction);
  r = r * o.number(std::numbers::pi / 2 * 0x1p-30);
  return math::turn(o, math::reduced_sine_cosine(o, r), o.wrap(b.CreateSExtOrBitCast(quadrant, o.integer_type())));
}

} // namespace

std::array<Value*, 4> emit_philox(IRBuilderBase& b, std::array<Value*, 4> counter, std::array<Value*, 2> key) {
  Type* words = counter[0]->getType();
  Type* wide = words->getWithNewType(b.getInt64Ty());
  const auto constant = [&](std::uint32_t value) { return llvm::ConstantInt::get(words, value); };
  struct Product {
    Value *high, *low;
  };
  const auto multiply_one = [&](std::uint32_t factor, Value* word) -> Product {
    Value* product = b.CreateMul(b.CreateZExt(word, wide), llvm::ConstantInt::get(wide, factor));
    return {b.CreateTrunc(b.CreateLShr(product, 32), words), b.CreateTrunc(product, words)};
  };
  // Pairs of lanes as 64-bit numbers: the even lanes' products, the odd lanes' products, and two shuffles, where
  // widening each lane and narrowing again would take twice as many instructions.
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(words);
  const auto multiply_pairs = [&](std::uint32_t factor, Value* word) -> Product {
    const int lanes = static_cast<int>(vector->getNumElements());
    Type* pairs = llvm::FixedVectorType::get(b.getInt64Ty(), static_cast<unsigned>(lanes / 2));
    Value* both = b.CreateBitCast(word, pairs);
    const auto times = [&](Value* number) {
      return b.CreateBitCast(b.CreateMul(number, llvm::ConstantInt::get(pairs, factor)), words);
    };
    Value* even = times(b.CreateAnd(both, llvm::ConstantInt::get(pairs, 0xffffffffu)));
    Value* odd = times(b.CreateLShr(both, 32));
    std::vector<int> high, low;
    for (int lane = 0; lane < lanes; lane += 2) {
      low.insert(low.end(), {lane, lanes + lane});
      high.insert(high.end(), {lane + 1, lanes + lane + 1});
    }
    return {b.CreateShuffleVector(even, odd, high), b.CreateShuffleVector(even, odd, low)};
  };
  const auto multiply = [&](std::uint32_t factor, Value* word) {
    return vector && vector->getNumElements() % 2 == 0 ? multiply_pairs(factor, word) : multiply_one(factor, word);
  };
  for (int round = 0; round < philox::rounds; ++round) {
    const Product first = multiply(philox::multipliers[0], counter[0]),
                  second = multiply(philox::multipliers[1], counter[2]);
    counter = {b.CreateXor(b.CreateXor(second.high, counter[1]), key[0]), second.low,
               b.CreateXor(b.CreateXor(first.high, counter[3]), key[1]), first.low};
    key = {b.CreateAdd(key[0], constant(philox::key_increments[0])),
           b.CreateAdd(key[1], constant(philox::key_increments[1]))};
  }
  return counter;
}

std::vector<Value*> emit_uniforms(IRBuilderBase& b, const std::array<Value*, 4>& words, Type* real) {
  Operations o(b, lanes_of(words[0], real));
  const auto number = [&](Value* word, int drop) {
    return o.wrap(unsigned_number(b, b.CreateLShr(word, drop), o.type()));
  };
  std::vector<Value*> values;
  if (!o.is_double()) {
    for (Value* word : words) values.push_back(((number(word, 9) + o.number(0.5)) * o.number(0x1p-23)).value);
  } else {
    for (int i = 0; i < 4; i += 2) {
      const Lane bits = o.fma(number(words[static_cast<std::size_t>(i)], 6), o.number(0x1p26),
                              number(words[static_cast<std::size_t>(i) + 1], 6));
      values.push_back(((bits + o.number(0.5)) * o.number(0x1p-52)).value);
    }
  }
  return values;
}

std::vector<Value*> emit_normals(IRBuilderBase& b, const std::array<Value*, 4>& words, Type* real) {
  Operations o(b, lanes_of(words[0], real));
  std::vector<Value*> values;
  const auto add = [&](Lane uniform, Value* angle, Value* fraction) {
    Value* logarithm = emit_math(b, ir::MathFunction::log, {uniform.value});
    const Lane radius = o.square_root(o.number(-2) * o.wrap(logarithm));
    const math::SineCosine turned = turn_by_word(o, angle, fraction);
    values.push_back((radius * turned.cosine).value);
    values.push_back((radius * turned.sine).value);
  };
  const auto number = [&](Value* word) { return o.wrap(unsigned_number(b, word, o.type())); };
  if (!o.is_double()) {
    for (std::size_t i = 0; i < 4; i += 2)
      add((number(words[i]) + o.number(0.5)) * o.number(0x1p-32), words[i + 1], nullptr);
  } else {
    const Lane low = (number(b.CreateLShr(words[1], 11)) + o.number(0.5)) * o.number(0x1p-53);
    add(o.fma(number(words[0]), o.number(0x1p-32), low), words[2], (number(words[3]) * o.number(0x1p-32)).value);
  }
  return values;
}

} // namespace sibyl
