// The nodes of a simulated cluster: the actors of production with the world around them. One for each kind of process.
#pragma once

#include <caf/actor_system.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/request/answer.hpp"
#include "actors/router/status_board.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "simulations/seams/machine.hpp"
#include "simulations/seams/memory_store.hpp"
#include "simulations/seams/node_metrics.hpp"
#include "simulations/seams/node_seams.hpp"
#include "simulations/seams/simulated_group.hpp"
#include "simulations/world/network.hpp"
#include "simulations/world/node_scheduler.hpp"

namespace troupe {
class tokenizer;
}

namespace troupe::simulation {

/// Letters and digits, each a token of the models here: a text shows its tokens.
inline constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Where nodes live; outlives them.
struct site {
  site(world& where, cluster_config what);
  site(const site&) = delete;
  site& operator=(const site&) = delete;

  /// Higher than every one before.
  uint64_t next_incarnation() { return ++incarnations_ << 20; }

  world& where;
  const cluster_config config;
  const std::vector<group_spec> groups;
  network net;
  device_park devices;
  /// By host.
  std::map<node_name, machine_clock> clocks;
  /// For what nodes draw when they start.
  seeded_random random;
  /// Of the models that the clients' texts are made of.
  const std::shared_ptr<const tokenizer> tokens;

 private:
  uint64_t incarnations_ = 0;
};

/// What all kinds have in common. Its end cuts it off from everything first; then its actors end without effect.
class node : public process {
 public:
  struct description {
    node_name name;
    std::string role;
    node_name host;
    uint64_t incarnation = 0;
    std::vector<node_name> dials;
    std::vector<std::string> roles;
  };

  node(site& where, const description& what);
  ~node() override;
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  owner_number owner() const override { return owner_; }
  void fall_silent() override;
  const node_name& name() const { return name_; }

 protected:
  /// Called by the end of each kind, while what its actors refer to still lives.
  void end_actors();

  site& home() { return site_; }
  environment& env() { return env_; }
  caf::actor_system& system() { return *system_; }

 private:
  /// Nothing that its actors do reaches anybody any more.
  void cut();

  site& site_;
  const node_name name_;
  const owner_number owner_;
  node_clock clock_;
  seeded_random random_;
  node_log log_;
  node_metrics metrics_;
  post_office post_;
  environment env_;
  node_actor_config actors_;
  std::unique_ptr<caf::actor_system> system_;
  network::endpoint place_;
};

using ended_handler = std::function<void(int exit_code)>;

class gateway_process final : public node {
 public:
  gateway_process(site& where, const gateway_config& which, stored& disk, ended_handler ended);
  ~gateway_process() override;

  void terminate() override;
  void fall_silent() override;
  /// A client's request. The sink is told everything else; `unavailable` at once where it is draining.
  void begin(uint64_t key, generate_request request, std::shared_ptr<answer_sink> sink);
  /// The client went away.
  void leave(uint64_t key);
  /// The client takes deltas again.
  void resume(uint64_t key);
  bool ready() const { return board_.read().ready; }

 private:
  void wait_for_streams(duration until);

  memory_store state_;
  status_board board_;
  ended_handler ended_;
  /// Streams that have not ended.
  std::shared_ptr<uint32_t> running_ = std::make_shared<uint32_t>(0);
};

class rank_process final : public node {
 public:
  rank_process(site& where, rank_address which, generation_number generation, ended_handler ended);
  ~rank_process() override;

  void terminate() override;

 private:
  std::function<bool()> way_to_others(const group_spec& group, uint32_t rank);

  std::unique_ptr<compute> device_;
  caf::actor rank_;
};

class host_process final : public node {
 public:
  host_process(site& where, const host_config& which, machine& on, ended_handler ended);
  ~host_process() override;

  void terminate() override;

 private:
  simulated_process_host processes_;
  caf::actor agent_;
};

}  // namespace troupe::simulation
