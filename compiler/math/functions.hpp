// The bodies of the math functions; vector_math.cpp makes each a function of the module.
#pragma once

#include "compiler/math/lane_operations.hpp"

namespace sibyl::math {

// exponential.cpp
Lane exponential(Operations& o, Lane x);
Lane exponential_minus_one(Operations& o, Lane x);
Lane exponential_base_two(Operations& o, Lane x);
Lane logarithm(Operations& o, Lane x);
Lane logarithm_one_plus(Operations& o, Lane x);
Lane power(Operations& o, Lane x, Lane y);
Lane cube_root(Operations& o, Lane x);
Lane hyperbolic_sine(Operations& o, Lane x);
Lane hyperbolic_cosine(Operations& o, Lane x);
Lane hyperbolic_tangent(Operations& o, Lane x);
Lane inverse_hyperbolic_sine(Operations& o, Lane x);
Lane inverse_hyperbolic_cosine(Operations& o, Lane x);
Lane inverse_hyperbolic_tangent(Operations& o, Lane x);

// trigonometric.cpp
struct SineCosine {
  Lane sine, cosine;
};
// Of |r| <= pi / 4.
SineCosine reduced_sine_cosine(Operations& o, Lane r);
// The sine and cosine of r + quadrant pi / 2; `quadrant` is an integer of the lanes' integer type.
SineCosine turn(Operations& o, SineCosine reduced, Lane quadrant);
SineCosine sine_cosine(Operations& o, Lane x);
Lane arc_tangent(Operations& o, Lane x);
Lane arc_tangent_2(Operations& o, Lane y, Lane x);
Lane arc_sine(Operations& o, Lane x);
Lane arc_cosine(Operations& o, Lane x);

// special.cpp
Lane log_gamma(Operations& o, Lane x);
Lane gamma(Operations& o, Lane x);
Lane digamma(Operations& o, Lane x);
Lane trigamma(Operations& o, Lane x);
Lane error_function(Operations& o, Lane x);
Lane complementary_error_function(Operations& o, Lane x);
Lane normal_quantile(Operations& o, Lane p);

} // namespace sibyl::math
