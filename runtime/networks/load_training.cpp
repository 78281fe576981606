#include "runtime/networks/training_interface.hpp"

#include "lang/errors.hpp"
#include "runtime/data/installed_file.hpp"

#include <cstdlib>
#include <dlfcn.h>

namespace sibyl {

TrainFunction load_training() {
  static const TrainFunction train = [] {
    // Threads that spin while they wait would take the cores from the simulator's, and ones that sleep at once wake late:
    // they spin for some microseconds. Read when the library is loaded.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    setenv("GOMP_SPINCOUNT", "20000", 0);
    const std::string path = find_installed_file("libsibyl_training.so");
    if (path.empty())
      throw UserError("training needs libsibyl_training.so, which is not beside Sibyl; build it with LibTorch");
    // Loaded for good: LibTorch does not survive being unloaded.
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
      if (void* symbol = dlsym(library, "sibyl_train")) return reinterpret_cast<TrainFunction>(symbol);
    throw UserError("the training library cannot be loaded: " + std::string(dlerror()));
  }();
  return train;
}

} // namespace sibyl
