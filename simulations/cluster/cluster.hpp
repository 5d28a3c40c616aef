// A whole cluster in one world: machines, their host agents, and what these start.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "simulations/cluster/node.hpp"

namespace troupe::simulation {

class cluster {
 public:
  /// Starts the host agents, which start everything else.
  cluster(world& where, cluster_config config);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  const cluster_config& config() const { return site_.config; }
  world& where() const { return site_.where; }
  network& net() { return site_.net; }
  device_park& devices() { return site_.devices; }
  const std::vector<group_spec>& groups() const { return site_.groups; }
  machine_clock& clock(const node_name& host) { return site_.clocks[host]; }
  /// Of a gateway.
  stored& disk(const node_name& gateway) { return disks_[gateway]; }
  /// All that could run there, the host's agent among them.
  std::set<node_name, std::less<>> nodes_on(const node_name& host) const;
  uint32_t vocab_size() const { return static_cast<uint32_t>(alphabet.size()); }
  /// How a token reads.
  char letter(token_id id) const { return alphabet[id]; }
  machine& host(const node_name& name) { return *machines_.at(name); }
  const std::map<node_name, std::unique_ptr<machine>>& hosts() const { return machines_; }
  /// Null where it does not run.
  gateway_process* gateway(const node_name& name);
  /// One that runs; null where none does.
  gateway_process* any_gateway(seeded_random& random);

  /// From now on an agent that ends by itself is started again a second later, as a machine's service manager does.
  void keep_agents() { keeps_agents_ = true; }
  /// Nothing happens where it runs.
  void start_agent(const node_name& host);
  /// SIGKILL; what it has started lives on. It stays away until start_agent().
  void kill_agent(const node_name& host);
  /// SIGSTOP and SIGCONT. False where it does not run.
  bool stop_agent(const node_name& host);
  void go_on_agent(const node_name& host);
  /// The machine ends at once, with its agent and all that runs there, and starts nothing until start_agent().
  void turn_off(const node_name& host);
  /// SIGTERM, where it runs: what it has started ends before it does, gateways first.
  void terminate_agent(const node_name& host);

 private:
  std::unique_ptr<process> make(const process_spec& spec, std::function<void(int exit_code)> ended);

  site site_;
  /// By gateway.
  std::map<node_name, stored> disks_;
  std::map<node_name, std::unique_ptr<machine>> machines_;
  std::map<node_name, std::unique_ptr<host_process>> agents_;
  /// Hosts whose agents nobody keeps.
  std::set<node_name> away_;
  bool keeps_agents_ = false;
};

}  // namespace troupe::simulation
