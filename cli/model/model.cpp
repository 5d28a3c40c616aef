// troupe model info | import; its other subcommands have files of their own
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/result.hpp"
#include "cli/commands.hpp"
#include "cli/model/model_commands.hpp"
#include "gateway/cluster/served_models.hpp"
#include "shards/model/files.hpp"
#include "shards/model/llama2c_import.hpp"
#include "shards/model/model_info.hpp"
#include "shards/tokenizer/llama2c_tokenizer.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

// Ranks read the weights, a gateway the rest: who cannot be served is told so here, not when a cluster starts.
int show_serving(const std::string& folder) {
  deployment_config deployment;
  deployment.model = folder;
  auto served = load_served_model(deployment, 0);
  if (!served) return failed(with_context(served.err(), "it cannot be served"));
  const auto& model = **served;
  std::printf("served with:   a tokenizer of %zu tokens, %s\n", model.tokens->vocab_size(),
              model.chat ? "a chat template" : "no chat template (chat requests are refused)");
  return 0;
}

int info(const std::string& folder) {
  auto summary = summarise_model(folder);
  if (!summary) return failed(summary.err());
  std::fputs(to_text(*summary).c_str(), stdout);
  return show_serving(folder);
}

struct import_arguments {
  std::string checkpoint;
  std::string tokenizer;
  std::string out;
};

result<void> import_model(const import_arguments& arguments) {
  TROUPE_ASSIGN(uint32_t vocab_size, llama2c_vocab_size(arguments.checkpoint));
  TROUPE_ASSIGN(std::unique_ptr<mapped_file> file, mapped_file::open(arguments.tokenizer));
  auto tokenizer = tokenizer_json_from_llama2c(file->bytes(), vocab_size);
  if (!tokenizer) return with_context(tokenizer.err(), arguments.tokenizer);
  return import_llama2c(arguments.checkpoint, *tokenizer, arguments.out);
}

int run_import(const import_arguments& arguments) {
  auto done = import_model(arguments);
  if (!done) return failed(done.err());
  // Says what came out, by reading it as a rank would.
  return info(arguments.out);
}

}  // namespace

void add_model(CLI::App& app, int& exit_code) {
  auto* model = app.add_subcommand("model", "Look at model folders and GGUF files, measure them, make others of them");
  model->require_subcommand(1);

  auto* info_command = model->add_subcommand(
      "info",
      "Checks a folder in Hugging Face layout, or a GGUF file, as ranks and a gateway would before serving it, and\n"
      "prints what it is: sizes, element types, version, the numbers of ranks that it can be split over, tokenizer "
      "and\n"
      "chat template");
  auto folder = std::make_shared<std::string>();
  info_command->add_option("MODEL", *folder, "The folder with config.json and *.safetensors, or FILE.gguf")->required();
  info_command->callback([folder, &exit_code] { exit_code = info(*folder); });

  auto* import_command = model->add_subcommand(
      "import",
      "Turns a checkpoint of llama2.c (version 0 or 1) and its tokenizer into a folder in Hugging Face layout\n"
      "\n"
      "Example:\n"
      "  troupe model import --checkpoint stories15M.bin --tokenizer tokenizer.bin --out models/stories15M");
  auto arguments = std::make_shared<import_arguments>();
  import_command->add_option("--checkpoint", arguments->checkpoint, "The checkpoint, such as stories15M.bin")
      ->required();
  import_command->add_option("--tokenizer", arguments->tokenizer, "Its tokenizer.bin")->required();
  import_command->add_option("--out", arguments->out, "The folder to make; refused where it has a model already")
      ->required();
  import_command->callback([arguments, &exit_code] { exit_code = run_import(*arguments); });
  add_model_plan(*model, exit_code);
  add_model_perplexity(*model, exit_code);
  add_model_quantise(*model, exit_code);
  add_model_prune(*model, exit_code);
}

}  // namespace troupe
