# What `cmake --install` puts where. An installation can be moved: its files find each other from where they lie
# (lang/files/installed_file.hpp).
include(CMakePackageConfigHelpers)
set(private_folder ${CMAKE_INSTALL_LIBDIR}/sibyl) # for what is opened at run time, not linked to
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Sibyl)

install(TARGETS sibyl_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(TARGETS sibyl_library EXPORT SibylTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
if(TARGET sibyl_training)
  # A LibTorch that is not the system's is found again where it was when it was linked.
  set_target_properties(sibyl_training PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS sibyl_training LIBRARY DESTINATION ${private_folder} COMPONENT library)
endif()
if(TARGET sibyl_netcdf)
  install(TARGETS sibyl_netcdf LIBRARY DESTINATION ${private_folder} COMPONENT program)
endif()
if(SIBYL_COMPILER)
  install(TARGETS sibyl_bridgestan sibyl_standalone ARCHIVE DESTINATION ${private_folder} COMPONENT program)
  # What `build --web` compiles for pages.
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/lang ${PROJECT_SOURCE_DIR}/runtime DESTINATION
    ${CMAKE_INSTALL_DATADIR}/sibyl/source
    COMPONENT program FILES_MATCHING PATTERN "*.cpp" PATTERN "*.hpp" PATTERN "*.h"
    PATTERN "grammar" EXCLUDE PATTERN "check" EXCLUDE PATTERN "cli" EXCLUDE PATTERN "repl" EXCLUDE
    PATTERN "mcmc" EXCLUDE PATTERN "terminal" EXCLUDE PATTERN "training" EXCLUDE PATTERN "library" EXCLUDE PATTERN
    "python" EXCLUDE
    PATTERN "netcdf" EXCLUDE)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/compiler/interface DESTINATION ${CMAKE_INSTALL_DATADIR}/sibyl/source/compiler
    COMPONENT program FILES_MATCHING PATTERN "*.cpp" PATTERN "*.hpp" PATTERN "*.h")
endif()

# The header includes others by their path in the repository, and finds them beside itself.
install(FILES ${PROJECT_SOURCE_DIR}/runtime/library/sibyl.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sibyl
  COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/lang/errors.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sibyl/lang
  COMPONENT development)
install(EXPORT SibylTargets NAMESPACE Sibyl:: FILE SibylConfig.cmake DESTINATION ${package_folder}
  COMPONENT development)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/SibylConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/SibylConfigVersion.cmake DESTINATION ${package_folder} COMPONENT development)
