// troupe model prune
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/model/measured_text.hpp"
#include "cli/model/model_commands.hpp"
#include "shards/engine/input_recorder.hpp"
#include "shards/model/prune_model.hpp"

namespace troupe {
namespace {

constexpr const char* by_activations = "activations";

struct prune_arguments {
  remade_model model;
  std::string method = "magnitude";
  std::string calibration;
  prune_options options;
};

/// What the matrices see of the calibration text, where the method asks for it.
result<std::optional<input_squares>> calibrate(const prune_arguments& arguments) {
  const std::string& file = arguments.calibration;
  if (arguments.method != by_activations) {
    if (file.empty()) return std::optional<input_squares>();
    return error{errc::invalid_argument, "--calibration " + file + " is for --method activations"};
  }
  if (file.empty()) return error{errc::invalid_argument, "--method activations needs --calibration FILE, a text"};
  TROUPE_ASSIGN(const tokenized_text text, read_text(arguments.model.from, file));
  auto squares = record_inputs(
      text.tokens, {.model_folder = arguments.model.from, .threads = arguments.model.threads, .bos = text.bos},
      [all = text.predicted(), show = progress_line("tokens of the calibration text")](uint64_t done) {
        show(done, all);
      });
  if (!squares) return with_context(std::move(squares).err(), file);
  return std::optional(std::move(*squares));
}

result<void> prune(prune_arguments arguments) {
  const remade_model& model = arguments.model;
  arguments.options.threads = model.threads;
  // Before the calibration, which may take long.
  TROUPE_TRY(check_prune(model.from, model.to, arguments.options.sparsity));
  TROUPE_ASSIGN(const std::optional<input_squares> inputs, calibrate(arguments));
  arguments.options.inputs = inputs ? &*inputs : nullptr;
  arguments.options.progress = progress_line("tensors");
  TROUPE_ASSIGN(const prune_report report, prune_model(model.from, model.to, arguments.options));
  std::printf("%s: %zu matrices pruned, %.2f %% of their weights are zero; %zu tensors as they were\n",
              model.to.c_str(), report.folder.changed,
              100.0 * static_cast<double>(report.zeros) / static_cast<double>(report.weights), report.folder.kept);
  return print_before_and_after(model);
}

}  // namespace

void add_model_prune(CLI::App& model, int& exit_code) {
  auto* command = model.add_subcommand(
      "prune",
      "Makes a folder in which the less important weights of attention and MLPs are zero, row by row\n"
      "\n"
      "Examples:\n"
      "  troupe model prune models/troupe-tiny --sparsity 0.5 --out pruned\n"
      "  troupe model prune models/troupe-tiny --sparsity 0.5 --method activations --calibration book.txt --out "
      "pruned");
  auto arguments = std::make_shared<prune_arguments>();
  add_options(*command, arguments->model);
  command->add_option("--sparsity", arguments->options.sparsity, "The part that becomes zero, such as 0.5")->required();
  command
      ->add_option("--method", arguments->method,
                   "magnitude: the smallest go; activations: those that are smallest together with what they meet")
      ->check(CLI::IsMember({"magnitude", by_activations}).description(""))
      ->capture_default_str();
  command->add_option("--calibration", arguments->calibration, "The text that shows it, for activations");
  command->callback([arguments, &exit_code] { exit_code = finished(prune(*arguments)); });
}

}  // namespace troupe
