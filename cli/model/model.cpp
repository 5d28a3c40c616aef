// troupe model info | import | quantise; plan has a file of its own
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "base/result.hpp"
#include "cli/commands.hpp"
#include "cli/model/model_commands.hpp"
#include "gateway/cluster/served_models.hpp"
#include "shards/model/files.hpp"
#include "shards/model/llama2c_import.hpp"
#include "shards/model/model_info.hpp"
#include "shards/model/quantise_model.hpp"
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

struct quantise_arguments {
  std::string from, to;
  quantise_options options;
};

int run_quantise(quantise_arguments arguments) {
  const bool shown = isatty(STDERR_FILENO) != 0;
  arguments.options.progress = [shown](size_t done, size_t all) {
    if (shown) std::fprintf(stderr, "\r%zu of %zu tensors%s", done, all, done == all ? "\n" : "");
  };
  auto report = quantise_model(arguments.from, arguments.to, arguments.options);
  if (!report) return failed(report.err());
  std::printf("%s: %zu matrices quantised, %zu tensors as they were; %.1f MB of weights, %.1f MB before\n",
              arguments.to.c_str(), report->changed, report->kept, static_cast<double>(report->bytes_after) / 1e6,
              static_cast<double>(report->bytes_before) / 1e6);
  return 0;
}

void add_quantise(CLI::App& model, int& exit_code) {
  auto* command =
      model.add_subcommand("quantise",
                           "Makes a folder with weights of 8 or 4 bits from one with f32, f16 or bf16\n"
                           "\n"
                           "Example:\n"
                           "  troupe model quantise models/troupe-tiny --to int8 --out models/troupe-tiny-int8");
  auto arguments = std::make_shared<quantise_arguments>();
  arguments->options.threads = std::max(std::thread::hardware_concurrency(), 1U);
  const std::map<std::string, uint32_t> bits{{"int8", 8}, {"int4", 4}};
  command->add_option("FOLDER", arguments->from, "The model folder")->required();
  command->add_option("--out", arguments->to, "The folder to make; refused where it has a model already")->required();
  command->add_option("--to", arguments->options.bits, "int8 or int4")
      ->required()
      ->transform(CLI::CheckedTransformer(bits).description(""));
  command->add_option("--group", arguments->options.group, "Weights that share a scale: 32 or 128")
      ->capture_default_str();
  command->add_option("--head", arguments->options.head_bits, "Of the embedding and the head: int8 or int4")
      ->transform(CLI::CheckedTransformer(bits).description(""))
      ->default_str("int8");
  command->callback([arguments, &exit_code] { exit_code = run_quantise(*arguments); });
}

}  // namespace

void add_model(CLI::App& app, int& exit_code) {
  auto* model =
      app.add_subcommand("model", "Look at model folders and GGUF files, make folders from llama2.c checkpoints");
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
  add_quantise(*model, exit_code);
  add_model_plan(*model, exit_code);
}

}  // namespace troupe
