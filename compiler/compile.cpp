// The whole compiler, in order: read this first.
//
//   text --parse--> ast::Program --check--> typed::Program --read_simulation, read, find_facts--> Facts
//        --lower_model--> ir::Model --run_passes--> ir::Model --make_jit_source--> machine code, function by function
#include "compiler/compile.hpp"

#include "compiler/facts/find_facts.hpp"
#include "compiler/facts/pedantic.hpp"
#include "compiler/generative/accesses.hpp"
#include "compiler/generative/centred_draws.hpp"
#include "compiler/generative/conditioned_draws.hpp"
#include "compiler/generative/copies.hpp"
#include "compiler/generative/inlined_densities.hpp"
#include "compiler/generative/interleaving.hpp"
#include "compiler/generative/late_bounds.hpp"
#include "compiler/generative/marginalized.hpp"
#include "compiler/generative/own_draws.hpp"
#include "compiler/generative/reading.hpp"
#include "compiler/generative/residuals.hpp"
#include "compiler/generative/spread_draws.hpp"
#include "compiler/jit/jit_source.hpp"
#include "compiler/lower/lowering.hpp"
#include "lang/check.hpp"
#include "lang/parse.hpp"

#include <filesystem>

namespace sibyl {

namespace {

void append(Diagnostics& all, const Diagnostics& some) { all.insert(all.end(), some.begin(), some.end()); }

void read_simulation(typed::Program& program) {
  generative::inline_densities(program);
  generative::spread_draws(program);
  generative::read_marginalized(program);
  generative::read_own_draws(program);
  generative::read_residuals(program);
  generative::read_centred_draws(program);
  generative::read_copies(program);
  generative::read_conditioned_draws(program);
  generative::find_late_bounds(program);
  generative::add_positions(program);
}

// Not generative is no error: such a text still has a density. But its user should know which statement decides.
void tell_refusals(const Facts& facts, Diagnostics& diagnostics) {
  const auto warn = [&](const char* code, Span span, const std::string& text) {
    Diagnostic warning;
    warning.severity = Severity::warning;
    warning.code = code;
    warning.message = text;
    warning.primary.span = span;
    diagnostics.push_back(std::move(warning));
  };
  if (!facts.is_generative) warn("not-generative", facts.not_generative.span, facts.not_generative.text);
  for (const Remark& remark : facts.remarks) warn("different-joint", remark.span, remark.text);
}

} // namespace

Frontend compile_to_ir(const Source& source, const ir::PassObserver& observe) {
  Frontend result;
  ParseResult parsed = parse(source);
  append(result.diagnostics, parsed.diagnostics);
  if (!parsed.program) return result;

  CheckResult checked = check(*parsed.program, source);
  append(result.diagnostics, checked.diagnostics);
  if (!checked.program) return result;

  read_simulation(*checked.program);
  const generative::Reading reading = generative::read(*checked.program);
  ir::Model model;
  model.facts = find_facts(*checked.program, reading, source);
  if (!model.facts.is_generative && !model.facts.has_density) {
    Diagnostic neither;
    neither.code = "neither-simulator-nor-density";
    neither.message = model.facts.not_generative.text;
    neither.primary.span = model.facts.not_generative.span;
    neither.secondary.push_back({model.facts.no_density.span, model.facts.no_density.text});
    result.diagnostics.push_back(std::move(neither));
    return result;
  }
  tell_refusals(model.facts, result.diagnostics);

  lower::ModelContext context{
      *checked.program, reading, model, {}, {}, generative::changing_variables(*checked.program)};
  for (typed::VariableId id = 0, next = 0; id < checked.program->variables.size(); ++id)
    if (!checked.program->variables[id].is_local) context.interface_index[id] = next++;
  lower::lower_model(context);
  append(result.diagnostics, context.diagnostics);
  sort_and_deduplicate(result.diagnostics);
  if (has_errors(context.diagnostics)) return result;

  ir::run_passes(model, observe);
  result.model = std::move(model);
  return result;
}

Diagnostics advise(const Source& source) {
  const ParseResult parsed = parse(source);
  if (!parsed.program) return {};
  CheckResult checked = check(*parsed.program, source);
  if (!checked.program) return {};
  read_simulation(*checked.program);
  return pedantic_advice(*checked.program, generative::read(*checked.program));
}

CompileResult compile(const Source& source, const CompileOptions& options) {
  Frontend frontend = compile_to_ir(source);
  CompileResult result{std::move(frontend.diagnostics), nullptr};
  if (!frontend.model) return result;
  const Facts facts = frontend.model->facts;
  std::vector<ModelMessage> messages;
  for (const ir::Message& one : frontend.model->messages) messages.push_back({one.text, one.span});
  auto machine_code = jit::make_jit_source(std::move(*frontend.model), {.cache_directory = options.cache_directory});
  result.model =
      std::make_shared<CompiledModel>(std::filesystem::path(source.name()).stem().string(), std::string(source.text()),
                                      facts, std::move(messages), std::move(machine_code));
  return result;
}

} // namespace sibyl
