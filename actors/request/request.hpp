// One request: it owns the committed tokens of each of its choices from the first to the last, whatever happens to the
// groups that make them.
//
//   each choice:   routing ──decision──▶ streaming ──last token──▶ finished
//                     ▲                      │
//                     └── its group is lost, ┘   (prompt + committed tokens go to another group, which computes the
//                         refuses, or skips       same bits and goes on)
//
// One with pooling has no tokens to commit: it goes to another group as it came, and its embedding is the last thing
// that its group says.
//
// It ends when every choice has finished, with one error when it cannot go on, or when the client is gone. When it
// dies, the client gets one clear error (its parent `requests` sees to that).
#pragma once

#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using request_actor = caf::typed_actor<
    // From the router.
    caf::result<void>(route_decision),
    // From `requests`, which receives the leaders' envelopes.
    caf::result<void>(stream_progress), caf::result<void>(stream_embedded), caf::result<void>(stream_rejected),
    caf::result<void>(group_lost),
    // From the HTTP side.
    caf::result<void>(client_gone), caf::result<void>(client_resumed), caf::result<void>(tick)>;

struct request_config {
  begin_request begin;
  /// The stream of choice 0; the others follow.
  stream_id first_stream = 0;
  /// How long a new stream waits for a group; one that has sent tokens waits until the request's deadline.
  duration no_group_wait = std::chrono::seconds(10);
  /// Refusals of one stream in a row before the request ends with the last one's reason.
  uint32_t refusals_max = 8;
  /// Groups that it may lose without a token in between: a request that brings its group down must not bring down all.
  uint32_t losses_max = 4;
  duration retry_delay = std::chrono::milliseconds(20);
};

request_actor spawn_request(caf::actor_system& system, environment& env, request_config config);

}  // namespace troupe
