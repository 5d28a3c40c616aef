#include "actors/runtime/groups.hpp"

namespace troupe {

node_name group_spec::rank_node(uint32_t rank) const { return troupe::rank_node(*deployment, index, rank); }

std::vector<uint32_t> group_spec::ranks_on(std::string_view host) const {
  std::vector<uint32_t> found;
  for (uint32_t rank = 0; rank < ranks(); ++rank) {
    if (host_of(rank) == host) found.push_back(rank);
  }
  return found;
}

std::vector<group_spec> groups_of(const cluster_config& config) {
  std::vector<group_spec> groups;
  for (const auto& deployment : config.deployments) {
    std::vector<node_name> hosts = deployment.hosts;
    if (hosts.empty()) {
      for (const auto& host : config.hosts) hosts.push_back(host.name);
    }
    size_t next_host = 0;
    for (uint32_t i = 0; i < deployment.groups; ++i) {
      std::vector<node_name> its;
      its.reserve(deployment.hosts_per_group);
      while (its.size() < deployment.hosts_per_group) its.push_back(hosts[next_host++ % hosts.size()]);
      groups.push_back({.number = static_cast<group_number>(groups.size()),
                        .name = deployment.name + "/" + std::to_string(i),
                        .deployment = &deployment,
                        .index = i,
                        .hosts = std::move(its)});
    }
  }
  return groups;
}

std::optional<rank_address> find_rank(const std::vector<group_spec>& groups, std::string_view node) {
  for (const auto& group : groups) {
    for (uint32_t rank = 0; rank < group.ranks(); ++rank) {
      if (group.rank_node(rank) == node) return rank_address{group.number, rank};
    }
  }
  return std::nullopt;
}

}  // namespace troupe
