// Where envelopes go: to an actor of this node, or over the transport to another. The one place that knows both the
// actors' addresses and the wire; it holds no state of the cluster.
#pragma once

#include <caf/actor.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/runtime/metrics.hpp"
#include "actors/seams/transport.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "schemas/envelope.hpp"

namespace troupe {

class post_office final : public transport_listener {
 public:
  post_office(peer_identity self, std::string_view cluster_name, const clock& time, logger& log,
              actor_metrics& metrics);

  /// Where frames go out. Set once, before anything is sent.
  void use(transport& t) { transport_ = &t; }

  /// The actor that receives what is for `to` (of `group`, for services that groups have). Replaces an earlier one; an
  /// invalid handle takes it away. Any thread.
  void bind(service to, group_number group, caf::actor receiver);
  /// The actor that is bound now; invalid where there is none. For messages within the node: an actor that was
  /// restarted is found again at the next message. Any thread.
  caf::actor local(service to, group_number group = no_group_number) const;
  /// Whoever is bound there is told node_up and node_lost from now on; at once about the nodes that are up. Any thread.
  void watch_nodes(service who, group_number group);

  /// Ends every actor that is bound; nothing is delivered from here on. Any thread.
  void end_all();

  /// Never blocks. Any thread. Errors: unavailable (no such actor here, no link there), overloaded.
  result<void> send(const node_name& to, envelope_head head, envelope_body body);
  /// To every node that is linked and has the role; a link that refuses is left out.
  void send_to_role(std::string_view role, const envelope_head& head, const envelope_body& body);

  const peer_identity& self() const { return self_; }
  bool is_up(const node_name& node) const;
  /// When a linked node's last frame came (its link, if none yet); nothing where it is not linked. Any thread.
  std::optional<instant> last_heard(const node_name& node) const;
  /// The nodes that are linked. Any thread.
  std::vector<peer_identity> peers() const;
  void disconnect(const node_name& node, std::string_view why);

  // transport_listener
  void on_up(const peer_identity& peer) override;
  void on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) override;
  void on_down(const peer_identity& peer, const error& why) override;

 private:
  template <class Message>
  void tell_watchers(const Message& message);

  const peer_identity self_;
  const uint64_t cluster_;
  const clock& time_;
  logger& log_;
  actor_metrics& metrics_;
  transport* transport_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::pair<service, group_number>, caf::actor> receivers_;
  struct linked {
    peer_identity peer;
    instant heard;
  };
  std::map<node_name, linked> up_;
  std::set<std::pair<service, group_number>> watchers_;
};

}  // namespace troupe
