// The program's commands, one source file each. Each function adds its command, with its options, to the program; the
// command runs when the arguments have been parsed.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sibyl::cli {

void add_build(CLI::App& program);
void add_check(CLI::App& program);
void add_compile(CLI::App& program);
void add_compare(CLI::App& program);
void add_diagnose(CLI::App& program);
void add_format(CLI::App& program);
void add_help(CLI::App& program);
void add_loo(CLI::App& program);
void add_lsp(CLI::App& program);
void add_mcmc(CLI::App& program);
void add_optimize(CLI::App& program);
void add_pathfinder(CLI::App& program);
void add_predict(CLI::App& program);
void add_sensitivity(CLI::App& program);
void add_simulate(CLI::App& program);
void add_train(CLI::App& program);
void add_sample(CLI::App& program);
void add_repl(CLI::App& program);

// What `sibyl` alone does on a terminal. `model`: loaded first, where it is not empty.
void run_repl(const std::string& model, const std::vector<std::string>& include_directories = {});

} // namespace sibyl::cli
