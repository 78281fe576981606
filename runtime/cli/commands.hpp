// The program's commands, one source file each. Each function adds its command, with its options, to the program; the
// command runs when the arguments have been parsed.
#pragma once

namespace CLI {
class App;
}

namespace sibyl::cli {

void add_check(CLI::App& program);
void add_compile(CLI::App& program);
void add_format(CLI::App& program);
void add_simulate(CLI::App& program);
void add_train(CLI::App& program);
void add_sample(CLI::App& program);

} // namespace sibyl::cli
