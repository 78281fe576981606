// Walks over typed trees.
#pragma once

#include "lang/typed.hpp"

#include <functional>

namespace sibyl::typed {

// Calls `visit` for the expression and every expression nested in it.
void for_each_expression(const ExpressionPtr& expression, const std::function<void(const ExpressionPtr&)>& visit);

} // namespace sibyl::typed
