// The thin layer between our actors and CAF: how a message is sent, now or later. Together with messages.hpp it is all
// of CAF's surface that the actors use, so that another CAF stays one header away.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/runtime/messages.hpp"
#include "base/clock.hpp"

namespace troupe {

/// Sends one message, without an answer and without a sender: nothing comes back, not even an error.
template <class Handle, class Message>
void tell(const Handle& to, Message message) {
  caf::anon_send(to, std::move(message));
}

/// The same after a while, by the actor system's clock (virtual in simulations).
template <class Handle, class Message>
void tell_after(const Handle& to, duration delay, Message message) {
  caf::delayed_anon_send(to, delay, std::move(message));
}

/// The first base of every configuration: registers our message types with CAF, once per process and before CAF's own
/// part of the first configuration, as it wants.
class registered_messages {
 protected:
  registered_messages();
};

/// A configuration for production: a few scheduler threads that sleep when there is nothing to do.
class actor_config : registered_messages, public caf::actor_system_config {
 public:
  explicit actor_config(size_t threads);
};

}  // namespace troupe
