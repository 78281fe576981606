#include "runtime/cli/commands.hpp"

#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/run_program.hpp"
#include "runtime/terminal/terminal.hpp"
#include "runtime/training/training_interface.hpp"

int main(int argc, char** argv) {
  sibyl::set_training_environment();
  sibyl::cli::Program program(
      "sibyl",
      "Sibyl: one Stan-like model text becomes a simulator, a density with gradient, and an amortized posterior.",
      "sibyl " SIBYL_VERSION);
  program.require_command();

#ifdef SIBYL_WITH_COMPILER
  sibyl::cli::add_build(program);
  sibyl::cli::add_check(program);
  sibyl::cli::add_compile(program);
  sibyl::cli::add_format(program);
  sibyl::cli::add_help(program);
  sibyl::cli::add_lsp(program);
#endif
  sibyl::cli::add_simulate(program);
  sibyl::cli::add_train(program);
  sibyl::cli::add_sample(program);
  sibyl::cli::add_diagnose(program);
  sibyl::cli::add_loo(program);
  sibyl::cli::add_predict(program);
  sibyl::cli::add_compare(program);
  sibyl::cli::add_sensitivity(program);
  sibyl::cli::add_mcmc(program);
  sibyl::cli::add_optimize(program);
  sibyl::cli::add_pathfinder(program);
#ifdef SIBYL_WITH_COMPILER
  sibyl::cli::add_repl(program);
#endif

  return sibyl::cli::run_program([&] {
#ifdef SIBYL_WITH_COMPILER
    if (argc == 1 && sibyl::cli::stdin_is_terminal() && sibyl::cli::stdout_is_terminal())
      return sibyl::cli::run_repl("");
#endif
    program.parse(argc, argv);
  });
}
