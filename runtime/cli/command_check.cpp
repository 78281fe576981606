#include "runtime/cli/commands.hpp"

#include "compiler/compile.hpp"
#include "compiler/facts/find_facts.hpp"
#include "lang/given_priors.hpp"
#include "runtime/cli/model_file.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

namespace {

struct CheckOptions {
  ModelFile model;
  std::vector<std::string> priors;
  bool json = false, pedantic = false;
};

void run(const CheckOptions& options) {
  const Source own(options.model.path, read_text(options.model));
  const Source source(options.model.path, with_priors(own, options.priors));
  Frontend frontend = compile_to_ir(source);
  if (options.pedantic) {
    const Diagnostics advice = advise(source);
    frontend.diagnostics.insert(frontend.diagnostics.end(), advice.begin(), advice.end());
    sort_and_deduplicate(frontend.diagnostics);
  }
  if (options.json) {
    nlohmann::ordered_json out;
    out["diagnostics"] = nlohmann::ordered_json::parse(render_json(frontend.diagnostics, {&source}));
    if (frontend.model) out["facts"] = nlohmann::json(frontend.model->facts);
    fmt::print("{}\n", out.dump(2));
  } else {
    print_diagnostics(frontend.diagnostics, source);
    if (frontend.model) fmt::print("{}", describe(frontend.model->facts, source));
  }
  if (!frontend.model) throw AlreadyReported();
}

} // namespace

void add_check(Command& program) {
  auto options = std::make_shared<CheckOptions>();
  Command command = program.add_command("check", "Check a model text; print what the compiler proves about it");
  add_model_options(command, options->model, "model text (.sib, .stan)");
  add_prior_option(command, options->priors);
  command.add_flag("--pedantic", options->pedantic, "advice on what is right and yet often a mistake");
  command.add_flag("--json", options->json, "diagnostics and facts as JSON");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
