// What the C++ runtime asks for and a page does not have.
//
// Debian's C++ library for WebAssembly has no exceptions. The sources throw them all the same (-fignore-exceptions: a
// throw calls the functions below, and no handler is ever reached). The message is kept for
// sibyl_sampler_last_error and the call is given up; the page's worker then starts the module anew.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <typeinfo>

namespace sibyl {

void keep_last_error(const char* text); // library.cpp

// There are no files here: readers by path are never called, but stand in the same sources as those of texts.
std::string read_file(const std::string&) { std::abort(); }

} // namespace sibyl

extern "C" {

void* __cxa_allocate_exception(std::size_t size) noexcept { return std::malloc(size); }

// A page's thread does not end.
int __cxa_thread_atexit(void (*)(void*), void*, void*) noexcept { return 0; }

void __cxa_free_exception(void* object) noexcept { std::free(object); }

// Every exception that is thrown derives from std::exception, which comes first in it.
[[noreturn]] void __cxa_throw(void* object, std::type_info*, void (*)(void*)) {
  const char* text = static_cast<std::exception*>(object)->what();
  // "[json.exception.parse_error.101] " helps nobody.
  if (std::strncmp(text, "[json.", 6) == 0)
    if (const char* end = std::strstr(text, "] ")) text = end + 2;
  sibyl::keep_last_error(text);
  __builtin_trap();
}

} // extern "C"
