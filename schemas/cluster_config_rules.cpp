#include "schemas/cluster_config_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace troupe {
namespace {

using problem = std::optional<config_problem>;

std::string indexed(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Remembers which key took which value first.
class taken_values {
 public:
  problem take(const std::string& value, std::string key) {
    auto [place, fresh] = keys_.emplace(value, key);
    if (fresh) return std::nullopt;
    return config_problem{std::move(key), value + " is taken by " + place->second};
  }

 private:
  std::map<std::string, std::string> keys_;
};

// What a certificate can name has at most so many bytes.
constexpr size_t node_bytes_max = 64;

bool is_rank_of(const deployment_config& deployment, std::string_view node) {
  if (!node.starts_with(deployment.name + "-g")) return false;
  for (uint32_t group = 0; group < deployment.groups; ++group) {
    for (uint32_t rank = 0; rank < deployment.tensor_parallel; ++rank) {
      if (rank_node(deployment, group, rank) == node) return true;
    }
  }
  return false;
}

// A node's name is also its certificate's, beside those of the authority and of `troupe ctl`.
problem check_node_name(const cluster_config& config, const node_name& name, const std::string& key) {
  if (name == "ctl" || name == "authority") return config_problem{key, name + " is reserved"};
  for (const auto& deployment : config.deployments) {
    if (is_rank_of(deployment, name)) {
      return config_problem{key, name + " is the name of a rank of deployment " + deployment.name};
    }
  }
  return std::nullopt;
}

problem check_names(const cluster_config& config) {
  taken_values nodes;
  for (size_t i = 0; i < config.hosts.size(); ++i) {
    std::string key = indexed("hosts", i) + ".name";
    if (auto p = check_node_name(config, config.hosts[i].name, key)) return p;
    if (auto p = nodes.take(config.hosts[i].name, key)) return p;
  }
  for (size_t i = 0; i < config.gateways.size(); ++i) {
    std::string key = indexed("gateways", i) + ".name";
    if (auto p = check_node_name(config, config.gateways[i].name, key)) return p;
    if (auto p = nodes.take(config.gateways[i].name, key)) return p;
  }
  taken_values models;
  for (size_t i = 0; i < config.deployments.size(); ++i) {
    const auto& deployment = config.deployments[i];
    std::string key = indexed("deployments", i);
    if (auto p = models.take(deployment.name, key + ".name")) return p;
    for (size_t j = 0; j < deployment.aliases.size(); ++j) {
      if (auto p = models.take(deployment.aliases[j], key + "." + indexed("aliases", j))) return p;
    }
  }
  return std::nullopt;
}

// Of two, one would have to take over control, and clients to learn of the other; neither was built yet.
problem check_gateways(const cluster_config& config) {
  if (config.gateways.size() <= 1) return std::nullopt;
  return config_problem{indexed("gateways", 1), "this version runs one gateway in a cluster; remove this one"};
}

problem check_references(const cluster_config& config) {
  std::set<std::string> hosts;
  for (const auto& host : config.hosts) hosts.insert(host.name);
  auto unknown = [&](const std::string& name) { return "there is no host " + name; };
  for (size_t i = 0; i < config.gateways.size(); ++i) {
    const auto& name = config.gateways[i].host;
    if (!hosts.contains(name)) return config_problem{indexed("gateways", i) + ".host", unknown(name)};
  }
  for (size_t i = 0; i < config.deployments.size(); ++i) {
    taken_values listed;
    const auto& names = config.deployments[i].hosts;
    for (size_t j = 0; j < names.size(); ++j) {
      std::string key = indexed("deployments", i) + "." + indexed("hosts", j);
      if (!hosts.contains(names[j])) return config_problem{key, unknown(names[j])};
      if (auto p = listed.take(names[j], key)) return p;
    }
  }
  return std::nullopt;
}

problem check_addresses(const cluster_config& config) {
  taken_values addresses;
  bool one_host = config.hosts.size() == 1;
  auto check = [&](const std::string& address, uint16_t port, std::string key) -> problem {
    if (port != 0) return addresses.take(address + " port " + std::to_string(port), std::move(key));
    if (one_host) return std::nullopt;
    return config_problem{std::move(key), "must not be 0: other hosts have to know it"};
  };
  for (size_t i = 0; i < config.hosts.size(); ++i) {
    const auto& host = config.hosts[i];
    if (auto p = check(host.address, host.port, indexed("hosts", i) + ".port")) return p;
  }
  for (size_t i = 0; i < config.gateways.size(); ++i) {
    const auto& gateway = config.gateways[i];
    std::string key = indexed("gateways", i);
    if (auto p = check(gateway.address, gateway.port, key + ".port")) return p;
    if (auto p = check(gateway.http_address, gateway.http_port, key + ".httpPort")) return p;
  }
  return std::nullopt;
}

problem check_deployments(const cluster_config& config) {
  for (size_t i = 0; i < config.deployments.size(); ++i) {
    const auto& deployment = config.deployments[i];
    std::string key = indexed("deployments", i);
    uint32_t tp = deployment.tensor_parallel;
    if (tp == 0 || (tp & (tp - 1)) != 0 || tp > 8) {
      return config_problem{key + ".tensorParallel", "must be 1, 2, 4 or 8, not " + std::to_string(tp)};
    }
    if (auto longest = rank_node(deployment, deployment.groups - 1, tp - 1); longest.size() > node_bytes_max) {
      return config_problem{key + ".name", "is too long: its ranks are nodes, " + longest + " has " +
                                               std::to_string(longest.size()) + " bytes of at most " +
                                               std::to_string(node_bytes_max)};
    }
    if (deployment.step_tokens_max < deployment.sequences_max) {
      return config_problem{key + ".stepTokensMax",
                            "must be at least sequencesMax, which is " + std::to_string(deployment.sequences_max)};
    }
  }
  return std::nullopt;
}

/// One that other hosts can connect to as it is.
bool is_reachable_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) != 1 && inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1)
    return false;
  return std::any_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte != 0; });
}

