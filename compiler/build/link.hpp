// What every program and library that is built ahead of time takes: the model's description, the archives that are
// installed with Sibyl, and the system's linker, which puts the result in place only when it is whole.
#pragma once

#include "compiler/codegen/machine.hpp"
#include "compiler/interface/metadata.hpp"
#include "compiler/ir/ir.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sibyl::build {

// A directory for what the linker reads, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  // The path of the new file.
  std::string write(const std::string& name, const std::string& bytes) const;

 private:
  std::filesystem::path path_;
};

// Posterior predictive simulation is for the REPL, which compiles it when it is asked for.
bool is_exported(const ir::Function& function);

// `name` and `text` are the model's.
Metadata describe(const ir::Model& model, const std::string& name, const std::string& text,
                  const codegen::Machine& machine);

// An archive that is installed with Sibyl. Throws UserError where it is not.
std::string find_archive(const std::string& name);

// Runs `cc` with these arguments, and with the C++ standard library and `static_libraries` linked in: the result needs
// nothing but the C library. Linked beside its place and renamed, so that a process that runs the old one keeps it.
// Throws UserError where there is no `cc` or the output cannot be written.
void link(const std::vector<std::string>& arguments, const std::vector<std::string>& static_libraries,
          const std::string& output);

} // namespace sibyl::build
