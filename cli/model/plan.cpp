// troupe model plan
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "actors/node/shard_settings.hpp"
#include "cli/commands.hpp"
#include "cli/model/model_commands.hpp"
#include "schemas/cluster_config.hpp"
#include "shards/engine/available_memory.hpp"
#include "shards/engine/group_plan.hpp"

namespace troupe {
namespace {

struct plan_arguments {
  /// As a cluster would have it; kv_positions 0: as many as fit.
  deployment_config deployment;
  uint64_t memory = 0;
  uint32_t context = 0;
};

result<group_plan> make_plan(plan_arguments& arguments) {
  group_plan_request request{.shard = {},
                             .hosts = arguments.deployment.hosts_per_group,
                             .memory = arguments.memory,
                             .context = arguments.context};
  TROUPE_ASSIGN(request.shard, shard_config_of(arguments.deployment, 0));
  if (request.memory == 0) {
    const auto available = available_memory_bytes("");
    if (!available)
      return error{errc::not_supported, "this machine does not say how much memory it has; give --memory"};
    request.memory = arguments.memory = *available;
  }
  return plan_group(request);
}

void print_rank(const char* name, const shard_plan& rank) {
  constexpr double mib = 1 << 20;
  std::printf("%-8s %12.1f %12.1f %12.1f %12.1f %12llu %12llu\n", name, static_cast<double>(rank.weights_bytes) / mib,
              static_cast<double>(rank.working_bytes) / mib, static_cast<double>(rank.kv_bytes()) / mib,
              static_cast<double>(rank.bytes()) / mib, static_cast<unsigned long long>(rank.kv_page_bytes),
              static_cast<unsigned long long>(rank.kv_page_bytes / kv_page_positions));
}

void print(const plan_arguments& arguments, const group_plan& plan) {
  constexpr double mib = 1 << 20;
  std::printf("%-8s %12s %12s %12s %12s %12s %12s\n", "", "weights MiB", "working MiB", "kv MiB", "all MiB",
              "page bytes", "token bytes");
  for (size_t rank = 0; rank < plan.ranks.size(); ++rank)
    print_rank(("rank " + std::to_string(rank)).c_str(), plan.ranks[rank]);
  std::printf("\nmemory:       %.1f MiB with %.1f MiB through which the ranks exchange numbers, of %.1f MiB%s\n",
              static_cast<double>(plan.bytes) / mib, static_cast<double>(plan.exchange_bytes) / mib,
              static_cast<double>(arguments.memory) / mib,
              arguments.deployment.hosts_per_group == 1 ? "" : " on each host");
  std::printf("kv:           %llu tokens in %u pages\n", static_cast<unsigned long long>(plan.kv_positions()),
              plan.kv_pages);
  std::printf("concurrency:  %u streams of %u tokens, of which a step takes %u\n", plan.streams, plan.context,
              std::min(plan.streams, arguments.deployment.sequences_max));
}

int run_plan(plan_arguments& arguments) {
  const auto plan = make_plan(arguments);
  if (!plan) return failed(plan.err());
  print(arguments, *plan);
  return 0;
}

}  // namespace

void add_model_plan(CLI::App& model, int& exit_code) {
  auto* command = model.add_subcommand(
      "plan",
      "Says what each rank of a group would take of memory, how many tokens have room for keys and values, and how\n"
      "many streams that is; refuses what cannot be. Reads headers, loads nothing\n"
      "\n"
      "Example:\n"
      "  troupe model plan models/troupe-tiny --tp 2 --memory 64MiB --context 512");
  auto arguments = std::make_shared<plan_arguments>();
  deployment_config& deployment = arguments->deployment;
  deployment.kv_positions = 0;
  command->add_option("MODEL", deployment.model, "The model folder, or FILE.gguf")->required();
  command->add_option("--tp", deployment.tensor_parallel, "Ranks of the group, as tensorParallel")
      ->capture_default_str();
  command->add_option("--hosts-per-group", deployment.hosts_per_group, "As hostsPerGroup")->capture_default_str();
  command->add_option("--memory", arguments->memory, "Of each host, such as 8GiB [what this machine has left]")
      ->transform(CLI::AsSizeValue(false));
  command->add_option("--context", arguments->context, "Tokens of one stream [as many as model and pages allow]");
  command->add_option("--kv-positions", deployment.kv_positions, "As kvPositions [as many as fit]");
  command->add_option("--kv-type", deployment.kv_type, "As kvType: f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}).description(""))
      ->capture_default_str();
  command->add_option("--step-tokens", deployment.step_tokens_max, "As stepTokensMax")->capture_default_str();
  command->add_option("--sequences", deployment.sequences_max, "As sequencesMax")->capture_default_str();
  command->add_option("--threads", deployment.threads_per_rank, "As threadsPerRank")->capture_default_str();
  command->callback([arguments, &exit_code] { exit_code = run_plan(*arguments); });
}

}  // namespace troupe
