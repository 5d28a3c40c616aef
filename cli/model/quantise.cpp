// troupe model quantise
#include "shards/model/quantise_model.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/commands.hpp"
#include "cli/model/measured_text.hpp"
#include "cli/model/model_commands.hpp"

namespace troupe {
namespace {

struct quantise_arguments {
  remade_model model;
  quantise_options options;
};

result<void> quantise(quantise_arguments arguments) {
  const remade_model& model = arguments.model;
  arguments.options.threads = model.threads;
  arguments.options.progress = progress_line("tensors");
  TROUPE_ASSIGN(const remake_report report, quantise_model(model.from, model.to, arguments.options));
  std::printf("%s: %zu matrices quantised, %zu tensors as they were; %.1f MB of weights, %.1f MB before\n",
              model.to.c_str(), report.changed, report.kept, static_cast<double>(report.bytes_after) / 1e6,
              static_cast<double>(report.bytes_before) / 1e6);
  return print_before_and_after(model);
}

}  // namespace

void add_model_quantise(CLI::App& model, int& exit_code) {
  auto* command =
      model.add_subcommand("quantise",
                           "Makes a folder with weights of 8 or 4 bits from one with f32, f16 or bf16\n"
                           "\n"
                           "Example:\n"
                           "  troupe model quantise models/troupe-tiny --to int8 --out models/troupe-tiny-int8");
  auto arguments = std::make_shared<quantise_arguments>();
  const std::map<std::string, uint32_t> bits{{"int8", 8}, {"int4", 4}};
  add_options(*command, arguments->model);
  command->add_option("--to", arguments->options.bits, "int8 or int4")
      ->required()
      ->transform(CLI::CheckedTransformer(bits).description(""));
  command->add_option("--group", arguments->options.group, "Weights that share a scale: 32 or 128")
      ->capture_default_str();
  command->add_option("--head", arguments->options.head_bits, "Of the embedding and the head: int8 or int4")
      ->transform(CLI::CheckedTransformer(bits).description(""))
      ->default_str("int8");
  command->callback([arguments, &exit_code] { exit_code = finished(quantise(*arguments)); });
}

}  // namespace troupe
