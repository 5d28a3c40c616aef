// troupe model perplexity
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "cli/model/measured_text.hpp"
#include "cli/model/model_commands.hpp"

namespace troupe {
namespace {

result<void> print_perplexity(text_measurement what) {
  what.file = text_for(what.model, what.file);
  if (what.file.empty())
    return error{errc::invalid_argument, what.model + " has no text of its own; --text FILE names one"};
  TROUPE_ASSIGN(const text_likelihood text, measure(what));
  std::printf("text:          %s\n", what.file.c_str());
  std::printf("tokens:        %llu\n", static_cast<unsigned long long>(text.tokens));
  std::printf("nats a token:  %.4f\n", text.nats_per_token);
  std::printf("perplexity:    %.3f\n", text.perplexity());
  return {};
}

}  // namespace

void add_model_perplexity(CLI::App& model, int& exit_code) {
  auto* command = model.add_subcommand(
      "perplexity",
      "Says how well a model predicts a text: the mean of -log p of its tokens, each from those before it in its\n"
      "window, and the exponential of that\n"
      "\n"
      "Example:\n"
      "  troupe model perplexity models/troupe-tiny --text book.txt --window 512");
  auto what = std::make_shared<text_measurement>();
  what->threads = threads_of_machine();
  command->add_option("MODEL", what->model, "The model folder, or FILE.gguf")->required();
  command->add_option("--text", what->file, "The text, at most 8 MiB of UTF-8 [held_out.txt of the folder]");
  command->add_option("--window", what->window, "Tokens of a window [2048, or the model's context if that is shorter]")
      ->check(CLI::PositiveNumber);
  command->add_option("--threads", what->threads, "Threads")->capture_default_str();
  command->callback([what, &exit_code] { exit_code = finished(print_perplexity(*what)); });
}

}  // namespace troupe
