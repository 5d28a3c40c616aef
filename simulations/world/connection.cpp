#include "simulations/world/connection.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::simulation {

connection::connection(network& of, const network::endpoint& dialler, network::endpoint& dialled) : network_(of) {
  const auto make = [](network::endpoint* who, const endpoint_config& its, const endpoint_config& other) {
    return side{.who = who, .name = its.self.node, .peer = other.self, .owner = its.owner, .limits = its.limits};
  };
  sides_ = {make(nullptr, dialler.config_, dialled.config_), make(&dialled, dialled.config_, dialler.config_)};
}

void connection::begin() {
  transmit(1, {.what = kind::welcome});
  watch(1);
}

void connection::join(network::endpoint& dialler) {
  sides_[0].who = &dialler;
  watch(0);
}

result<void> connection::send(size_t from, frame_bytes frame) {
  side& mine = sides_[from];
  const endpoint_limits& limits = mine.limits;
  if (frame->size() > limits.frame_bytes_max)
    return {errc::payload_too_large, std::to_string(frame->size()) + " bytes are more than a frame may have"};
  if (mine.queue.size() >= limits.queue_frames_max || mine.queued_bytes + frame->size() > limits.queue_bytes_max)
    return {errc::overloaded, "the link's queue is full"};
  mine.queued_bytes += frame->size();
  mine.queue.push_back(std::move(frame));
  pump(from);
  return {};
}

/// Sends what the other side's window allows.
void connection::pump(size_t from) {
  side& mine = sides_[from];
  while (mine.who != nullptr && !mine.queue.empty()) {
    const endpoint_limits& limits = mine.limits;
    const size_t bytes = mine.queue.front()->size();
    if (mine.taken_frames >= limits.window_frames || mine.taken_bytes + bytes > limits.window_bytes) return;
    ++mine.taken_frames;
    mine.taken_bytes += bytes;
    mine.queued_bytes -= bytes;
    message next{.what = kind::frame, .frame = std::move(mine.queue.front()), .bytes = bytes};
    mine.queue.pop_front();
    transmit(from, std::move(next));
  }
}

void connection::transmit(size_t from, message what) {
  const bool twice = what.what == kind::frame && network_.repeats(sides_[from].name, sides_[1 - from].name);
  message second = twice ? what : message();
  put_under_way(from, std::move(what));
  if (!twice) return;
  second.again = true;
  put_under_way(from, std::move(second));
}

void connection::put_under_way(size_t from, message what) {
  side& other = sides_[1 - from];
  other.under_way.push_back(std::move(what));
  other.last_arrival = std::max(other.last_arrival, network_.arrival(sides_[from].name, other.name));
  // It is the receiver's event: a node that is stopped receives nothing until it goes on. Whichever comes first brings
  // the first message.
  network_.world_.at(other.last_arrival, other.owner, [self = shared_from_this(), to = 1 - from] {
    side& mine = self->sides_[to];
    message first = std::move(mine.under_way.front());
    mine.under_way.pop_front();
    self->arrive(to, std::move(first));
  });
}

void connection::arrive(size_t to, message what) {
  side& mine = sides_[to];
  if (!mine.held.empty() || !network_.is_open(sides_[1 - to].name, mine.name)) {
    mine.held.push_back(std::move(what));
    return;
  }
  receive(to, std::move(what));
}

void connection::go_on() {
  for (size_t to : {size_t{0}, size_t{1}}) {
    side& mine = sides_[to];
    if (mine.held.empty() || !network_.is_open(sides_[1 - to].name, mine.name)) continue;
    // As one burst, after what the way takes; what arrives until then is held too.
    mine.last_arrival = std::max(mine.last_arrival, network_.arrival(sides_[1 - to].name, mine.name));
    network_.world_.at(mine.last_arrival, mine.owner, [self = shared_from_this(), to] {
      for (message& what : std::exchange(self->sides_[to].held, {})) self->arrive(to, std::move(what));
    });
  }
}

void connection::receive(size_t to, message what) {
  side& mine = sides_[to];
  if (what.what == kind::welcome) return network_.welcome(shared_from_this(), mine.owner, mine.peer);
  if (mine.who == nullptr) return;
  mine.silent = 0;
  switch (what.what) {
    case kind::welcome:
    case kind::ping: return;
    case kind::end: return end(to, {errc::unavailable, "node " + mine.peer.node + " closed the link"});
    case kind::credit:
      --mine.taken_frames;
      mine.taken_bytes -= what.bytes;
      return pump(to);
    case kind::frame: {
      frame_credit credit(nullptr, [self = weak_from_this(), to, bytes = what.bytes, again = what.again](void*) {
        const auto link = self.lock();
        if (!again && link && link->is_up(to)) link->transmit(to, {.what = kind::credit, .bytes = bytes});
      });
      mine.who->listener_.on_frame(mine.peer, std::move(what.frame), std::move(credit));
      return;
    }
  }
}

void connection::end(size_t at, const error& why) {
  side& mine = sides_[at];
  network::endpoint* who = mine.who;
  if (who == nullptr) return;
  leave(at);
  who->drop(*this, mine.peer, why);
}

void connection::leave(size_t at) {
  sides_[at].who = nullptr;
  sides_[at].queue.clear();
  transmit(at, {.what = kind::end});
}

/// Says a word at each interval, and listens whether the other side does.
void connection::watch(size_t at) {
  side& mine = sides_[at];
  if (mine.who == nullptr) return;
  const endpoint_limits& limits = mine.limits;
  if (++mine.silent > limits.pings_missed_max + 1)
    return end(at, {errc::unavailable, "node " + mine.peer.node + " says nothing"});
  transmit(at, {.what = kind::ping});
  network_.world_.after(limits.ping_interval, mine.owner, [self = shared_from_this(), at] { self->watch(at); });
}

}  // namespace troupe::simulation
