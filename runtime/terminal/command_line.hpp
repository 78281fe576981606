// What a program takes on its command line: commands, their options, and what may be given to each. All that programs
// see of CLI11, whose headers are four seconds of every file that includes them: only command_line.cpp does.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace sibyl::cli {

// Of a command, which owns it. Each function changes it and returns it.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}

  Option required() const;
  Option excludes(const Option& other) const;
  Option excludes(const std::string& other) const; // by its name, `--at`
  Option needs(const Option& other) const;
  // `--help` shows the variable's present value.
  Option shows_default() const;
  // What it is called in `--help`, instead of after its type.
  Option type_name(const std::string& name) const;

  // What is given must be one of these, or lie within these limits.
  Option one_of(const std::vector<std::string>& values) const;
  Option between(int lowest, int highest) const;
  Option between(double lowest, double highest) const;

  // Of a list: again for each further value, instead of several behind one another.
  Option one_at_a_time() const;
  // Of a list: its values in one argument, with this character between them.
  Option separated_by(char separator) const;
  // It may stand alone, without a value.
  Option may_be_empty() const;

  // Of the command line that has been read.
  bool is_given() const;

 private:
  CLI::Option* option_;
};

// A command of a program, or the program itself, which owns it.
class Command {
 public:
  explicit Command(CLI::App& command) : command_(&command) {}

  Command add_command(const std::string& name, const std::string& description);
  // `names`: "-o,--output", or "data" for what is told by its place. `value` must live until the command line is read:
  // a string, a number, or a vector of strings or of doubles.
  template <typename Value>
  Option add_option(const std::string& names, Value& value, const std::string& description);
  Option add_flag(const std::string& names, bool& value, const std::string& description);
  // A flag that changes nothing.
  Option add_flag(const std::string& names, const std::string& description);
  // What it does, once the command line has been read.
  void callback(std::function<void()> run);

 private:
  CLI::App* command_;
};

class Program : public Command {
 public:
  // `name`: "" for that of the file that runs.
  Program(const std::string& name, const std::string& description, const std::string& version);
  ~Program();

  // It does nothing without one of its commands.
  void require_command();
  // Reads the command line and runs what it asks for; prints help and version. Throws UserError where it is wrong.
  void parse(int argc, char** argv);

 private:
  explicit Program(std::unique_ptr<CLI::App> program);

  std::unique_ptr<CLI::App> program_;
};

} // namespace sibyl::cli
