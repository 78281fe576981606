// The standard library: every file under stdlib/, embedded in the program. A file is parsed when one of its names is
// first looked up, and a body checked when it is first used: a small model needs little of it.
//
// All of it may be called from several threads. A file of the library that is wrong throws InternalError with the
// rendered diagnostics.
#pragma once

#include "lang/source.hpp"
#include "lang/typed.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sibyl {

// The overloads of that name, in the order of the files; empty where there is none.
const std::vector<std::shared_ptr<const typed::Function>>& library_functions(const std::string& name);
// Null where there is none. The name is that of its file.
std::shared_ptr<const typed::Distribution> library_distribution(const std::string& name);
std::shared_ptr<const typed::Transform> library_transform(const std::string& name);

const std::vector<std::string>& library_function_names();
const std::vector<std::string>& library_distribution_names();

// What a use of it needs: checks the bodies of the function, or of all members, and of whatever they call.
void complete(const typed::Function& function);
void complete(const typed::Distribution& distribution);
void complete(const typed::Transform& transform);

// All of it, complete.
std::shared_ptr<const typed::Library> standard_library();

} // namespace sibyl
