# Some builds of LibTorch have an LLVM of their own inside and export its names. In a process that also has the
# compiler's LLVM, calls of one would then reach the other. Fails where a library is such a one.
#   as a function:  sibyl_refuse_llvm_symbols(LIBRARY...)
#   as a script:    cmake -DLIBRARY=PATH -P llvm_symbols.cmake
function(sibyl_refuse_llvm_symbols)
  find_program(CMAKE_NM nm)
  foreach(library ${ARGN})
    execute_process(COMMAND ${CMAKE_NM} -D --defined-only ${library} OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "cannot list the symbols of ${library}")
    endif()
    string(REGEX MATCH " [A-Za-z] (_ZNK?4llvm|LLVM[A-Z])[^\n]*" leaked "${symbols}")
    if(leaked)
      message(FATAL_ERROR "${library} exports symbols of an LLVM inside it, such as\n  ${leaked}\n"
        "and would be mixed with the compiler's LLVM. Use another build of LibTorch, or build the runtime alone "
        "(-DSIBYL_COMPILER=OFF) or the compiler alone (-DSIBYL_TRAINING=OFF).")
    endif()
  endforeach()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  sibyl_refuse_llvm_symbols(${LIBRARY})
endif()
