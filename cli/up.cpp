// troupe up: a host's agent in the foreground, and with it the cluster of that host.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "actors/node/node_runtime.hpp"
#include "actors/node/nodes.hpp"
#include "cli/cluster_options.hpp"
#include "cli/commands.hpp"

namespace troupe {
namespace {

struct up_options {
  cluster_options cluster;
  std::string host;
};

void greet(const cluster_config& config, const host_addresses& addresses) {
  const auto& http = addresses.http;
  if (http.empty()) {
    std::printf("troupe: %s is part of cluster %s; state in %s\n", addresses.host.node.c_str(), config.name.c_str(),
                config.state_folder.c_str());
    std::fflush(stdout);
    return;
  }
  const auto& deployment = config.deployments.front();
  std::printf("troupe: http://%s serves %s (%u groups of %u ranks); state in %s\n", http.c_str(),
              deployment.name.c_str(), deployment.groups, deployment.tensor_parallel, config.state_folder.c_str());
  std::printf(
      "troupe: try  curl -N http://%s/v1/chat/completions -H 'content-type: application/json' -d "
      "'{\"model\":\"%s\",\"stream\":true,\"max_tokens\":120,\"messages\":[{\"role\":\"user\",\"content\":\"It was a "
      "dark "
      "evening and the sea\"}]}'\n",
      http.c_str(), deployment.name.c_str());
  std::printf("troupe: Ctrl-C drains and ends it; `troupe ctl --state %s tree` shows it\n",
              config.state_folder.c_str());
  std::fflush(stdout);
}

int up(const up_options& options) {
  auto loaded = load_cluster(options.cluster);
  if (!loaded) return failed(loaded.err());
  const auto& config = loaded->config;
  prepare_process();
  node_arguments arguments;
  arguments.config_file = std::filesystem::absolute(options.cluster.config_file).string();
  arguments.config_text = loaded->text;
  arguments.name = options.host.empty() ? config.hosts.front().name : options.host;
  std::optional<host_addresses> before;
  auto known = read_addresses(config.state_folder);
  if (known && known->configuration == loaded->key && known->host.host.node == arguments.name) before = known->host;
  auto exit_code = run_host_node(config, arguments, before, [&](const host_addresses& addresses) {
    cluster_addresses file{config.name, loaded->key, addresses};
    if (auto written = write_addresses(config.state_folder, file); !written) failed(written.err());
    greet(config, addresses);
  });
  return exit_code ? *exit_code : failed(exit_code.err());
}

}  // namespace

void add_up(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "up",
      "Starts this host's part of a cluster and keeps it running: certificates, gateway, ranks.\n"
      "Stays in the foreground; Ctrl-C or SIGTERM lets running answers finish, a second one ends it at once.");
  auto options = std::make_shared<up_options>();
  command->add_option("--config", options->cluster.config_file, "The cluster's YAML file")->required();
  command->add_option("--host", options->host, "Which of its hosts this is; the first one if not given");
  command->add_option("--state", options->cluster.state_folder, "Certificates, store and logs; overrides stateFolder");
  command->add_option("--http-port", options->cluster.http_port, "Overrides httpPort; 0 takes any free one");
  command->callback([options, &exit_code] { exit_code = up(*options); });
}

}  // namespace troupe
