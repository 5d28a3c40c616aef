// A cluster's configuration as plain structs: what a YAML file says, checked. Every key with its unit, default, range
// and meaning is in cluster_config.capnp; the conversion, which is where a file is refused, in cluster_config_codec.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

/// One machine, on which a host agent starts the other processes.
struct host_config {
  node_name name{};
  /// Where its agent listens for other nodes; port 0: any free one (single-host clusters only).
  std::string address = "127.0.0.1";
  uint16_t port = 0;

  friend bool operator==(const host_config&, const host_config&) = default;
};

/// One gateway + control node.
struct gateway_config {
  node_name name{};
  /// The host it runs on.
  node_name host{};
  /// For other nodes.
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  /// For clients.
  std::string http_address = "127.0.0.1";
  uint16_t http_port = 8080;

  friend bool operator==(const gateway_config&, const gateway_config&) = default;
};

/// A model served by `groups` groups of `tensor_parallel` ranks each.
struct deployment_config {
  std::string name{};
  /// A folder in Hugging Face layout; relative to the configuration file.
  std::string model{};
  /// Other names under which clients may ask for it.
  std::vector<std::string> aliases{};
  uint32_t groups = 1;
  uint32_t tensor_parallel = 1;
  /// Hosts on which groups are placed in turn; empty: all.
  std::vector<node_name> hosts{};
  /// Over which the ranks of one group are spread.
  uint32_t hosts_per_group = 1;
  uint32_t threads_per_rank = 1;
  /// "auto", "scalar", "avx2", "avx512".
  std::string backend = "auto";
  /// Positions of the KV cache of one group, rounded up to pages.
  uint32_t kv_positions = 16384;
  /// Sequences in one step.
  uint32_t sequences_max = 32;
  /// Waiting requests per group; beyond it: overloaded.
  uint32_t waiting_max = 256;
  /// Tokens in one step: decodes first, then chunks of prompts.
  uint32_t step_tokens_max = 256;
  /// Whether keys and values of texts that begin alike are computed once.
  bool prefix_cache = true;
  /// "off", "ngram".
  std::string speculation = "off";
  /// The longest guess for one sequence in one step.
  uint32_t draft_tokens_max = 4;
  /// Tokens that must have occurred together before.
  uint32_t draft_match_min = 3;
  /// "f32", "bf16": what keys and values are kept as.
  std::string kv_type = "f32";
  /// "auto", "mean", "last".
  std::string pooling = "auto";

  friend bool operator==(const deployment_config&, const deployment_config&) = default;
};

/// The node of one rank of one of its groups: "troupe-tiny-g0-r1".
inline node_name rank_node(const deployment_config& deployment, uint32_t group, uint32_t rank) {
  return deployment.name + "-g" + std::to_string(group) + "-r" + std::to_string(rank);
}

struct http_config {
  uint32_t threads = 1;
  uint32_t connections_max = 1024;
  uint32_t connections_per_address_max = 512;
  uint32_t header_bytes_max = 16 << 10;
  uint32_t body_bytes_max = 4 << 20;
  uint32_t stream_buffer_bytes = 256 << 10;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds slow_client_timeout{30'000};
  /// The longest that one request may take.
  std::chrono::milliseconds request_timeout{600'000};

  friend bool operator==(const http_config&, const http_config&) = default;
};

struct transport_config {
  uint32_t frame_bytes_max = 8 << 20;
  uint32_t queue_bytes_max = 16 << 20;
  std::chrono::milliseconds ping_interval{1000};
  uint32_t pings_missed_max = 3;

  friend bool operator==(const transport_config&, const transport_config&) = default;
};

struct supervision_config {
  /// Restarts of one group, or of one process of a host, within the period; beyond it the supervisor escalates.
  uint32_t restarts_max = 20;
  std::chrono::milliseconds restart_period{60'000};
  /// The wait before a restart, doubled with each one in the period.
  std::chrono::milliseconds restart_delay{10};
  /// So short that what fails at once reaches restarts_max within the period.
  std::chrono::milliseconds restart_delay_max{2000};
  /// From the start of a group's processes until its leader says that it is ready.
  std::chrono::milliseconds start_timeout{120'000};
  /// What any step may take; one that takes longer, and longer than ten times what such steps took lately, ends its
  /// group.
  std::chrono::milliseconds step_timeout{1000};
  std::chrono::milliseconds heartbeat_interval{200};
  std::chrono::milliseconds heartbeat_timeout{1500};
  /// How long a fenced process may live before it is killed: time to look at it with a debugger.
  std::chrono::milliseconds fenced_kill_delay{0};
  /// A rank that has no link to any gateway for so long ends itself, and so does a gateway that has none to its host.
  std::chrono::milliseconds orphan_timeout{15'000};
  /// After SIGTERM: running streams may finish for so long.
  std::chrono::milliseconds drain_timeout{30'000};

  friend bool operator==(const supervision_config&, const supervision_config&) = default;
};

struct cluster_config {
  /// The cluster's name: nodes of another one are refused.
  std::string name = "local";
  /// Certificates, store, logs and process files; relative to the working folder.
  std::string state_folder = "state";
  std::string log_level = "info";
  std::vector<host_config> hosts{};
  /// Exactly one so far.
  std::vector<gateway_config> gateways{};
  std::vector<deployment_config> deployments{};
  http_config http{};
  transport_config transport{};
  supervision_config supervision{};

  friend bool operator==(const cluster_config&, const cluster_config&) = default;
};

}  // namespace troupe
