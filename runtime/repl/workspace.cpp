#include "runtime/repl/workspace.hpp"

#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/format.hpp"
#include "lang/parse.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/data/json_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sibyl::repl {

namespace {

bool is_refusal(const Diagnostic& one) {
  return one.code == "not-generative" || one.code == "neither-simulator-nor-density";
}

// What is true of most models that are not finished.
bool is_premature(const Diagnostic& one) { return one.code == "unused-variable"; }

// Errors that more typing may mend are none while a model is being typed.
bool is_wrong(const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics,
                             [](const Diagnostic& one) { return one.severity == Severity::error && !is_refusal(one); });
}

std::string canonical(const Draft& draft, const std::string& name) {
  const Assembled assembled = draft.assemble(name + ".sib");
  const ParseResult parsed = parse(assembled.source);
  if (!parsed.program) throw InternalError("the model was accepted, and yet does not parse");
  return format(*parsed.program, assembled.source);
}

} // namespace

Workspace::Workspace(Surroundings surroundings, Settings settings)
    : settings(settings), surroundings_(std::move(surroundings)) {}

void Workspace::note(std::string_view text) const {
  surroundings_.complain(
      fmt::format(fmt::runtime(surroundings_.colour ? "\033[1mnote:\033[0m {}\n" : "note: {}\n"), text));
}

void Workspace::error(std::string_view text) const {
  surroundings_.complain(
      fmt::format(fmt::runtime(surroundings_.colour ? "\033[1;31merror:\033[0m {}\n" : "error: {}\n"), text));
}

void Workspace::show(const Diagnostics& diagnostics, const Source& model) const {
  if (diagnostics.empty()) return;
  surroundings_.complain(
      render(diagnostics, inputs.list(model), surroundings_.colour ? RenderStyle::colour : RenderStyle::plain) + "\n");
}

std::string Workspace::text() const { return canonical(draft_, name_); }

std::string Workspace::core_text() const {
  Draft core = draft_;
  core.remove(ast::BlockKind::generated_quantities);
  return canonical(core, name_);
}

std::string Workspace::functions_text() const {
  std::string text;
  for (const Piece& piece : draft_.pieces())
    if (piece.block == ast::BlockKind::functions) text += piece.text + "\n";
  return text.empty() ? "" : "functions {\n" + text + "}\n";
}

bool Workspace::change(Draft draft, std::uint32_t about, bool tells_refusals, const std::string& name) {
  const std::string new_name = name.empty() ? name_ : name;
  const Assembled assembled = draft.assemble(new_name + ".sib");
  const Frontend frontend = compile_to_ir(assembled.source);
  const bool wrong = is_wrong(frontend.diagnostics);
  Diagnostics shown;
  for (Diagnostic& one : assembled.to_inputs(frontend.diagnostics, inputs)) {
    const bool concerns = one.primary.span.source == about;
    const bool is_error = one.severity == Severity::error && !is_refusal(one);
    if (is_error || (!wrong && concerns && !is_premature(one) && (tells_refusals || !is_refusal(one)))) {
      if (is_refusal(one)) one.severity = Severity::warning;
      shown.push_back(std::move(one));
    }
  }
  show(shown, assembled.source);
  if (wrong) {
    if (std::ranges::any_of(shown, [&](const Diagnostic& one) { return one.primary.span.source != about; }))
      note("the model is as before; what must change together is typed in one line, or with `:edit`");
    return false;
  }
  history_.push_back({draft_, name_});
  draft_ = std::move(draft);
  name_ = new_name;
  return true;
}

bool Workspace::undo() {
  if (history_.empty()) return false;
  draft_ = std::move(history_.back().draft);
  name_ = std::move(history_.back().name);
  history_.pop_back();
  return true;
}

bool Workspace::replace_text(const std::string& file, const std::string& text, const std::string& name) {
  const std::uint32_t number = inputs.add_file(file, text);
  const Source source(file, text);
  const ParseResult parsed = parse(source, number);
  if (!parsed.program) {
    show(parsed.diagnostics, source);
    return false;
  }
  return change(draft_of(*parsed.program, inputs.at(number), number), number, true, name);
}

