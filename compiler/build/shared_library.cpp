#include "compiler/build/shared_library.hpp"

#include "compiler/build/link.hpp"
#include "compiler/codegen/codegen.hpp"

#include <algorithm>

namespace sibyl::build {

namespace {

// What runtime/model/bridgestan calls, for one set of parameters at a time.
bool is_for_bridgestan(const ir::Function& function) {
  constexpr std::string_view called[] = {"sizes",     "transform_data", "log_density", "log_density_gradient",
                                         "constrain", "unconstrain"};
  return std::ranges::find(called, function.name) != std::end(called);
}

// Every function for as many lanes as fill a register, and those that BridgeStan's clients call for one; in floats,
// which training simulates in, the simulator alone.
std::vector<codegen::Entry> list_entries(const ir::Model& model, const codegen::Machine& machine) {
  std::vector<codegen::Entry> entries;
  for (const ir::Function& function : model.functions)
    for (const Precision precision : {Precision::f64, Precision::f32}) {
      if (!is_exported(function) || (precision == Precision::f32 && function.name != "simulate")) continue;
      entries.push_back({&function, {precision, codegen::preferred_lanes(machine, precision)}});
      if (precision == Precision::f64 && is_for_bridgestan(function)) entries.push_back({&function, {precision, 1}});
    }
  return entries;
}

// Only these names are seen from outside, and the library's own uses of them stay within it.
constexpr char exported[] = "{ global: sibyl_*; bs_*; local: *; };\n";

} // namespace

void build_shared_library(const ir::Model& model, const std::string& name, const std::string& text,
                          const std::string& output, const LibraryOptions& options) {
  const codegen::Machine machine = codegen::machine_named(options.processor);
  const std::string archive = find_archive("libsibyl_bridgestan.a");
  const TemporaryDirectory folder;
  const codegen::Constant metadata{"sibyl_metadata", metadata_to_text(describe(model, name, text, machine))};
  std::vector<codegen::Entry> often = list_entries(model, machine);
  const auto split = std::stable_partition(
      often.begin(), often.end(), [](const codegen::Entry& one) { return codegen::runs_often(*one.function); });
  const std::vector<codegen::Entry> seldom(split, often.end());
  often.erase(split, often.end());
  const std::string object = folder.write("model.o", codegen::emit_object(model, often, machine, {metadata}));
  const std::string rest = folder.write("rest.o", codegen::emit_object(model, seldom, machine));
  const std::string script = folder.write("exported", exported);
  std::vector<std::string> command = {"-shared",
                                      object,
                                      rest,
                                      "-Wl,--whole-archive," + archive + ",--no-whole-archive",
                                      "-Wl,-Bsymbolic",
                                      "-Wl,--version-script=" + script};
  link(command, {}, output);
}

} // namespace sibyl::build
