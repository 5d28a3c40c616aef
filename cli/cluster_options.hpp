// What the commands that deal with a cluster share: its configuration with what the command line overrides, and the
// file in which `troupe up` says where its cluster is.
#pragma once

#include <optional>
#include <string>

#include "actors/node/nodes.hpp"
#include "base/result.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

struct cluster_options {
  std::string config_file;
  /// What that file said when the cluster was started; empty: what it says now.
  std::string config_text_file;
  /// Overrides stateFolder.
  std::string state_folder;
  /// Overrides httpPort of every gateway.
  std::optional<uint16_t> http_port;
};

struct loaded_cluster {
  cluster_config config;
  std::string text;
  /// Of the text, the options and this version of the program: processes of an earlier start are only taken over where
  /// it is the same.
  std::string key;
};
/// Errors: those of load_cluster_config().
result<loaded_cluster> load_cluster(const cluster_options& options);

/// Where a running cluster is: STATE/cluster.json.
struct cluster_addresses {
  std::string cluster;
  std::string configuration;
  host_addresses host;
};
result<void> write_addresses(const std::string& state_folder, const cluster_addresses& addresses);
/// Errors: unavailable (no cluster was started there), corrupt.
result<cluster_addresses> read_addresses(const std::string& state_folder);

/// "gateway-0=127.0.0.1:4711". Errors: invalid_argument.
result<transport_peer> parse_peer(const std::string& text);

}  // namespace troupe
