// The program's subcommands, one file each. Each function adds one to `app`; when the user asks for it, it runs and
// stores the process's exit status: 0 done, 1 failed (one line on standard error says why). 2, a mistake in the command
// line, is main's.
#pragma once

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace troupe {

void add_up(CLI::App& app, int& exit_code);
void add_node(CLI::App& app, int& exit_code);
void add_ctl(CLI::App& app, int& exit_code);
void add_model(CLI::App& app, int& exit_code);
void add_config(CLI::App& app, int& exit_code);
void add_bench(CLI::App& app, int& exit_code);
void add_simulate(CLI::App& app, int& exit_code);

/// Writes "troupe: <message>" to standard error and returns 1.
int failed(const error& e);
/// The process's exit status: 0, or that of failed().
inline int finished(const result<void>& done) { return done ? 0 : failed(done.err()); }

}  // namespace troupe
