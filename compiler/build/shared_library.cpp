#include "compiler/build/shared_library.hpp"

#include "compiler/build/process.hpp"
#include "compiler/codegen/codegen.hpp"
#include "lang/errors.hpp"
#include "runtime/data/installed_file.hpp"
#include "runtime/model/metadata.hpp"

#include "sibyl_code_version.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace sibyl::build {

namespace fs = std::filesystem;

namespace {

// A directory for what the linker reads, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "sibyl-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw RuntimeError("cannot make a temporary directory: " + std::string(std::strerror(errno)));
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string file = (path_ / name).string();
    std::ofstream stream(file, std::ios::binary);
    stream << bytes;
    stream.close();
    if (!stream) throw RuntimeError("cannot write " + file);
    return file;
  }

 private:
  fs::path path_;
};

std::string find_bridgestan_archive() {
  const std::string name = "libsibyl_bridgestan.a", path = find_installed_file(name);
  if (path.empty())
    throw UserError(name + " is not beside Sibyl: install it completely, or build the target sibyl_bridgestan");
  return path;
}

// Posterior predictive simulation is for the REPL, which compiles it when it is asked for.
bool is_exported(const ir::Function& function) { return function.name != "predict"; }

bool is_density(const ir::Function& function) { return function.name.starts_with("log_density"); }

// Every function for one lane and for as many as fill a register; densities in double alone.
std::vector<codegen::Entry> list_entries(const ir::Model& model, const codegen::Machine& machine) {
  std::vector<codegen::Entry> entries;
  for (const ir::Function& function : model.functions)
    for (const Precision precision : {Precision::f64, Precision::f32}) {
      if (!is_exported(function) || (precision == Precision::f32 && is_density(function))) continue;
      for (const int lanes : {1, codegen::preferred_lanes(machine, precision)})
        entries.push_back({&function, {precision, lanes}});
    }
  return entries;
}

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

// Only these names are seen from outside, and the library's own uses of them stay within it.
constexpr char exported[] = "{ global: sibyl_*; bs_*; local: *; };\n";

} // namespace

void build_shared_library(const ir::Model& model, const std::string& name, const std::string& text,
                          const std::string& output, const LibraryOptions& options) {
  const codegen::Machine machine = codegen::machine_named(options.processor);
  const std::string archive = find_bridgestan_archive();
  const std::string metadata = metadata_to_text(describe(model, name, text, machine));
  const TemporaryDirectory folder;
  const std::string object =
      folder.write("model.o", codegen::emit_object(model, list_entries(model, machine), metadata, machine));
  const std::string script = folder.write("exported", exported);
  // Linked beside its place and renamed: a process that has the old library loaded keeps it.
  const std::string fresh = output + "." + std::to_string(::getpid());
  const ProcessResult linked =
      run_process({"cc", "-shared", "-o", fresh, object, "-Wl,--whole-archive," + archive + ",--no-whole-archive",
                   "-static-libgcc", "-Wl,-Bstatic", "-lstdc++", "-Wl,-Bdynamic", "-lm", "-Wl,--gc-sections",
                   "-Wl,-Bsymbolic", "-Wl,-s", "-Wl,-z,noexecstack", "-Wl,--version-script=" + script});
  std::error_code error;
  if (linked.exit_code != 0) {
    fs::remove(fresh, error);
    throw RuntimeError("`cc -shared` failed:\n" + linked.output);
  }
  fs::rename(fresh, output, error);
  if (!error) return;
  const std::string reason = error.message();
  fs::remove(fresh, error);
  throw UserError("cannot write " + output + ": " + reason);
}

} // namespace sibyl::build
