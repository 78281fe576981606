#include "runtime/terminal/run_program.hpp"

#include "lang/errors.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace sibyl::cli {

namespace {

enum ExitCode { success = 0, failure = 1, user_error = 2, internal_error = 70 };

int report(std::string_view message, ExitCode code) {
  print_error(message);
  return code;
}

} // namespace

int run_program(const std::function<void()>& body) {
  try {
    body();
    // What was printed may still fail to arrive (a full disk behind a redirection).
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
    return success;
  } catch (const AlreadyReported&) {
    return user_error;
  } catch (const UserError& error) {
    return report(error.what(), user_error);
  } catch (const RuntimeError& error) {
    return report(error.what(), failure);
  } catch (const InternalError& error) {
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

} // namespace sibyl::cli
