// The names of the functions of Stan's library (functions reference 2.38), distributions' aside: a text cannot define
// one of them anew for the same arguments, while it may bear the name of a helper of our own library. Those that we do
// not have get a message that says so.
#pragma once

#include <string_view>

namespace sibyl::checking {

bool is_function_of_stan(std::string_view name);

} // namespace sibyl::checking
