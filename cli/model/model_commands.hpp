// The subcommands of `troupe model`; commands.hpp says what each function does.
#pragma once

namespace CLI {
class App;
}

namespace troupe {

void add_model_plan(CLI::App& model, int& exit_code);
void add_model_perplexity(CLI::App& model, int& exit_code);
void add_model_quantise(CLI::App& model, int& exit_code);
void add_model_prune(CLI::App& model, int& exit_code);

}  // namespace troupe
