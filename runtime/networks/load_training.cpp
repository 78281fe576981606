#include "runtime/networks/training_interface.hpp"

#include "lang/errors.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>

namespace sibyl {

TrainFunction load_training() {
  static const TrainFunction train = [] {
    namespace fs = std::filesystem;
    // Threads that spin while they wait would take the cores from the simulator's, and ones that sleep at once wake late:
    // they spin for some microseconds. Read when the library is loaded.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    setenv("GOMP_SPINCOUNT", "20000", 0);
    const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
    std::string tried;
    for (const fs::path& folder : {program / "../lib", program / "../lib/sibyl", program}) {
      const fs::path path = folder / "libsibyl_training.so";
      if (!fs::exists(path)) continue;
      // Loaded for good: LibTorch does not survive being unloaded.
      if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
        if (void* symbol = dlsym(library, "sibyl_train")) return reinterpret_cast<TrainFunction>(symbol);
      tried = dlerror();
    }
    throw UserError(
        tried.empty()
            ? "training needs libsibyl_training.so, which is not beside the program; build Sibyl with LibTorch"
            : "the training library cannot be loaded: " + tried);
  }();
  return train;
}

} // namespace sibyl
