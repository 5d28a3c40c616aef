// The parent of all request actors of a gateway, and the address to which leaders send their tokens and embeddings.
//
// Owns which stream belongs to which request actor. Bounded: beyond requests_max a request is refused (`overloaded`).
// A request actor that dies lets its answer_sink go, which tells the client. When this actor dies, its requests do.
#pragma once

#include "actors/runtime/environment.hpp"
#include "actors/runtime/runtime.hpp"

namespace troupe {

using requests_actor = caf::typed_actor<
    // From the HTTP side.
    caf::result<void>(begin_request), caf::result<void>(client_gone), caf::result<void>(client_resumed),
    // step_tokens, from leaders: each token and each embedding goes to its request.
    caf::result<void>(inbound),
    // From the router, to every request.
    caf::result<void>(group_lost)>;

struct requests_config {
  uint32_t requests_max = 4096;
};

requests_actor spawn_requests(caf::actor_system& system, environment& env, requests_config config);

}  // namespace troupe
