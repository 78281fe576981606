#include "compiler/build/link.hpp"

#include "compiler/build/process.hpp"
#include "lang/errors.hpp"
#include "lang/files/installed_file.hpp"

#include "sibyl_code_version.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <unistd.h>

namespace sibyl::build {

namespace fs = std::filesystem;

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (fs::temp_directory_path() / "sibyl-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    throw RuntimeError("cannot make a temporary directory: " + std::string(std::strerror(errno)));
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& bytes) const {
  const std::string file = (path_ / name).string();
  std::ofstream stream(file, std::ios::binary);
  stream << bytes;
  stream.close();
  if (!stream) throw RuntimeError("cannot write " + file);
  return file;
}

bool is_exported(const ir::Function& function) { return function.name != "predict"; }

Metadata describe(const ir::Model& model, const std::string& name, const std::string& text,
                  const codegen::Machine& machine) {
  Metadata metadata;
  metadata.compiler = code_version;
  metadata.name = name;
  metadata.text = text;
  metadata.processor = machine.cpu;
  metadata.vector_bits = machine.vector_bits;
  metadata.lanes_f32 = codegen::preferred_lanes(machine, Precision::f32);
  metadata.lanes_f64 = codegen::preferred_lanes(machine, Precision::f64);
  metadata.facts = model.facts;
  for (const ir::Function& function : model.functions)
    if (is_exported(function)) metadata.entries.push_back(function.name);
  for (const ir::Message& message : model.messages) metadata.messages.push_back({message.text, message.span});
  return metadata;
}

std::string find_archive(const std::string& name) {
  const std::string path = find_installed_file(name);
  if (path.empty()) throw UserError(name + " is not beside Sibyl: install it completely, or build all its targets");
  return path;
}

namespace {

ProcessResult run_linker(const std::vector<std::string>& command) {
  try {
    return run_process(command);
  } catch (const UserError& error) {
    throw UserError(std::string(error.what()) + "; linking needs a C and C++ compiler (Debian: apt-get install g++)");
  }
}

} // namespace

void link(const std::vector<std::string>& arguments, const std::vector<std::string>& static_libraries,
          const std::string& output) {
  const std::string fresh = output + "." + std::to_string(::getpid());
  // Asked before the linker is: its own answer is a page.
  const fs::path folder = fs::absolute(output).parent_path();
  if (fs::is_directory(output)) throw UserError("cannot write " + output + ": it is a directory");
  if (::access(folder.c_str(), W_OK) != 0) throw UserError("cannot write " + output + ": " + std::strerror(errno));
  std::vector<std::string> command = {"cc", "-o", fresh};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"-static-libgcc", "-Wl,-Bstatic", "-lstdc++"});
  for (const std::string& library : static_libraries) command.push_back("-l" + library);
  command.insert(command.end(), {"-Wl,-Bdynamic", "-lm", "-Wl,--gc-sections", "-Wl,-s", "-Wl,-z,noexecstack"});
  const ProcessResult linked = run_linker(command);
  std::error_code error;
  if (linked.exit_code != 0) {
    fs::remove(fresh, error);
    throw RuntimeError("`cc` failed to link " + output + ":\n" + linked.output);
  }
  fs::rename(fresh, output, error);
  if (!error) return;
  const std::string reason = error.message();
  fs::remove(fresh, error);
  throw UserError("cannot write " + output + ": " + reason);
}

} // namespace sibyl::build
