// One link of the network, with its two sides.
#pragma once

#include <array>
#include <deque>
#include <memory>

#include "simulations/world/network.hpp"

namespace troupe::simulation {

class connection final : public std::enable_shared_from_this<connection> {
 public:
  /// Side 0 is the dialler's, who is not on it yet; side 1 the dialled one's.
  connection(network& of, const network::endpoint& dialler, network::endpoint& dialled);

  /// Tells the dialler, by way of network::welcome().
  void begin();
  /// The dialler takes its side.
  void join(network::endpoint& dialler);
  /// Which of the sides is this node's.
  size_t side_of(const network::endpoint& who) const { return sides_[0].who == &who ? 0 : 1; }
  result<void> send(size_t from, frame_bytes frame);
  /// This side has no link any more and is told why; the other learns it as soon as the way is open.
  void end(size_t at, const error& why);
  /// The same where nobody is there to be told: the node has ended, or its dialling has.
  void leave(size_t at);
  /// What was held up by a closed way goes on.
  void go_on();
  const peer_identity& peer_of(size_t at) const { return sides_[at].peer; }
  bool is_up(size_t at) const { return sides_[at].who != nullptr; }

 private:
  enum class kind : uint8_t { welcome, frame, ping, credit, end };
  struct message {
    kind what = kind::ping;
    frame_bytes frame{};
    size_t bytes = 0;
    /// It has arrived once before, and takes no part of the window.
    bool again = false;
  };
  struct side {
    /// Null after its end.
    network::endpoint* who = nullptr;
    node_name name;
    peer_identity peer;
    owner_number owner = 0;
    endpoint_limits limits;
    /// What waits for the other side's window, and what the other side has not finished with.
    std::deque<frame_bytes> queue{};
    size_t queued_bytes = 0, taken_frames = 0, taken_bytes = 0;
    /// No message to it arrives before this.
    duration last_arrival{};
    /// To it; and arrived where the way was closed.
    std::deque<message> under_way{}, held{};
    /// Intervals without a word from the other side.
    uint32_t silent = 0;
  };

  void pump(size_t at);
  void transmit(size_t from, message what);
  void put_under_way(size_t from, message what);
  void arrive(size_t to, message what);
  void receive(size_t to, message what);
  void watch(size_t at);

  network& network_;
  std::array<side, 2> sides_;
};

}  // namespace troupe::simulation
