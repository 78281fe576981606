// The program's commands, one source file each. Each function adds its command, with its options, to the program; the
// command runs when the arguments have been parsed.
#pragma once

#include <string>
#include <vector>

namespace sibyl::cli {

class Command; // runtime/terminal/command_line.hpp

void add_build(Command& program);
void add_check(Command& program);
void add_compile(Command& program);
void add_compare(Command& program);
void add_diagnose(Command& program);
void add_format(Command& program);
void add_help(Command& program);
void add_loo(Command& program);
void add_lsp(Command& program);
void add_mcmc(Command& program);
void add_optimize(Command& program);
void add_pathfinder(Command& program);
void add_predict(Command& program);
void add_sensitivity(Command& program);
void add_simulate(Command& program);
void add_train(Command& program);
void add_sample(Command& program);
void add_repl(Command& program);

// What `sibyl` alone does on a terminal. `model`: loaded first, where it is not empty.
void run_repl(const std::string& model, const std::vector<std::string>& include_directories = {});

} // namespace sibyl::cli
