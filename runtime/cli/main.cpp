#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

enum ExitCode { success = 0, failure = 1, user_error = 2, internal_error = 70 };

int report(std::string_view message, ExitCode code) {
  sibyl::cli::print_error(message);
  return code;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App program{
      "Sibyl: one Stan-like model text becomes a simulator, a density with gradient, and an amortized posterior.",
      "sibyl"};
  program.require_subcommand(1);
  program.set_version_flag("--version", std::string("sibyl ") + SIBYL_VERSION);
  program.get_formatter()->column_width(34);

#ifdef SIBYL_WITH_COMPILER
  sibyl::cli::add_check(program);
  sibyl::cli::add_compile(program);
  sibyl::cli::add_format(program);
#endif
  sibyl::cli::add_simulate(program);
  sibyl::cli::add_train(program);
  sibyl::cli::add_sample(program);
#ifdef SIBYL_WITH_COMPILER
  sibyl::cli::add_repl(program);
#endif

  try {
#ifdef SIBYL_WITH_COMPILER
    if (argc == 1 && sibyl::cli::stdin_is_terminal() && sibyl::cli::stdout_is_terminal()) {
      sibyl::cli::run_repl("");
      return success;
    }
#endif
    program.parse(argc, argv);
    return success;
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    program.exit(error);
    return is_help ? success : user_error;
  } catch (const sibyl::cli::AlreadyReported&) {
    return user_error;
  } catch (const sibyl::UserError& error) {
    return report(error.what(), user_error);
  } catch (const sibyl::RuntimeError& error) {
    return report(error.what(), failure);
  } catch (const sibyl::InternalError& error) {
    return report(error.what(), internal_error);
  } catch (const std::bad_alloc&) {
    return report("out of memory", failure);
  } catch (const std::exception& error) {
    return report(fmt::format("internal error: {}\nThis is a bug in Sibyl, not in your model.", error.what()),
                  internal_error);
  }
}
