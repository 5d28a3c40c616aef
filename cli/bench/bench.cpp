// troupe bench engine | peers
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "cli/bench/engine_side.hpp"
#include "cli/bench/memory_bandwidth.hpp"
#include "cli/bench/obey.hpp"
#include "cli/bench/peers.hpp"
#include "cli/bench/simulation_speed.hpp"
#include "cli/commands.hpp"

namespace troupe {
namespace {

struct engine_arguments {
  engine_side_options side;
  std::vector<uint32_t> streams{1, 8, 32};
  uint32_t steps = 16;
  uint32_t context = 64;
  uint32_t repeats = 3;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// What a lone stream is bound by.
result<void> measure_memory(const engine_arguments& arguments) {
  TROUPE_ASSIGN(const auto memory, memory_bandwidth::make(arguments.side.tp * arguments.side.threads));
  std::vector<double> rates;
  for (uint32_t i = 0; i < arguments.repeats; ++i) rates.push_back(memory->measure());
  std::printf("memory: %.1f GB/s read by as many threads\n", median(rates) / 1e9);
  return {};
}

result<void> measure(engine_side& side, const engine_arguments& arguments) {
  TROUPE_TRY(measure_memory(arguments));
  std::vector<double> seconds;
  for (uint32_t i = 0; i < arguments.repeats; ++i) {
    TROUPE_ASSIGN(const double took, side.prefill(arguments.side.prompt_max));
    seconds.push_back(took);
  }
  std::printf("prefill %u tokens: %.1f tokens/s\n", arguments.side.prompt_max,
              arguments.side.prompt_max / median(seconds));
  for (const uint32_t streams : arguments.streams) {
    seconds.clear();
    for (uint32_t i = 0; i < arguments.repeats; ++i) {
      TROUPE_ASSIGN(const double took, side.decode(streams, arguments.steps, arguments.context));
      seconds.push_back(took);
    }
    std::printf("decode, %2u streams: %.1f tokens/s, %.2f ms a step\n", streams, streams / median(seconds),
                1e3 * median(seconds));
  }
  return {};
}

int run_engine(const engine_arguments& arguments) {
  auto side = engine_side::open(arguments.side);
  if (!side) return failed(side.err());
  std::printf("loaded in %.2f s: %s\n", (*side)->seconds_to_load(), (*side)->facts().fingerprint.c_str());
  auto done = measure(**side, arguments);
  if (const auto resident = (*side)->resident_bytes()) {
    std::printf("resident: %.1f MB; weights as packed: %.1f MB a rank\n", static_cast<double>(*resident) / 1e6,
                static_cast<double>((*side)->facts().weights_bytes) / 1e6);
  }
  return finished(done);
}

void add_peers(CLI::App& bench, int& exit_code) {
  auto* command =
      bench.add_subcommand("peers",
                           "Our engine and llama.cpp by turns, on models that are the same in both: a "
                           "Markdown table of both and their ratio\n"
                           "\n"
                           "Example, with models of tools that make NAME/hf and NAME/NAME-BF16.gguf:\n"
                           "  troupe bench peers --models bench-models --python venv/bin/python > peers.md");
  auto options = std::make_shared<peers_options>();
  command->add_option("--models", options->models, "The folder with NAME/hf and NAME/NAME-BF16.gguf")->required();
  command->add_option("--names", options->names, "Which models")->delimiter(',')->capture_default_str();
  command->add_option("--precisions", options->precisions, "Of bf16, int8, int4")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--python", options->python, "The python that has llama-cpp-python")->capture_default_str();
  command->add_option("--script", options->script, "The program that it runs")->capture_default_str();
  command->add_option("--served-script", options->served_script, "The program that measures a cluster")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads of each side")->capture_default_str();
  command->add_option("--rounds", options->rounds, "Measured rounds")->capture_default_str();
  command->add_option("--least-seconds", options->least_seconds, "Of a comparison of rates: more rounds until then")
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = finished(bench_peers(*options)); });
}

void add_group(CLI::App& command, engine_side_options& options) {
  command.add_option("--model", options.model, "The model folder")->required();
  command.add_option("--tp", options.tp, "Ranks, each a process")->capture_default_str();
  command.add_option("--threads", options.threads, "Threads of each rank")->capture_default_str();
  command.add_flag("--kv-bf16", options.kv_bf16, "Keys and values are kept in bf16");
}

void add_side(CLI::App& bench, int& exit_code) {
  auto* command = bench.add_subcommand(
      "side", "Obeys lines on standard input, as `troupe bench peers` and others like it write them");
  auto options = std::make_shared<engine_side_options>();
  add_group(*command, *options);
  command->add_option("--prompt", options->prompt_max, "The longest prompt")->capture_default_str();
  command->add_option("--streams", options->streams_max, "The most streams")->capture_default_str();
  command->add_option("--context", options->context_max, "The longest stream")->capture_default_str();
  command->callback([options, &exit_code] {
    auto side = engine_side::open(*options);
    auto done = side ? obey(**side, stdin, stdout) : result<void>(side.err());
    exit_code = finished(done);
  });
}

void add_simulation(CLI::App& bench, int& exit_code) {
  auto* command = bench.add_subcommand("simulation", "How much of a cluster's life a minute of one core simulates");
  auto options = std::make_shared<simulation_speed_options>();
  command->add_option("--minutes", options->minutes, "Of simulated time in a round")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--rounds", options->rounds, "Measured rounds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = finished(bench_simulation(*options)); });
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* bench = app.add_subcommand("bench", "Measure how fast this machine is");
  bench->require_subcommand(1);
  auto* engine = bench->add_subcommand("engine", "Prompts and decode steps of one model, without a cluster around it");
  auto arguments = std::make_shared<engine_arguments>();
  add_group(*engine, arguments->side);
  engine->add_option("--prompt", arguments->side.prompt_max, "Tokens of the prompt")->capture_default_str();
  engine->add_option("--streams", arguments->streams, "Streams that decode together")->delimiter(',');
  engine->add_option("--steps", arguments->steps, "Decode steps of one measurement")->capture_default_str();
  engine->add_option("--context", arguments->context, "Tokens that each stream has before")->capture_default_str();
  engine->add_option("--repeats", arguments->repeats, "Measurements, of which the median is shown")
      ->capture_default_str();
  engine->callback([arguments, &exit_code] {
    arguments->side.streams_max = *std::ranges::max_element(arguments->streams);
    arguments->side.context_max = std::max(arguments->side.prompt_max, arguments->context + arguments->steps);
    exit_code = run_engine(*arguments);
  });
  add_side(*bench, exit_code);
  add_peers(*bench, exit_code);
  add_simulation(*bench, exit_code);
}

}  // namespace troupe
