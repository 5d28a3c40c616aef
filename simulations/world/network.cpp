#include "simulations/world/network.hpp"

#include <algorithm>
#include <utility>

#include "simulations/world/connection.hpp"

namespace troupe::simulation {

network::endpoint::endpoint(network& of, endpoint_config config, transport_listener& listener)
    : network_(of), config_(std::move(config)), listener_(listener) {
  network_.endpoints_[config_.owner] = this;
  for (const node_name& peer : config_.dials) dial(peer);
}

void network::endpoint::leave() {
  network_.world_.forget(config_.owner);
  network_.endpoints_.erase(config_.owner);
  for (const auto& [node, link] : std::exchange(links_, {})) link->leave(link->side_of(*this));
}

result<void> network::endpoint::send(const node_name& to, frame_bytes frame) {
  const auto link = links_.find(to);
  if (link == links_.end()) return {errc::unavailable, "no link to node " + to};
  return link->second->send(link->second->side_of(*this), std::move(frame));
}

void network::endpoint::disconnect(const node_name& node, std::string_view why) {
  const auto found = links_.find(node);
  if (found == links_.end()) return;
  // Not within this call: the caller may be in the middle of something.
  network_.world_.soon(config_.owner, [this, link = found->second, why = std::string(why)] {
    if (link->is_up(link->side_of(*this))) link->end(link->side_of(*this), {errc::unavailable, why});
  });
}

void network::endpoint::dial(const node_name& peer) {
  dialling& at = dials_[peer];
  if (at.under_way || links_.contains(peer)) return;
  at.under_way = true;
  const uint64_t attempt = ++at.attempt;
  const node_name& self = config_.self.node;
  const auto again = [this, peer, attempt] { fail(peer, attempt); };
  const endpoint* other = network_.find(peer);
  if (other != nullptr && network_.is_open(self, peer) && network_.is_open(peer, self)) {
    // Connecting, TLS and the greeting: three messages there and back.
    const duration there = network_.arrival(self, peer) - network_.world_.now();
    network_.world_.after(5 * there, other->config_.owner,
                          [of = &network_, dialler = config_.owner, attempt, dialled = other->config_.owner] {
                            of->answer(dialler, attempt, dialled);
                          });
  } else if (other == nullptr && network_.is_open(self, peer)) {
    // The machine says that nobody listens.
    network_.world_.at(network_.arrival(self, peer), config_.owner, again);
  }
  network_.world_.after(config_.limits.handshake_timeout, config_.owner, again);
}

void network::endpoint::fail(const node_name& peer, uint64_t attempt) {
  dialling& at = dials_[peer];
  if (!at.under_way || at.attempt != attempt) return;
  at.under_way = false;
  dial_later(peer);
}

/// The wait doubles; the actual one is drawn from its upper half.
void network::endpoint::dial_later(const node_name& peer) {
  dialling& at = dials_[peer];
  const endpoint_limits& limits = config_.limits;
  at.delay = std::clamp(2 * at.delay, limits.dial_delay_min, limits.dial_delay_max);
  network_.world_.after(network_.random_.between(at.delay / 2, at.delay), config_.owner, [this, peer] { dial(peer); });
}

bool network::endpoint::accepts(const peer_identity& dialler) const {
  if (std::ranges::find(config_.roles, dialler.role) == config_.roles.end()) return false;
  const auto present = links_.find(dialler.node);
  return present == links_.end() ||
         present->second->peer_of(present->second->side_of(*this)).incarnation <= dialler.incarnation;
}

void network::endpoint::add(std::shared_ptr<connection> link, const peer_identity& peer) {
  if (const auto present = links_.find(peer.node); present != links_.end()) {
    const auto old = present->second;
    old->end(old->side_of(*this), {errc::unavailable, "another connection of node " + peer.node + " takes its place"});
  }
  links_[peer.node] = std::move(link);
  network_.world_.note(config_.self.node, "link.up", {{"peer", peer.node}, {"incarnation", peer.incarnation}});
  listener_.on_up(peer);
}

void network::endpoint::drop(const connection& link, const peer_identity& peer, const error& why) {
  const auto present = links_.find(peer.node);
  if (present == links_.end() || present->second.get() != &link) return;
  links_.erase(present);
  network_.world_.note(config_.self.node, "link.down", {{"peer", peer.node}, {"why", why.detail}});
  listener_.on_down(peer, why);
  if (std::ranges::find(config_.dials, peer.node) != config_.dials.end()) dial_later(peer.node);
}

duration network::arrival(const node_name& from, const node_name& to) {
  const path way = paths_.from_to(from, to);
  return world_.now() + way.delay + random_.between(duration{}, way.jitter);
}

bool network::repeats(const node_name& from, const node_name& to) {
  const double repeated = paths_.from_to(from, to).repeated;
  return repeated > 0 && random_.chance(repeated);
}

network::endpoint* network::find(const node_name& node) const {
  endpoint* last = nullptr;
  for (const auto& [owner, who] : endpoints_)
    if (who->config_.self.node == node) last = who;
  return last;
}

network::endpoint* network::find(owner_number owner) const {
  const auto found = endpoints_.find(owner);
  return found == endpoints_.end() ? nullptr : found->second;
}

void network::answer(owner_number dialler, uint64_t attempt, owner_number dialled) {
  endpoint* from = find(dialler);
  endpoint* to = find(dialled);
  if (from == nullptr || to == nullptr) return;
  const auto at = from->dials_.find(to->config_.self.node);
  if (at == from->dials_.end() || !at->second.under_way || at->second.attempt != attempt) return;
  if (!to->accepts(from->config_.self)) {
    return world_.at(arrival(to->config_.self.node, from->config_.self.node), dialler,
                     [from, peer = to->config_.self.node, attempt] { from->fail(peer, attempt); });
  }
  const auto link = std::make_shared<connection>(*this, *from, *to);
  to->add(link, from->config_.self);
  link->begin();
}

void network::welcome(const std::shared_ptr<connection>& link, owner_number dialler, const peer_identity& dialled) {
  endpoint* who = find(dialler);
  if (who == nullptr) return link->leave(0);
  endpoint::dialling& at = who->dials_[dialled.node];
  if (!at.under_way) return link->leave(0);
  at.under_way = false;
  at.delay = {};
  link->join(*who);
  who->add(link, dialled);
}

void network::ways_changed() {
  for (const auto& [owner, who] : endpoints_) {
    // Each link stands with both of its ends; to go on twice does nothing more.
    for (const auto& [node, link] : who->links_) link->go_on();
  }
}

void network::cut(const node_name& a, const node_name& b) {
  for (const auto& [owner, who] : std::map(endpoints_)) {
    if (who->config_.self.node != a) continue;
    const auto found = who->links_.find(b);
    if (found == who->links_.end()) continue;
    const auto link = found->second;
    link->end(link->side_of(*who), {errc::unavailable, "the connection to node " + b + " was reset"});
  }
}

size_t network::links() const {
  size_t sides = 0;
  for (const auto& [owner, who] : endpoints_) sides += who->links_.size();
  return sides / 2;
}

}  // namespace troupe::simulation
