#include "lang/words.hpp"
#include "runtime/repl/commands.hpp"

#include "compiler/compile.hpp"
#include "compiler/emit.hpp"
#include "compiler/facts/find_facts.hpp"
#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "lang/files/text_file.hpp"
#include "runtime/data/inference_data.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/terminal/summary_table.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <filesystem>

#include <unistd.h>

namespace sibyl::repl {

namespace fs = std::filesystem;

namespace {

void require_file(std::string_view argument, const char* usage) {
  if (argument.empty()) throw UserError(fmt::format("which file? `{}`", usage));
}

std::string_view next_word(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

void load_sampler(Workspace& workspace, const std::string& path) {
  SamplerFile file = read_sampler_file(path);
  if (!file.model_library.empty())
    throw UserError(
        fmt::format("{} was trained on the library {}; load the model's text instead", path, file.model_library));
  if (!workspace.replace_text(file.model_name + ".sib", file.model_text, file.model_name)) throw cli::AlreadyReported();
  workspace.set_trained(std::move(file));
}

void save_model(const Workspace& workspace, const std::string& path) {
  if (workspace.draft().is_empty()) throw UserError("there is no model to save");
  write_file(path, workspace.text());
  workspace.print(fmt::format("wrote {}\n", path));
}

void save_sampler(Workspace& workspace, const std::string& path) {
  write_sampler_file(path, workspace.trained().file);
  workspace.print(fmt::format("wrote {}\n", path));
}

void save_draws(Workspace& workspace, const std::string& path) {
  if (!workspace.posterior()) throw UserError("there are no posterior draws to save: `:sample` first");
  if (workspace.chains) {
    const std::vector<Draws>& chains = workspace.chains->draws;
    if (path.ends_with(".nc")) {
      const DataSet none;
      const DataSet& data = workspace.has_data() ? workspace.data().sets.at(workspace.shown) : none;
      write_netcdf(path, chains_to_inference_data(workspace.model()->facts(), data, chains));
    } else if (path.ends_with(".npz")) write_draws_npz(path, chains);
    else write_draws_csv(path, chains, "chain");
    workspace.print(fmt::format("wrote {}\n", path));
    return;
  }
  std::vector<Draws> draws;
  std::vector<std::string> verdicts;
  for (const Posterior& one : workspace.posteriors) {
    draws.push_back(one.draws);
    verdicts.push_back(one.verdict.text());
  }
  const ChosenData& data = workspace.data();
  if (path.ends_with(".nc")) {
    const std::span sets(data.sets.data() + workspace.shown, draws.size());
    write_netcdf(path, to_inference_data(workspace.model()->facts(), sets, draws, verdicts, data.by,
                                         cli::check_numbers(workspace.posteriors)));
  } else if (path.ends_with(".npz")) write_draws_npz(path, draws);
  else write_draws_csv(path, draws, data.by);
  workspace.print(fmt::format("wrote {}\n", path));
}

} // namespace

void load(Workspace& workspace, std::string_view argument, std::uint32_t) {
  require_file(argument, ":load FILE");
  const std::string path(argument);
  if (fs::is_directory(path)) throw UserError(path + " is a directory");
  if (fs::path(path).extension() == ".sibyl") load_sampler(workspace, path);
  else if (!workspace.replace_text(path, read_model_text(path, workspace.surroundings().include_directories),
                                   fs::path(path).stem().string()))
    throw cli::AlreadyReported();
  workspace.print(fmt::format("{}: {} declarations and statements\n", path, workspace.draft().pieces().size()));
}

void undo(Workspace& workspace, std::string_view, std::uint32_t) {
  if (!workspace.undo()) throw UserError("there is nothing to undo");
}

// The edited text is read back as a whole. One with errors is kept, and is what the next `:edit` shows.
void edit(Workspace& workspace, std::string_view, std::uint32_t) {
  if (!workspace.surroundings().edit) throw UserError("there is no terminal to edit in");
  if (workspace.edited_file.empty()) {
    workspace.edited_file = (fs::temp_directory_path() / fmt::format("sibyl-{}.sib", getpid())).string();
    write_file(workspace.edited_file, workspace.text());
  }
  const std::string path = workspace.edited_file;
  workspace.surroundings().edit(path);
  const std::string text = read_file(path);
  if (!workspace.replace_text(path, text, workspace.name())) {
    workspace.note("the model is as before; `:edit` again goes on from your text, which is in " + path);
    throw cli::AlreadyReported();
  }
  fs::remove(path);
  workspace.edited_file.clear();
}

void show_model(Workspace& workspace, std::string_view, std::uint32_t) {
  workspace.print(workspace.draft().is_empty() ? "the model is empty\n" : workspace.text());
}

void show_facts(Workspace& workspace, std::string_view, std::uint32_t) {
  const Source source(workspace.name() + ".sib", workspace.text());
  const Frontend frontend = compile_to_ir(source);
  workspace.show(frontend.diagnostics, source);
  if (!frontend.model) throw cli::AlreadyReported();
  workspace.print(describe(frontend.model->facts, source));
}

void emit_stage(Workspace& workspace, std::string_view argument, std::uint32_t) {
  const std::string stage(next_word(argument));
  if (stage.empty()) throw UserError("which stage? `:emit llvm`, `:emit ir simulate`");
  const Source source(workspace.name() + ".sib", workspace.text());
  const EmitResult result = emit(source, stage, std::string(argument));
  if (has_errors(result.diagnostics)) {
    workspace.show(result.diagnostics, source);
    throw cli::AlreadyReported();
  }
  workspace.print(result.text);
}

void save(Workspace& workspace, std::string_view argument, std::uint32_t) {
  require_file(argument, ":save FILE");
  const std::string path(argument), ending = fs::path(path).extension().string();
  if (ending == ".sib" || ending == ".stan") return save_model(workspace, path);
  if (ending == ".sibyl") return save_sampler(workspace, path);
  if (ending == ".csv" || ending == ".npz" || ending == ".nc") return save_draws(workspace, path);
  if (!ending.empty())
    throw UserError(fmt::format("{}: the ending tells what to save: .sib, .sibyl, .csv, .npz or .nc", path));
  workspace.trained(); // nothing is written where half of it would be missing
  save_model(workspace, path + ".sib");
  save_sampler(workspace, path + ".sibyl");
}

} // namespace sibyl::repl
