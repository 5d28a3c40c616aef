#include "actors/requests/requests.hpp"

#include <map>
#include <unordered_map>

#include "actors/request/request.hpp"

namespace troupe {
namespace {

struct requests_state {
  static inline const char* name = "requests";

  struct entry {
    request_actor actor;
    stream_id first_stream = 0;
    uint32_t streams = 0;
  };

  requests_state(requests_actor::pointer self_actor, environment& environment_, requests_config config_)
      : self(self_actor), env(environment_), config(config_) {}

  requests_actor::behavior_type make_behavior() {
    // Linked both ways: when this actor dies its requests do; when one of them ends, here is where it is seen.
    self->set_exit_handler([this](const caf::exit_msg& exit) { on_exit(exit); });
    return {
        [this](const begin_request& begin) { on_begin(begin); },
        [this](const client_gone& gone) { pass(gone.key, gone); },
        [this](const client_resumed& resumed) { pass(resumed.key, resumed); },
        [this](const inbound& message) { on_inbound(message); },
        [this](const group_lost& lost) {
          for (auto& [key, e] : by_key) tell(e.actor, lost);
        },
    };
  }

  void on_begin(const begin_request& begin) {
    if (by_key.size() >= config.requests_max) {
      begin.at->sink->on_error({errc::overloaded, std::to_string(by_key.size()) + " requests are under way already"});
      return;
    }
    request_config for_it;
    for_it.begin = begin;
    for_it.first_stream = next_stream;
    uint32_t streams = begin.at->request.choices;
    auto actor = spawn_request(self->home_system(), env, std::move(for_it));
    self->link_to(actor);
    by_address[actor.address()] = begin.at->key;
    for (uint32_t i = 0; i < streams; ++i) by_stream[next_stream + i] = actor;
    by_key[begin.at->key] = {actor, next_stream, streams};
    next_stream += streams;
  }

  template <class Message>
  void pass(uint64_t key, const Message& message) {
    if (auto at = by_key.find(key); at != by_key.end()) tell(at->second.actor, message);
  }

  void on_inbound(const inbound& message) {
    const auto* step = std::get_if<step_tokens>(&message.body());
    if (!step) return;
    const auto& head = message.head();
    for (const auto& token : step->tokens) {
      if (auto at = by_stream.find(token.stream); at != by_stream.end()) {
        tell(at->second, stream_progress{head.group, head.generation, token});
      } else {
        end_unknown(token.stream, message);
      }
    }
    for (const auto& embedding : step->embeddings) {
      if (auto at = by_stream.find(embedding.stream); at != by_stream.end()) {
        tell(at->second, stream_embedded{head.group, head.generation, embedding});
      }
    }
    for (const auto& refused : step->refused) {
      if (auto at = by_stream.find(refused.stream); at != by_stream.end()) {
        tell(at->second, stream_rejected{head.group, head.generation, refused});
      }
    }
  }

  // Its request has ended: the cancel is on its way, or was lost, or the stream was begun by a message that came twice.
  void end_unknown(stream_id stream, const inbound& message) {
    envelope_head head;
    head.to = service::group_leader;
    head.group = message.head().group;
    head.generation = message.head().generation;
    (void)env.post.send(message.from().node, head, cancel_stream{stream});
  }

  void on_exit(const caf::exit_msg& exit) {
    auto at = by_address.find(exit.source);
    if (at == by_address.end()) {
      self->quit(exit.reason);  // the node ends
      return;
    }
    auto e = by_key.extract(at->second).mapped();
    by_address.erase(at);
    for (uint32_t i = 0; i < e.streams; ++i) by_stream.erase(e.first_stream + i);
  }

  requests_actor::pointer self;
  environment& env;
  requests_config config;
  std::map<uint64_t, entry> by_key;
  std::map<caf::actor_addr, uint64_t> by_address;
  std::unordered_map<stream_id, request_actor> by_stream;
  stream_id next_stream = 1;
};

using requests_impl = requests_actor::stateful_impl<requests_state>;

}  // namespace

requests_actor spawn_requests(caf::actor_system& system, environment& env, requests_config config) {
  auto actor = system.spawn<requests_impl>(std::ref(env), config);
  env.post.bind(service::requests, no_group_number, caf::actor_cast<caf::actor>(actor));
  return actor;
}

}  // namespace troupe
