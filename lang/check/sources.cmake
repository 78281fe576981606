set(SIBYL_CHECK_SOURCES
  types.cpp library.cpp
  check/accumulators.cpp check/calls.cpp check/declarations.cpp check/distributions.cpp check/expressions.cpp
  check/operators.cpp check/primitives.cpp check/program.cpp check/solvers.cpp check/stan_functions.cpp
  check/statements.cpp check/tuples.cpp)
