// troupe config check | keys
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/commands.hpp"
#include "schemas/cluster_config_codec.hpp"

namespace troupe {
namespace {

int check(const std::string& path) {
  auto config = load_cluster_config(path);
  if (!config) return failed(config.err());
  uint32_t groups = 0, ranks = 0;
  for (const auto& deployment : config->deployments) {
    groups += deployment.groups;
    ranks += deployment.groups * deployment.tensor_parallel;
  }
  std::printf("%s: valid: cluster %s, hosts %zu, gateways %zu, deployments %zu, groups %u, ranks %u\n", path.c_str(),
              config->name.c_str(), config->hosts.size(), config->gateways.size(), config->deployments.size(), groups,
              ranks);
  return 0;
}

}  // namespace

void add_config(CLI::App& app, int& exit_code) {
  auto* config = app.add_subcommand("config", "Check configurations, list their keys");
  config->require_subcommand(1);

  auto* check_command = config->add_subcommand(
      "check",
      "Reads a configuration as the cluster would, and starts nothing. What is wrong is said as\n"
      "  FILE:LINE:COLUMN: KEY: RULE");
  auto path = std::make_shared<std::string>();
  check_command->add_option("FILE", *path, "A YAML file, such as cluster-config/local.yaml")->required();
  check_command->callback([path, &exit_code] { exit_code = check(*path); });

  auto* keys_command =
      config->add_subcommand("keys", "Prints every key with its default, unit, range and meaning, as Markdown");
  keys_command->callback([&exit_code] {
    std::fputs(describe_cluster_config().c_str(), stdout);
    exit_code = 0;
  });
}

}  // namespace troupe
