#include "compiler/emit.hpp"

#include "compiler/codegen/codegen.hpp"
#include "compiler/compile.hpp"
#include "compiler/facts/find_facts.hpp"
#include "lang/ast_print.hpp"
#include "lang/check.hpp"
#include "lang/errors.hpp"
#include "lang/parse.hpp"
#include "lang/typed_print.hpp"

#include <algorithm>

namespace sibyl {

const std::vector<std::string>& emit_stages() {
  static const std::vector<std::string> stages = {"ast", "typed", "ir", "facts", "llvm", "asm"};
  return stages;
}

namespace {

std::string of_functions(const ir::Model& model, const std::string& wanted, const auto& print) {
  std::string text;
  for (const ir::Function& function : model.functions)
    if (wanted.empty() || function.name == wanted) text += (text.empty() ? "" : "\n") + print(function);
  if (text.empty()) throw UserError("the model has no function `" + wanted + "`");
  return text;
}

} // namespace

EmitResult emit(const Source& source, const std::string& stage, const std::string& function) {
  if (stage == "ptx") throw UserError("machine code for GPUs is not available in this version of Sibyl");
  if (std::ranges::find(emit_stages(), stage) == emit_stages().end())
    throw UserError("there is no stage `" + stage + "` to emit");
  EmitResult result;
  if (stage == "ast" || stage == "typed") {
    const ParseResult parsed = parse(source);
    result.diagnostics = parsed.diagnostics;
    if (!parsed.program) return result;
    if (stage == "ast") {
      result.text = to_string(*parsed.program);
      return result;
    }
    const CheckResult checked = check(*parsed.program, source);
    result.diagnostics.insert(result.diagnostics.end(), checked.diagnostics.begin(), checked.diagnostics.end());
    if (checked.program) result.text = to_string(*checked.program);
    return result;
  }
  Frontend frontend = compile_to_ir(source);
  result.diagnostics = std::move(frontend.diagnostics);
  if (!frontend.model) return result;
  const ir::Model& model = *frontend.model;
  if (stage == "facts") result.text = describe(model.facts, source);
  else if (stage == "ir")
    result.text = of_functions(model, function, [&](const ir::Function& one) { return ir::to_string(one, model); });
  else {
    const codegen::Machine machine = codegen::host_machine();
    const auto kind = stage == "llvm" ? codegen::TextKind::llvm : codegen::TextKind::assembly;
    result.text = of_functions(model, function, [&](const ir::Function& one) {
      const bool single = one.name == "simulate" && model.facts.allows_single_precision;
      const Precision precision = single ? Precision::f32 : Precision::f64;
      return codegen::emit_text(model, one, {precision, codegen::preferred_lanes(machine, precision)}, machine, kind);
    });
  }
  return result;
}

} // namespace sibyl
