# Writes OUTPUT: a header with the versions of Sibyl and LLVM and a hash over SOURCES, separated by |.
string(REPLACE "|" ";" sources "${SOURCES}")
set(hashes "")
foreach(source ${sources})
  file(SHA256 ${source} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 hash "${hashes}")
file(WRITE ${OUTPUT} "inline constexpr char code_version[] = \"sibyl ${VERSION}, LLVM ${LLVM}, ${hash}\";\n")