std::shared_ptr<const CompiledModel> Workspace::model() {
  if (draft_.is_empty()) throw UserError("there is no model yet: type one, or `:load FILE`");
  const std::string canonical = text();
  if (model_ && model_->text() == canonical) return model_;
  const Source source(name_ + ".sib", canonical);
  const CompileResult result = compile(source, {.cache_directory = surroundings_.cache_directory});
  if (!result.model) {
    const auto found = std::ranges::find(result.diagnostics, Severity::error, &Diagnostic::severity);
    throw UserError(found == result.diagnostics.end() ? "the model is not complete" : found->message);
  }
  model_ = result.model;
  return model_;
}

void Workspace::choose_data(std::string path, std::string by) {
  ChosenData chosen{std::move(path), std::move(by), "", {}};
  std::optional<ChosenData> before = std::exchange(data_, std::move(chosen));
  try {
    data();
  } catch (...) {
    data_ = std::move(before);
    throw;
  }
}

const ChosenData& Workspace::data() {
  if (!data_) throw UserError("there are no data yet: `:data FILE`, or `:data {\"y\": [1.2, 0.4]}`");
  const auto compiled = model();
  if (data_->read_for == compiled->text()) return *data_;
  const Facts& facts = compiled->facts();
  const ReadOptions options{.by = data_->by};
  if (data_->path.starts_with("{")) {
    data_->sets.clear();
    for (DataSet& one : parse_json_data(data_->path, "the data")) {
      data_->sets.push_back(conform(std::move(one), facts, "the data", options));
      data_->sets.back().label = std::to_string(data_->sets.size());
    }
  } else {
    ReadResult read = read_data_sets(data_->path, facts, options);
    for (const std::string& one : read.notes) note(one);
    data_->sets = std::move(read.data_sets);
  }
  data_->read_for = compiled->text();
  return *data_;
}

std::optional<DataSet> Workspace::given_design(const CompiledModel& compiled) {
  const std::vector<DataSet> none;
  const std::vector<DataSet>& sets = has_data() ? data().sets : none;
  DataSet design;
  std::vector<const VariableFact*> missing;
  for (const VariableFact& variable : compiled.facts().variables) {
    if (!is_wanted(variable, Wanted::given_design)) continue;
    if (!sets.empty() && sets.front().variables.contains(variable.name))
      design.variables[variable.name] = sets.front().variables.at(variable.name);
    else if (variable.given_elements != GivenElements::perhaps) missing.push_back(&variable);
  }
  if (!missing.empty()) {
    std::vector<std::string> names;
    for (const VariableFact* one : missing) names.push_back(one->name);
    throw UserError(
        fmt::format("to simulate, the design needs {}: give data with `:data FILE`, or a distribution: `{} ~ {};`",
                    fmt::join(names, ", "), names.front(),
                    missing.front()->is_integer ? "discrete_range(20, 200)" : "normal(0, 1)"));
  }
  if (design.variables.empty()) return std::nullopt;
  return design;
}

void Workspace::set_trained(SamplerFile file) {
  const auto compiled = model();
  file.model_text = compiled->text();
  auto sampler = std::make_shared<const PosteriorSampler>(make_sampler(compiled, file));
  trained_ = TrainedModel{core_text(), compiled, std::move(file), std::move(sampler)};
}

const TrainedModel& Workspace::trained() {
  if (!trained_) throw UserError("there is no posterior yet: `:train 30s`");
  if (trained_->core != core_text())
    throw UserError("the model has changed since it was trained: `:train` again, or `:undo`");
  if (trained_->file.model_text != text()) set_trained(SamplerFile(trained_->file));
  return *trained_;
}

void Workspace::set_draws(CurrentDraws draws) {
  draws.text = text();
  draws_ = std::move(draws);
}

PriorDraws Workspace::draw_prior_now() {
  const auto compiled = model();
  SimulatorOptions options{.threads = settings.threads, .keep_all = true, .interrupted = surroundings_.interrupted};
  options.design = given_design(*compiled);
  return draw_prior(compiled, settings.prior_draws, settings.seed, options);
}

const CurrentDraws& Workspace::draws() {
  if (draws_ && draws_->text == text()) return *draws_;
  PriorDraws fresh = draw_prior_now();
  note(fmt::format("over {}; `:sample` gives those of a posterior", fresh.draws.origin));
  set_draws(std::move(fresh.draws));
  return *draws_;
}

const CurrentDraws* Workspace::posterior() {
  if (!draws_ || draws_->is_prior || draws_->text != text()) return nullptr;
  return &*draws_;
}

} // namespace sibyl::repl
