#include "actors/runtime/post_office.hpp"

#include "actors/runtime/runtime.hpp"
#include "schemas/envelope_codec.hpp"

namespace troupe {

post_office::post_office(peer_identity self, std::string_view cluster_name, const clock& time, logger& log,
                         actor_metrics& metrics)
    : self_(std::move(self)), cluster_(cluster_key(cluster_name)), time_(time), log_(log), metrics_(metrics) {}

void post_office::bind(service to, group_number group, caf::actor receiver) {
  std::lock_guard lock(mutex_);
  if (receiver) {
    receivers_[{to, group}] = std::move(receiver);
  } else {
    receivers_.erase({to, group});
  }
}

void post_office::end_all() {
  std::lock_guard lock(mutex_);
  // Parents have the higher numbers (node, controller): they have to know of the end before their children die of it.
  for (auto at = receivers_.rbegin(); at != receivers_.rend(); ++at) {
    caf::anon_send_exit(at->second, caf::exit_reason::user_shutdown);
  }
  receivers_.clear();
  watchers_.clear();
}

void post_office::watch_nodes(service who, group_number group) {
  std::lock_guard lock(mutex_);
  watchers_.insert({who, group});
  auto at = receivers_.find({who, group});
  if (at == receivers_.end()) return;
  for (const auto& [node, link] : up_) tell(at->second, node_up{link.peer});
}

caf::actor post_office::local(service to, group_number group) const {
  std::lock_guard lock(mutex_);
  auto it = receivers_.find({to, group});
  if (it == receivers_.end()) it = receivers_.find({to, no_group_number});
  return it == receivers_.end() ? caf::actor{} : it->second;
}

result<void> post_office::send(const node_name& to, envelope_head head, envelope_body body) {
  head.cluster = cluster_;
  if (to == self_.node) {
    auto actor = local(head.to, head.group);
    if (!actor) return {errc::unavailable, "no " + std::string(name(head.to)) + " on this node"};
    tell(actor, inbound{std::make_shared<const inbound::content>(
                    inbound::content{self_, envelope{head, std::move(body)}, nullptr})});
    return {};
  }
  auto bytes = std::make_shared<const std::vector<std::byte>>(encode({head, std::move(body)}));
  return transport_->send(to, std::move(bytes));
}

void post_office::send_to_role(std::string_view role, const envelope_head& head, const envelope_body& body) {
  std::vector<node_name> nodes;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [node, link] : up_) {
      if (link.peer.role == role) nodes.push_back(node);
    }
  }
  if (nodes.empty()) return;
  auto addressed = head;
  addressed.cluster = cluster_;
  auto bytes = std::make_shared<const std::vector<std::byte>>(encode({addressed, body}));
  for (const auto& node : nodes) {
    // A link that is full or just gone: its end is told by on_down, and this message would have been lost with it.
    (void)transport_->send(node, bytes);
  }
}

bool post_office::is_up(const node_name& node) const {
  std::lock_guard lock(mutex_);
  return up_.contains(node);
}

std::optional<instant> post_office::last_heard(const node_name& node) const {
  std::lock_guard lock(mutex_);
  auto at = up_.find(node);
  return at == up_.end() ? std::nullopt : std::optional(at->second.heard);
}

std::vector<peer_identity> post_office::peers() const {
  std::lock_guard lock(mutex_);
  std::vector<peer_identity> all;
  for (const auto& [node, link] : up_) all.push_back(link.peer);
  return all;
}

void post_office::disconnect(const node_name& node, std::string_view why) { transport_->disconnect(node, why); }

template <class Message>
void post_office::tell_watchers(const Message& message) {
  for (const auto& watcher : watchers_) {
    if (auto at = receivers_.find(watcher); at != receivers_.end()) tell(at->second, message);
  }
}

void post_office::on_up(const peer_identity& peer) {
  log_.info("node.up", {{"peer", peer.node}, {"role", peer.role}});
  std::lock_guard lock(mutex_);
  up_[peer.node] = {peer, time_.now()};
  tell_watchers(node_up{peer});
}

void post_office::on_frame(const peer_identity& peer, frame_bytes frame, frame_credit credit) {
  auto decoded = decode(*frame);
  if (!decoded) {
    metrics_.frame_refused("corrupt");
    log_.warn("frame.refused", {{"peer", peer.node}, {"why", decoded.err().detail}});
    transport_->disconnect(peer.node, decoded.err().detail);
    return;
  }
  if (decoded->head.cluster != cluster_) {
    metrics_.frame_refused("cluster");
    transport_->disconnect(peer.node, "a frame of another cluster");
    return;
  }
  if (!may_send(peer.role, decoded->body)) {
    metrics_.frame_refused("role");
    log_.warn("frame.refused", {{"peer", peer.node}, {"why", "not for a node of role " + peer.role + " to send"}});
    transport_->disconnect(peer.node, "a frame that its role does not send");
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (auto at = up_.find(peer.node); at != up_.end()) at->second.heard = time_.now();
  }
  // Heartbeats say only that the node was heard.
  if (std::holds_alternative<heartbeat>(decoded->body)) return;
  auto actor = local(decoded->head.to, decoded->head.group);
  if (!actor) {
    // Ordinary during start and end of a node: the sender learns by its deadline or the link's end.
    metrics_.frame_refused("no_receiver");
    return;
  }
  tell(actor, inbound{std::make_shared<const inbound::content>(
                  inbound::content{peer, std::move(*decoded), std::move(credit)})});
}

void post_office::on_down(const peer_identity& peer, const error& why) {
  log_.info("node.lost", {{"peer", peer.node}, {"why", why.message()}});
  std::lock_guard lock(mutex_);
  if (auto it = up_.find(peer.node); it != up_.end() && it->second.peer == peer) up_.erase(it);
  tell_watchers(node_lost{peer, why});
}

}  // namespace troupe
