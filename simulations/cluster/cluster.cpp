#include "simulations/cluster/cluster.hpp"

#include <algorithm>
#include <vector>

#include "base/check.hpp"

namespace troupe::simulation {

cluster::cluster(world& where, cluster_config config) : site_(where, std::move(config)) {
  for (const auto& host : site_.config.hosts) {
    machines_[host.name] = std::make_unique<machine>(
        where, host.name, [this](const process_spec& spec, std::function<void(int exit_code)> ended) {
          return make(spec, std::move(ended));
        });
    start_agent(host.name);
  }
}

cluster::~cluster() {
  agents_.clear();
  machines_.clear();
}

gateway_process* cluster::gateway(const node_name& name) {
  const auto its = std::ranges::find(site_.config.gateways, name, &gateway_config::name);
  if (its == site_.config.gateways.end()) return nullptr;
  return dynamic_cast<gateway_process*>(host(its->host).running(name, 0));
}

gateway_process* cluster::any_gateway(seeded_random& random) {
  std::vector<gateway_process*> running;
  for (const auto& each : site_.config.gateways)
    if (auto* its = gateway(each.name)) running.push_back(its);
  return running.empty() ? nullptr : running[random.below(running.size())];
}

void cluster::start_agent(const node_name& host) {
  away_.erase(host);
  if (agents_.contains(host)) return;
  const auto its = std::ranges::find(site_.config.hosts, host, &host_config::name);
  TROUPE_CHECK(its != site_.config.hosts.end());
  site_.where.note(host, "agent.started");
  agents_[host] = std::make_unique<host_process>(site_, *its, *machines_.at(host), [this, host](int exit_code) {
    site_.where.note(host, "agent.ended", {{"exit_code", exit_code}});
    // An event of its own: if it is killed before, nothing is left to end.
    site_.where.soon(agents_.at(host)->owner(), [this, host] {
      agents_.erase(host);
      if (!keeps_agents_) return;
      site_.where.after(std::chrono::seconds(1), 0, [this, host] {
        if (!away_.contains(host)) start_agent(host);
      });
    });
  });
}

void cluster::kill_agent(const node_name& host) {
  away_.insert(host);
  if (!agents_.contains(host)) return;
  site_.where.note(host, "agent.killed");
  agents_.erase(host);
}

bool cluster::stop_agent(const node_name& host) {
  const auto its = agents_.find(host);
  if (its == agents_.end()) return false;
  site_.where.note(host, "agent.stopped");
  site_.where.freeze(its->second->owner());
  return true;
}

void cluster::go_on_agent(const node_name& host) {
  const auto its = agents_.find(host);
  if (its == agents_.end()) return;
  site_.where.note(host, "agent.goes_on");
  site_.where.thaw(its->second->owner());
}

void cluster::turn_off(const node_name& host) {
  kill_agent(host);
  machine& off = *machines_.at(host);
  for (const process_status& each : off.list()) off.end(each.name, each.generation, end_process::kill);
}

void cluster::terminate_agent(const node_name& host) {
  if (const auto its = agents_.find(host); its != agents_.end()) its->second->terminate();
}

std::set<node_name, std::less<>> cluster::nodes_on(const node_name& host) const {
  std::set<node_name, std::less<>> nodes = {host};
  for (const auto& gateway : site_.config.gateways)
    if (gateway.host == host) nodes.insert(gateway.name);
  for (const auto& group : site_.groups)
    for (const uint32_t rank : group.ranks_on(host)) nodes.insert(group.rank_node(rank));
  return nodes;
}

std::unique_ptr<process> cluster::make(const process_spec& spec, std::function<void(int exit_code)> ended) {
  const auto gateway = std::ranges::find(site_.config.gateways, spec.name, &gateway_config::name);
  if (gateway != site_.config.gateways.end()) {
    return std::make_unique<gateway_process>(site_, *gateway, disks_[spec.name], std::move(ended));
  }
  const auto rank = find_rank(site_.groups, spec.name);
  TROUPE_CHECK(rank.has_value());
  return std::make_unique<rank_process>(site_, *rank, spec.generation, std::move(ended));
}

}  // namespace troupe::simulation
