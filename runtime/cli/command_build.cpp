#include "runtime/cli/commands.hpp"

#include "compiler/build/standalone.hpp"
#include "compiler/build/web_page.hpp"
#include "compiler/compile.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/posterior/sampler_file.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace sibyl::cli {

namespace {

struct BuildOptions {
  std::string sampler, output, processor;
  bool library = false, web = false;
};

void run(const BuildOptions& options) {
  const std::string bytes = read_file(options.sampler);
  const SamplerFile file = parse_sampler(bytes, options.sampler);
  if (file.model_text.empty())
    throw UserError(fmt::format("{} was trained on the library {}, which does not hold the model's text: train on the "
                                "text to build a program from it",
                                options.sampler, file.model_library));
  const Source source(file.model_name + ".sib", file.model_text);
  const Frontend frontend = compile_to_ir(source);
  print_diagnostics(frontend.diagnostics, source);
  if (!frontend.model) throw AlreadyReported();
  const build::TrainedModel trained{*frontend.model, file.model_name, file.model_text, bytes};
  if (options.web) {
    ProgressLine line;
    build::WebRuntimeOptions web;
    web.cache_directory = jit::default_cache_directory();
    web.compiling = [&](std::size_t done, std::size_t count) {
      line.show(fmt::format("compiling the runtime for WebAssembly, once: {} of {} sources", done, count));
    };
    build::build_web_page(trained, options.output, web);
  } else {
    build::build_standalone(trained, options.output, {.as_library = options.library, .processor = options.processor});
  }
  fmt::print(stderr, "wrote {} ({:.1f} MB)\n", options.output,
             static_cast<double>(std::filesystem::file_size(options.output)) / 1e6);
}

} // namespace

void add_build(Command& program) {
  auto options = std::make_shared<BuildOptions>();
  Command command = program.add_command("build", "A trained sampler as a program of its own, a library or a page");
  command.add_option("sampler", options->sampler, "sampler file, written by `sibyl train`").required();
  command.add_option("-o,--output", options->output, "what to write").required();
  const Option cpu =
      command.add_option("--cpu", options->processor,
                         "native, x86-64, x86-64-v2, x86-64-v3 or x86-64-v4 (default: all of them in one program)");
  const Option library = command.add_flag("--lib", options->library,
                                          "a shared library instead of an executable, with a C header beside it");
  command.add_flag("--web", options->web, "a page instead: the sampler as WebAssembly, for any browser")
      .excludes(library)
      .excludes(cpu);
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
