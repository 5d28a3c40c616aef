// troupe up: a host's agent in the foreground, and with it the cluster of that host.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

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

void greet(const cluster_config& config, const std::string& http) {
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
  auto config = load_cluster(options.cluster);
  if (!config) return failed(config.err());
  prepare_process();
  node_arguments arguments;
  arguments.config_file = std::filesystem::absolute(options.cluster.config_file).string();
  arguments.name = options.host.empty() ? config->hosts.front().name : options.host;
  auto exit_code = run_host_node(*config, std::move(arguments), [&](const host_addresses& addresses) {
    cluster_addresses file{config->name, addresses.http, addresses.gateways};
    if (auto written = write_addresses(config->state_folder, file); !written) failed(written.err());
    if (!addresses.http.empty()) greet(*config, addresses.http);
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
