// Libraries that we link have a C++ runtime of their own within them, which sets memory aside for the exception that
// there would be no memory for. Whoever opens and closes many libraries must get it back.
#pragma once

#include <cstddef> // defines __GLIBCXX__

#ifdef __GLIBCXX__
namespace __gnu_cxx {
void __freeres();
}

namespace sibyl {
__attribute__((destructor)) static inline void release_exception_memory() { __gnu_cxx::__freeres(); }
} // namespace sibyl
#endif