problem check_spread_groups(const cluster_config& config) {
  for (size_t i = 0; i < config.deployments.size(); ++i) {
    const auto& deployment = config.deployments[i];
    if (deployment.hosts_per_group == 1) continue;
    std::string key = indexed("deployments", i) + ".hostsPerGroup";
    if (deployment.hosts_per_group == 0 || deployment.tensor_parallel % deployment.hosts_per_group != 0) {
      return config_problem{key, "must divide tensorParallel, which is " + std::to_string(deployment.tensor_parallel)};
    }
    const size_t hosts = deployment.hosts.empty() ? config.hosts.size() : deployment.hosts.size();
    if (deployment.hosts_per_group > hosts)
      return config_problem{key, "must be at most the number of its hosts, which is " + std::to_string(hosts)};
    for (size_t j = 0; j < config.hosts.size(); ++j) {
      const auto& host = config.hosts[j];
      const auto& its = deployment.hosts;
      if (!its.empty() && std::find(its.begin(), its.end(), host.name) == its.end()) continue;
      if (is_reachable_address(host.address)) continue;
      return config_problem{
          indexed("hosts", j) + ".address",
          "must be an IPv4 or IPv6 address that other hosts reach: the ranks of " + deployment.name + " listen there"};
    }
  }
  return std::nullopt;
}

problem check_limits(const cluster_config& config) {
  const auto& transport = config.transport;
  if (transport.queue_bytes_max < transport.frame_bytes_max) {
    return config_problem{"transport.queueBytesMax",
                          "must be at least frameBytesMax, which is " + std::to_string(transport.frame_bytes_max)};
  }
  const auto& supervision = config.supervision;
  if (supervision.restart_delay_max < supervision.restart_delay) {
    return config_problem{"supervision.restartDelayMaxMs", "must be at least restartDelayMs, which is " +
                                                               std::to_string(supervision.restart_delay.count())};
  }
  if (supervision.heartbeat_timeout < 2 * supervision.heartbeat_interval) {
    return config_problem{"supervision.heartbeatTimeoutMs", "must be at least twice heartbeatIntervalMs, which is " +
                                                                std::to_string(supervision.heartbeat_interval.count())};
  }
  return std::nullopt;
}

}  // namespace

std::optional<config_problem> check_cluster_config(const cluster_config& config) {
  for (auto* check : {check_names, check_gateways, check_references, check_addresses, check_deployments,
                      check_spread_groups, check_limits}) {
    if (auto p = check(config)) return p;
  }
  return std::nullopt;
}

}  // namespace troupe
