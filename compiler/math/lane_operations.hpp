// Arithmetic on lanes that reads like arithmetic: what the math functions are written with.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>

#include <initializer_list>
#include <span>

namespace sibyl::math {

// One value, scalar or vector, with the builder that continues it.
struct Lane {
  llvm::IRBuilderBase* builder = nullptr;
  llvm::Value* value = nullptr;
};

class Operations {
 public:
  // `type`: float, double, or a vector of one of them.
  Operations(llvm::IRBuilderBase& builder, llvm::Type* type)
      : builder_(builder), type_(type),
        integer_type_(type->getWithNewType(builder.getIntNTy(type->getScalarSizeInBits()))) {}

  llvm::IRBuilderBase& builder() const { return builder_; }
  llvm::Type* type() const { return type_; }
  llvm::Type* integer_type() const { return integer_type_; }
  bool is_double() const { return type_->getScalarType()->isDoubleTy(); }

  Lane wrap(llvm::Value* value) const { return {&builder_, value}; }
  Lane number(double value) const { return wrap(llvm::ConstantFP::get(type_, value)); }
  Lane integer(std::int64_t value) const { return wrap(llvm::ConstantInt::getSigned(integer_type_, value)); }

  // a b + c, fused where the machine can.
  Lane fma(Lane a, Lane b, Lane c) const {
    return wrap(builder_.CreateIntrinsic(llvm::Intrinsic::fmuladd, {type_}, {a.value, b.value, c.value}));
  }
  // a b + c with one rounding: for error terms, which need it.
  Lane exact_fma(Lane a, Lane b, Lane c) const {
    return wrap(builder_.CreateIntrinsic(llvm::Intrinsic::fma, {type_}, {a.value, b.value, c.value}));
  }
  Lane unary(llvm::Intrinsic::ID id, Lane a) const { return wrap(builder_.CreateUnaryIntrinsic(id, a.value)); }
  Lane absolute(Lane a) const { return unary(llvm::Intrinsic::fabs, a); }
  Lane square_root(Lane a) const { return unary(llvm::Intrinsic::sqrt, a); }
  Lane truncated(Lane a) const { return unary(llvm::Intrinsic::trunc, a); }
  Lane floor(Lane a) const { return unary(llvm::Intrinsic::floor, a); }
  Lane copy_sign(Lane magnitude, Lane sign) const {
    return wrap(builder_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude.value, sign.value));
  }
  Lane select(llvm::Value* condition, Lane if_true, Lane if_false) const {
    return wrap(builder_.CreateSelect(condition, if_true.value, if_false.value));
  }
  Lane bits(Lane a) const { return wrap(builder_.CreateBitCast(a.value, integer_type_)); }
  Lane from_bits(Lane a) const { return wrap(builder_.CreateBitCast(a.value, type_)); }

  // coefficients[0] + coefficients[1] x + ..., by Horner's rule.
  Lane polynomial(Lane x, std::span<const double> coefficients) const {
    Lane sum = number(coefficients.back());
    for (std::size_t i = coefficients.size() - 1; i-- > 0;) sum = fma(sum, x, number(coefficients[i]));
    return sum;
  }
  Lane polynomial(Lane x, std::initializer_list<double> coefficients) const {
    return polynomial(x, std::span<const double>(coefficients.begin(), coefficients.size()));
  }

 private:
  llvm::IRBuilderBase& builder_;
  llvm::Type* type_;
  llvm::Type* integer_type_;
};

inline Lane operator+(Lane a, Lane b) { return {a.builder, a.builder->CreateFAdd(a.value, b.value)}; }
inline Lane operator-(Lane a, Lane b) { return {a.builder, a.builder->CreateFSub(a.value, b.value)}; }
inline Lane operator*(Lane a, Lane b) { return {a.builder, a.builder->CreateFMul(a.value, b.value)}; }
inline Lane operator/(Lane a, Lane b) { return {a.builder, a.builder->CreateFDiv(a.value, b.value)}; }
inline Lane operator-(Lane a) { return {a.builder, a.builder->CreateFNeg(a.value)}; }
inline llvm::Value* operator<(Lane a, Lane b) { return a.builder->CreateFCmpOLT(a.value, b.value); }
inline llvm::Value* operator>(Lane a, Lane b) { return a.builder->CreateFCmpOGT(a.value, b.value); }
inline llvm::Value* operator<=(Lane a, Lane b) { return a.builder->CreateFCmpOLE(a.value, b.value); }
inline llvm::Value* operator>=(Lane a, Lane b) { return a.builder->CreateFCmpOGE(a.value, b.value); }
inline llvm::Value* operator==(Lane a, Lane b) { return a.builder->CreateFCmpOEQ(a.value, b.value); }

} // namespace sibyl::math
