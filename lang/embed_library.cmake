# Writes OUTPUT, a C++ source that holds the texts of FILES (below ROOT) as string literals.
string(REPLACE "|" ";" FILES "${FILES}")
set(code "#include \"lang/library_sources.hpp\"\n\nnamespace sibyl {\n\nconst std::vector<LibraryText>& library_texts() {\n  static const std::vector<LibraryText> texts = {\n")
foreach(file ${FILES})
  file(READ ${ROOT}/${file} text)
  string(APPEND code "      {\"${file}\", R\"sibyl(${text})sibyl\"},\n")
endforeach()
string(APPEND code "  };\n  return texts;\n}\n\n} // namespace sibyl\n")
file(WRITE ${OUTPUT} "${code}")
