#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

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
    // What was printed may still fail to arrive (a full disk behind a redirection).
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
    return success;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      program.exit(error);
      return success;
    }
    if (argc > 1 && argv[1][0] != '-' && program.get_subcommands().empty())
      return report(fmt::format("there is no command `{}`; `sibyl --help` lists them", argv[1]), user_error);
    return report(fmt::format("{}\n`--help` lists what a command takes", error.what()), user_error);
  } catch (const sibyl::cli::AlreadyReported&) {
    return user_error;
  } catch (const sibyl::UserError& error) {
    return report(error.what(), user_error);
  } catch (const sibyl::RuntimeError& error) {
    return report(error.what(), failure);
  } catch (const sibyl::InternalError& error) {
    return report(error.what(), internal_error);
  } catch (const std::system_error& error) {
    return report(error.what(), failure);
  } catch (const std::bad_alloc&) {
    return report("out of memory", failure);
  } catch (const std::exception& error) {
    return report(fmt::format("internal error: {}\nThis is a bug in Sibyl, not in your model.", error.what()),
                  internal_error);
  }
}
