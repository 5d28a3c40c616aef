// What every process of a cluster has: the machine's clock and randomness, a log, the transport with its certificate, a
// post office, CAF's scheduler, and an orderly end. The one place where an actor system meets the outside.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/outside/transport/asio_transport.hpp"
#include "actors/runtime/environment.hpp"
#include "actors/runtime/groups.hpp"
#include "actors/runtime/runtime.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

struct node_config {
  cluster_config cluster;
  node_name name;
  /// "gateway", "rank", "host", "ctl": what its certificate says.
  std::string role;
  /// 0: drawn from the wall clock.
  uint64_t incarnation = 0;
  /// Where other nodes connect; neither: nobody does.
  std::optional<transport_address> listen;
  unique_fd listen_fd;
  std::vector<transport_peer> peers;
  /// Roles of the nodes that may be linked.
  std::vector<std::string> roles;
  size_t scheduler_threads = 2;
};

/// Called once in main, before any thread starts: registers the actors' messages, and keeps SIGTERM, SIGINT and SIGHUP
/// (where nohup did not have it ignored) for run(), in every thread.
void prepare_process();

class node_runtime {
 public:
  /// `metrics` must outlive it.
  node_runtime(node_config config, actor_metrics& metrics);
  /// Ends the actors if that was not done, and stops the transport.
  ~node_runtime();

  /// Links with the others. Call it when the actors are there. Errors: those of asio_transport::start().
  result<void> start_transport();

  /// Ends what is bound at the post office and waits until no actor is left.
  void end_actors();

  environment& env() { return env_; }
  caf::actor_system& system() { return *system_; }
  const std::vector<group_spec>& groups() const { return groups_; }
  uint16_t transport_port() const { return transport_.port(); }
  /// A folder or file of the cluster's state folder.
  static std::string state_path(const cluster_config& config, std::string_view name);

  /// Waits until request_end(). The first of these signals calls `on_terminate`, a second one ends the process.
  int run(const std::function<void()>& on_terminate);
  /// Any thread.
  void request_end(int exit_code);

 private:
  cluster_config cluster_;
  std::vector<group_spec> groups_;
  system_clock clock_;
  system_random random_;
  std::unique_ptr<logger> log_;
  post_office post_;
  environment env_;
  asio_transport transport_;
  std::unique_ptr<actor_config> actors_;
  std::unique_ptr<caf::actor_system> system_;
  unique_fd end_event_;
  std::atomic<int> exit_code_{0};
};

}  // namespace troupe
