#include "runtime/training/training_interface.hpp"

#include "lang/errors.hpp"
#include "lang/files/installed_file.hpp"

#include <cstdlib>
#include <dlfcn.h>

namespace sibyl {

namespace {

// OpenBLAS knows processors by name, and takes one that is younger than itself for one without AVX: products are then
// several times slower. Read when the library is loaded; another BLAS ignores it.
void name_processor_for_openblas() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) setenv("OPENBLAS_CORETYPE", "HASWELL", 0);
#endif
}

} // namespace

void set_training_environment() {
  // Threads that spin while they wait would take the cores from the simulator's, and ones that sleep at once wake late:
  // they spin for some 50 microseconds (a pause takes 40 ns on younger processors).
  setenv("OMP_WAIT_POLICY", "passive", 0);
  setenv("GOMP_SPINCOUNT", "1000", 0);
  name_processor_for_openblas();
}

TrainFunction load_training() {
  static const TrainFunction train = [] {
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
