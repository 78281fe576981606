#include "compiler/emit.hpp"

#include "compiler/codegen/codegen.hpp"
#include "compiler/compile.hpp"
#include "compiler/facts/find_facts.hpp"
#include "compiler/ir/calls.hpp"
#include "lang/ast_print.hpp"
#include "lang/check.hpp"
#include "lang/errors.hpp"
#include "lang/parse.hpp"
#include "lang/typed_print.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace sibyl {

const std::vector<std::string>& emit_stages() {
  static const std::vector<std::string> stages = {"ast", "typed", "facts", "passes", "ir", "llvm", "asm"};
  return stages;
}

namespace {

// Of callees, those that some function needs.
std::string of_functions(const ir::Model& model, const std::string& wanted, bool with_callees, const auto& print) {
  std::string text;
  for (const ir::Function& function : model.functions)
    if (wanted.empty() || function.name == wanted) text += (text.empty() ? "" : "\n") + print(function);
  std::set<std::uint32_t> callees;
  if (with_callees)
    for (const ir::Function& function : model.functions)
      for (const std::uint32_t id : ir::reachable_callees(model, function)) callees.insert(id);
  for (const std::uint32_t id : callees) {
    const ir::Function& callee = model.callees[id];
    if (wanted.empty() || callee.name == wanted) text += (text.empty() ? "" : "\n") + print(callee);
  }
  if (text.empty()) throw UserError("the model has no function `" + wanted + "`");
  return text;
}

// The functions as lowering made them, then those that each pass has changed.
class PassLog {
 public:
  explicit PassLog(const std::string& wanted) : wanted_(wanted) {}

  void add(const ir::Pass& pass, const ir::Model& model) {
    if (!wanted_.empty() && !pass.function.empty() && pass.function != wanted_) return;
    std::string changed;
    for (const auto* functions : {&model.functions, &model.callees})
      for (const ir::Function& function : *functions) {
        if (!wanted_.empty() && function.name != wanted_) continue;
        if (function.body.empty() && !function.results.empty()) continue; // a callee that is not called
        std::string text = ir::to_string(function, model);
        std::string& before = functions_[function.name];
        if (text == before) continue;
        changed += "\n" + text;
        before = std::move(text);
      }
    text_ += (text_.empty() ? "" : "\n") + std::string("after ") + std::string(pass.name);
    if (!pass.function.empty()) text_ += " of " + std::string(pass.function);
    text_ += changed.empty() ? ": (unchanged)\n" : ":\n" + changed;
  }

  const std::string& text() const {
    if (functions_.empty()) throw UserError("the model has no function `" + wanted_ + "`");
    return text_;
  }

 private:
  const std::string wanted_;
  std::map<std::string, std::string> functions_; // by name: as last printed
  std::string text_;
};

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
  PassLog log(function);
  ir::PassObserver observe;
  if (stage == "passes") observe = [&](const ir::Pass& pass, const ir::Model& model) { log.add(pass, model); };
  Frontend frontend = compile_to_ir(source, observe);
  result.diagnostics = std::move(frontend.diagnostics);
  if (!frontend.model) return result;
  const ir::Model& model = *frontend.model;
  if (stage == "facts") result.text = describe(model.facts, source);
  else if (stage == "passes") result.text = log.text();
  else if (stage == "ir")
    result.text =
        of_functions(model, function, true, [&](const ir::Function& one) { return ir::to_string(one, model); });
  else {
    const codegen::Machine machine = codegen::host_machine();
    const auto kind = stage == "llvm" ? codegen::TextKind::llvm : codegen::TextKind::assembly;
    result.text = of_functions(model, function, false, [&](const ir::Function& one) {
      const bool single = one.name == "simulate" && model.facts.allows_single_precision;
      const Precision precision = single ? Precision::f32 : Precision::f64;
      return codegen::emit_text(model, one, {precision, codegen::preferred_lanes(machine, precision)}, machine, kind);
    });
  }
  return result;
}

} // namespace sibyl
