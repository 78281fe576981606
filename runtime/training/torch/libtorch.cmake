# LibTorch as the target sibyl_libtorch, and its libraries' paths as SIBYL_TORCH_LIBRARIES: the system's, or the one in
# a folder of CMAKE_PREFIX_PATH (pip's is site-packages/torch, 2.7 or younger: older ones have another ABI of strings).
#
# Not by LibTorch's own TorchConfig.cmake: one with CUDA asks for CUDA's compiler, which nothing here needs, and beside
# a system's LibTorch it takes some of the libraries from there.
find_path(SIBYL_TORCH_INCLUDE torch/csrc/api/include/torch/torch.h
  DOC "Folder with LibTorch's headers; its libraries are beside it" REQUIRED)
get_filename_component(torch_folder ${SIBYL_TORCH_INCLUDE} DIRECTORY)
foreach(name torch torch_cpu c10)
  find_library(SIBYL_TORCH_${name} ${name} PATHS ${torch_folder}/lib ${torch_folder}/lib/${CMAKE_LIBRARY_ARCHITECTURE}
    NO_DEFAULT_PATH REQUIRED)
  mark_as_advanced(SIBYL_TORCH_${name})
endforeach()
set(SIBYL_TORCH_LIBRARIES ${SIBYL_TORCH_torch} ${SIBYL_TORCH_torch_cpu} ${SIBYL_TORCH_c10})
message(STATUS "Found LibTorch: ${SIBYL_TORCH_torch}")

add_library(sibyl_libtorch INTERFACE)
target_include_directories(sibyl_libtorch SYSTEM INTERFACE ${SIBYL_TORCH_INCLUDE}
  ${SIBYL_TORCH_INCLUDE}/torch/csrc/api/include)
# No name of libtorch.so itself is used: it is there to load what is beside it, CUDA among it, whose own libraries are
# found by its own paths when the program starts and not when it is linked.
target_link_libraries(sibyl_libtorch INTERFACE -Wl,--push-state,--no-as-needed ${SIBYL_TORCH_torch} -Wl,--pop-state
  ${SIBYL_TORCH_torch_cpu} ${SIBYL_TORCH_c10} -Wl,--allow-shlib-undefined)
