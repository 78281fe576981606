// The standard library: every file under stdlib/, embedded in the program, parsed and checked once per process.
#pragma once

#include "lang/source.hpp"
#include "lang/typed.hpp"

#include <memory>
#include <vector>

namespace sibyl {

// Throws InternalError with the rendered diagnostics when a file of the library is wrong. Safe to call from several
// threads.
std::shared_ptr<const typed::Library> standard_library();

// The library's texts, numbered as in Span::source: element 0 is null (the user's text), then the files.
const std::vector<const Source*>& standard_library_sources();

} // namespace sibyl
