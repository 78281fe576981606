#include "runtime/terminal/command_line.hpp"

#include "lang/errors.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace sibyl::cli {

Option Option::required() const { return option_->required(), *this; }
Option Option::excludes(const Option& other) const { return option_->excludes(other.option_), *this; }
Option Option::excludes(const std::string& other) const { return option_->excludes(other), *this; }
Option Option::needs(const Option& other) const { return option_->needs(other.option_), *this; }
Option Option::shows_default() const { return option_->capture_default_str(), *this; }
Option Option::type_name(const std::string& name) const { return option_->type_name(name), *this; }

Option Option::one_of(const std::vector<std::string>& values) const {
  return option_->check(CLI::IsMember(values)), *this;
}

Option Option::between(int lowest, int highest) const { return option_->check(CLI::Range(lowest, highest)), *this; }

Option Option::between(double lowest, double highest) const {
  return option_->check(CLI::Range(lowest, highest)), *this;
}

Option Option::one_at_a_time() const { return option_->allow_extra_args(false), *this; }
Option Option::separated_by(char separator) const { return option_->delimiter(separator), *this; }
Option Option::may_be_empty() const { return option_->expected(0, 1), *this; }
bool Option::is_given() const { return option_->count() > 0; }

Command Command::add_command(const std::string& name, const std::string& description) {
  return Command(*command_->add_subcommand(name, description));
}

template <typename Value>
Option Command::add_option(const std::string& names, Value& value, const std::string& description) {
  return Option(*command_->add_option(names, value, description));
}

template Option Command::add_option(const std::string&, std::string&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template Option Command::add_option(const std::string&, double&, const std::string&);
template Option Command::add_option(const std::string&, std::vector<double>&, const std::string&);
// All that std::size_t and integers of fixed width are called somewhere.
template Option Command::add_option(const std::string&, int&, const std::string&);
template Option Command::add_option(const std::string&, unsigned&, const std::string&);
template Option Command::add_option(const std::string&, long&, const std::string&);
template Option Command::add_option(const std::string&, unsigned long&, const std::string&);
template Option Command::add_option(const std::string&, long long&, const std::string&);
template Option Command::add_option(const std::string&, unsigned long long&, const std::string&);

Option Command::add_flag(const std::string& names, bool& value, const std::string& description) {
  return Option(*command_->add_flag(names, value, description));
}

Option Command::add_flag(const std::string& names, const std::string& description) {
  return Option(*command_->add_flag(names, description));
}

void Command::callback(std::function<void()> run) { command_->callback(std::move(run)); }

Program::Program(const std::string& name, const std::string& description, const std::string& version)
    : Program(std::make_unique<CLI::App>(description, name)) {
  program_->set_version_flag("--version", version);
  program_->get_formatter()->column_width(34);
}

Program::Program(std::unique_ptr<CLI::App> program) : Command(*program), program_(std::move(program)) {}

Program::~Program() = default;

void Program::require_command() { program_->require_subcommand(1); }

void Program::parse(int argc, char** argv) {
  try {
    program_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) { // help was asked for
      program_->exit(error);
      return;
    }
    const bool has_commands = !program_->get_subcommands([](const CLI::App*) { return true; }).empty();
    if (has_commands && argc > 1 && argv[1][0] != '-' && program_->get_subcommands().empty())
      throw UserError(fmt::format("there is no command `{}`; `sibyl --help` lists them", argv[1]));
    throw UserError(fmt::format("{}\n`--help` lists what a command takes", error.what()));
  }
}

} // namespace sibyl::cli
