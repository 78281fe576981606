// Walks over typed trees.
#pragma once

#include "lang/typed.hpp"

#include <functional>

namespace sibyl::typed {

// Calls `visit` for the expression and every expression nested in it.
void for_each_expression(const ExpressionPtr& expression, const std::function<void(const ExpressionPtr&)>& visit);

// What a tuple holds that is none, from left to right; of anything else itself.
std::vector<ExpressionPtr> leaves(const ExpressionPtr& expression);

// Whether it is the log density of a variable, which it may then draw: of a number it is a number.
bool may_draw(const DistributionCall& call);

} // namespace sibyl::typed
