// The transport of a simulation: links between nodes as asio_transport makes them, over ways that can be slow, closed
// one way or both, or cut. It keeps what the seam promises (order, bounds, on_up and on_down once each) and nothing
// more; where a fault repeats frames, less than that.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/seams/transport.hpp"
#include "simulations/world/path.hpp"
#include "simulations/world/world.hpp"

namespace troupe::simulation {

class connection;

struct endpoint_limits {
  size_t frame_bytes_max = 8 << 20;
  /// What a peer may have sent that the node has not finished with.
  size_t window_frames = 1024, window_bytes = 8 << 20;
  /// What may wait here for one peer.
  size_t queue_frames_max = 4096, queue_bytes_max = 16 << 20;
  duration ping_interval = std::chrono::seconds(1);
  /// So many intervals without a word from the peer end the link.
  uint32_t pings_missed_max = 3;
  duration handshake_timeout = std::chrono::seconds(5);
  duration dial_delay_min = std::chrono::milliseconds(50), dial_delay_max = std::chrono::seconds(2);
};

struct endpoint_config {
  peer_identity self;
  /// Whose the node's events are.
  owner_number owner = 0;
  /// Nodes to which a link is kept.
  std::vector<node_name> dials;
  /// Roles of the nodes that a link may be made with.
  std::vector<std::string> roles;
  endpoint_limits limits;
};

class network {
 public:
  explicit network(world& where) : world_(where), random_(where.seed(), drawn_by::links) {}
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// A node's place in the network. The network and the listener must outlive it.
  class endpoint final : public transport {
   public:
    endpoint(network& of, endpoint_config config, transport_listener& listener);
    ~endpoint() override { leave(); }
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;

    result<void> send(const node_name& to, frame_bytes frame) override;
    void disconnect(const node_name& node, std::string_view why) override;
    /// As when a process ends: nothing can be sent any more, the world forgets the node's events, and the nodes at the
    /// other ends of its links are told as soon as the way is open.
    void leave();

   private:
    friend class network;
    friend class connection;
    struct dialling {
      duration delay{};
      /// Of the attempt under way; an answer to another one comes too late.
      uint64_t attempt = 0;
      bool under_way = false;
    };

    void dial(const node_name& peer);
    /// Nobody has answered, or not as wished.
    void fail(const node_name& peer, uint64_t attempt);
    void dial_later(const node_name& peer);
    bool accepts(const peer_identity& dialler) const;
    void add(std::shared_ptr<connection> link, const peer_identity& peer);
    void drop(const connection& link, const peer_identity& peer, const error& why);

    network& network_;
    const endpoint_config config_;
    transport_listener& listener_;
    std::map<node_name, std::shared_ptr<connection>> links_;
    std::map<node_name, dialling> dials_;
  };

  path_table& paths() { return paths_; }
  /// A way has changed: what waited for it goes on.
  void ways_changed();
  /// Ends the link between two nodes, if there is one; both are told.
  void cut(const node_name& a, const node_name& b);
  /// Whether a message sent now would arrive.
  bool is_open(const node_name& from, const node_name& to) const { return paths_.from_to(from, to).open; }
  /// How many links are up.
  size_t links() const;

 private:
  friend class connection;

  /// When a message sent now arrives; the way may be closed then.
  duration arrival(const node_name& from, const node_name& to);
  /// Whether a frame sent now arrives twice.
  bool repeats(const node_name& from, const node_name& to);
  /// Who has the name now: of two, the one that came later.
  endpoint* find(const node_name& node) const;
  endpoint* find(owner_number owner) const;
  /// `dialled` answers an attempt of `dialler`, if it still lives.
  void answer(owner_number dialler, uint64_t attempt, owner_number dialled);
  /// The answer has arrived at the dialler.
  void welcome(const std::shared_ptr<connection>& link, owner_number dialler, const peer_identity& dialled);

  world& world_;
  seeded_random random_;
  path_table paths_;
  /// By owner, who is never the same twice; in the order in which they came.
  std::map<owner_number, endpoint*> endpoints_;
};

}  // namespace troupe::simulation
