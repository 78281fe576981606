// Whether a variable passes a value from one iteration of a loop to the next.
#pragma once

#include "lang/typed.hpp"

#include <vector>

namespace sibyl {

// How often the statement, and those nested in it, read the variable's value; what gives the whole of it a value is no
// look at it.
int looks_at(const typed::StatementPtr& statement, typed::VariableId id);

// Whether the first statement of the loop's body that touches the variable gives the whole of it a value, without a
// look at the old one, and no statement outside of that loop reads it: then nothing passes on, though it is declared
// outside.
bool begins_anew(const typed::StatementPtr& body, typed::VariableId id, const typed::Program& program);
// The same where `all` are the statements that the variable is visible in.
bool begins_anew(const typed::StatementPtr& body, typed::VariableId id, const std::vector<typed::StatementPtr>& all);

} // namespace sibyl
