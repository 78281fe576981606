#include "runtime/cli/commands.hpp"

#include "compiler/build/shared_library.hpp"
#include "compiler/compile.hpp"
#include "compiler/emit.hpp"
#include "lang/errors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace sibyl::cli {

namespace {

struct CompileCommandOptions {
  ModelFile model;
  std::string stage, function, output;
  std::string processor = "x86-64-v3";
  bool shared = false;
};

void run(const CompileCommandOptions& options) {
  const Source source(options.model.path, read_text(options.model));
  if (!options.stage.empty()) {
    const EmitResult result = emit(source, options.stage, options.function);
    print_diagnostics(result.diagnostics, source);
    if (has_errors(result.diagnostics)) throw AlreadyReported();
    fmt::print("{}", result.text);
    return;
  }
  if (!options.shared) throw UserError("nothing to do: give --emit STAGE or --shared");
  Frontend frontend = compile_to_ir(source);
  print_diagnostics(frontend.diagnostics, source);
  if (!frontend.model) throw AlreadyReported();
  const std::string name = std::filesystem::path(options.model.path).stem().string();
  const std::string output = options.output.empty() ? name + ".so" : options.output;
  build::build_shared_library(*frontend.model, name, std::string(source.text()), output,
                              {.processor = options.processor});
  fmt::print(stderr, "wrote {}\n", output);
}

} // namespace

void add_compile(Command& program) {
  auto options = std::make_shared<CompileCommandOptions>();
  Command command = program.add_command("compile", "Print a stage of the compiler, or write the model as a library");
  add_model_options(command, options->model, "model text (.sib, .stan)");
  std::string stages;
  for (const std::string& stage : emit_stages()) stages += (stages.empty() ? "" : ", ") + stage;
  const Option emit_option = command.add_option("--emit", options->stage, "print a stage: " + stages);
  command.add_option("--function", options->function, "with --emit passes, ir, llvm, asm: only this function")
      .needs(emit_option);
  const Option shared =
      command.add_flag("--shared", options->shared, "write a shared library with BridgeStan's C interface");
  shared.excludes(emit_option);
  command.add_option("-o,--output", options->output, "the library to write (default: the model's name with .so)")
      .needs(shared);
  command.add_option("--cpu", options->processor, "native, x86-64, x86-64-v2, x86-64-v3 or x86-64-v4")
      .needs(shared)
      .shows_default();
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
