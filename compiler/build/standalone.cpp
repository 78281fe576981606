#include "compiler/build/standalone.hpp"

#include "compiler/build/link.hpp"
#include "compiler/codegen/codegen.hpp"
#include "lang/files/text_file.hpp"

#include "sibyl_embedded_files.hpp"

#include <cstdint>
#include <filesystem>

namespace sibyl::build {

namespace {

// Sampling runs in double, on as many lanes as fill a register.
std::vector<codegen::Entry> list_entries(const TrainedModel& trained, const codegen::Machine& machine) {
  std::vector<codegen::Entry> entries;
  for (const ir::Function& function : trained.model.functions) {
    if (function.name == "simulate" || function.name == "log_likelihood" || !is_exported(function)) continue;
    entries.push_back({&function, {Precision::f64, codegen::preferred_lanes(machine, Precision::f64)}});
  }
  return entries;
}

std::vector<codegen::Machine> list_machines(const std::string& processor) {
  if (!processor.empty()) return {codegen::machine_named(processor)};
  return {codegen::machine_named("x86-64"), codegen::machine_named("x86-64-v3"), codegen::machine_named("x86-64-v4")};
}

std::string little_endian(std::uint64_t number) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(number >> 8 * i));
  return bytes;
}

// What the library shows of itself; the functions are in runtime/standalone/sibyl_sampler.h.
constexpr char exported[] = "{ global: sibyl_sampler_*; local: *; };\n";

} // namespace

std::string emit_sampling_code(const TrainedModel& trained, const codegen::Machine& machine) {
  return codegen::emit_linked_object(trained.model, list_entries(trained, machine), machine);
}

std::string emit_sampler_data(const TrainedModel& trained, const codegen::Machine& machine) {
  const Metadata metadata = describe(trained.model, trained.name, trained.text, machine);
  return codegen::emit_object(trained.model, {}, machine,
                              {{"sibyl_metadata", metadata_to_text(metadata)},
                               {"sibyl_embedded", trained.sampler},
                               {"sibyl_embedded_size", little_endian(trained.sampler.size())}});
}

void build_standalone(const TrainedModel& trained, const std::string& output, const StandaloneOptions& options) {
  const std::vector<codegen::Machine> machines = list_machines(options.processor);
  const std::string archive = find_archive("libsibyl_standalone.a");
  const TemporaryDirectory folder;
  std::vector<std::string> command = {options.as_library ? "-shared" : "-pie"};
  for (const codegen::Machine& machine : machines)
    command.push_back(
        folder.write("code_" + std::to_string(machine.vector_bits) + ".o", emit_sampling_code(trained, machine)));
  command.push_back(folder.write("data.o", emit_sampler_data(trained, machines.front())));
  if (options.as_library)
    command.insert(command.end(), {"-Wl,-u,sibyl_sampler_version", "-Wl,-Bsymbolic",
                                   "-Wl,--version-script=" + folder.write("exported", exported)});
  command.push_back(archive);
  link(command, {"z"}, output);
  if (!options.as_library) return;
  const std::filesystem::path header = std::filesystem::path(output).parent_path() / "sibyl_sampler.h";
  write_file(header.string(), sampler_header);
}

} // namespace sibyl::build
