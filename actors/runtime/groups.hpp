// The groups that a configuration asks for: their numbers, names, nodes and places, derived the same way on every node.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schemas/cluster.hpp"
#include "schemas/cluster_config.hpp"

namespace troupe {

struct group_spec {
  group_number number = no_group_number;
  /// "troupe-tiny/0"
  std::string name;
  const deployment_config* deployment = nullptr;
  /// Its index within the deployment.
  uint32_t index = 0;
  /// Each has as many ranks of it, those of consecutive numbers: one host, or deployment->hosts_per_group.
  std::vector<node_name> hosts;

  uint32_t ranks() const { return deployment->tensor_parallel; }
  /// Its ranks share no memory then, but speak TCP.
  bool is_spread() const { return hosts.size() > 1; }
  const node_name& host_of(uint32_t rank) const { return hosts[rank / (ranks() / hosts.size())]; }
  std::vector<uint32_t> ranks_on(std::string_view host) const;
  /// "troupe-tiny-g0-r1"
  node_name rank_node(uint32_t rank) const;
};

/// All groups, in order of their numbers. Points into `config`, which must outlive it.
std::vector<group_spec> groups_of(const cluster_config& config);

struct rank_address {
  group_number group = no_group_number;
  uint32_t rank = 0;
};

/// Which rank a node is; nothing where it is none of the configuration's.
std::optional<rank_address> find_rank(const std::vector<group_spec>& groups, std::string_view node);

}  // namespace troupe
