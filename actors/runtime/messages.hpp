// Every message that actors of one node send each other, with its type id: one list. Between nodes only envelopes
// travel (schemas/envelope.hpp); one that arrived is an `inbound` here. CAF never serialises any of these.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/request/answer.hpp"
#include "actors/seams/compute.hpp"
#include "actors/seams/process_host.hpp"
#include "actors/seams/transport.hpp"
#include "schemas/envelope.hpp"

namespace troupe {

class tokenizer;

/// An envelope from another node (or from this one, over the post office). Holds the link's credit while it lives.
struct inbound {
  struct content {
    peer_identity from;
    envelope it;
    frame_credit credit;
  };
  std::shared_ptr<const content> at;

  const peer_identity& from() const { return at->from; }
  const envelope_head& head() const { return at->it.head; }
  const envelope_body& body() const { return at->it.body; }
};

/// The link to a node came up; went down.
struct node_up {
  peer_identity peer;
};
struct node_lost {
  peer_identity peer;
  error why;
};

/// An actor's own timer.
struct tick {
  uint32_t which = 0;
};

// ---- requests -----------------------------------------------------------------------------------------------------

/// From the gateway's HTTP side to `requests`: a request begins. The sink is told everything else.
struct begin_request {
  struct content {
    uint64_t key = 0;
    generate_request request;
    std::shared_ptr<answer_sink> sink;
    /// Of the request's model.
    std::shared_ptr<const tokenizer> tokens;
    std::vector<token_id> eos;
  };
  std::shared_ptr<const content> at;
};
/// The client went away; the sink has room again.
struct client_gone {
  uint64_t key = 0;
};
struct client_resumed {
  uint64_t key = 0;
};

/// A request actor asks the router where a stream should go.
struct route_request {
  stream_id stream = 0;
  std::string deployment;
  /// Prompt and committed tokens to prefill.
  uint32_t tokens = 0;
  /// Empty for a new stream. One that has tokens goes on only where the same bits come out.
  std::string fingerprint;
  /// Until when to wait for a group.
  instant deadline;
  caf::actor reply_to;
};
/// The router's answer: a group, or why there is none.
struct route_decision {
  stream_id stream = 0;
  bool found = false;
  error why;
  group_number group = no_group_number;
  generation_number generation = 0;
  std::string fingerprint;
  node_name leader;
};
/// A stream that the router sent somewhere has ended, moved or been refused.
struct route_done {
  stream_id stream = 0;
};
/// A group's incarnation is gone: its streams go elsewhere.
struct group_lost {
  group_number group = no_group_number;
  generation_number generation = 0;
};
/// `requests` to one request actor: what a step brought for one of its streams.
struct stream_progress {
  group_number group = no_group_number;
  generation_number generation = 0;
  stream_token token;
};
struct stream_embedded {
  group_number group = no_group_number;
  generation_number generation = 0;
  stream_embedding embedding;
};
struct stream_rejected {
  group_number group = no_group_number;
  generation_number generation = 0;
  stream_refused refused;
};

// ---- groups -------------------------------------------------------------------------------------------------------

enum class group_phase : uint8_t { stopped, starting, ready, draining, backing_off, failed };

/// A group's supervisor to the router: the present incarnation.
struct group_state {
  group_number group = no_group_number;
  generation_number generation = 0;
  group_phase phase = group_phase::stopped;
  node_name leader;
  std::string fingerprint;
  std::string why;
};
/// The router to a group's supervisor: nothing runs on it any more (while it drains).
struct group_idle {
  group_number group = no_group_number;
  generation_number generation = 0;
};
/// Membership to its subscribers: a node that is linked has not been heard of for too long.
struct node_silent {
  peer_identity peer;
  duration since;
};

// ---- a rank's node ------------------------------------------------------------------------------------------------

struct compute_opened {
  std::shared_ptr<const result<compute_facts>> outcome;
};
struct compute_stepped {
  std::shared_ptr<const result<step_result>> outcome;
};
struct compute_ended {
  error why;
};
/// The process was asked to end (SIGTERM).
struct terminate_node {};

// ---- a host's agent -----------------------------------------------------------------------------------------------

struct process_ended {
  process_exit exit;
};

// ---- the tree -----------------------------------------------------------------------------------------------------

/// Asks an actor for its part of the supervision tree; answered with tree_part to `reply_to`.
struct describe {
  uint64_t correlation = 0;
  caf::actor reply_to;
};
struct tree_part {
  uint64_t correlation = 0;
  /// Whose part it is.
  service from = service::group_supervisor;
  std::vector<tree_entry> entries;
};
/// An operator's wish, passed to the actor it concerns.
struct drain {
  std::string target;
};

}  // namespace troupe

// clang-format off
#define TROUPE_MESSAGES(X)                                                                                     \
  X(inbound)                                                                                                   \
  X(node_up)                                                                                                   \
  X(node_lost)                                                                                                 \
  X(tick) X(begin_request) X(client_gone) X(client_resumed) X(route_request) X(route_decision) X(route_done)   \
      X(group_lost) X(stream_progress) X(stream_embedded) X(stream_rejected) X(group_state) X(group_idle) X(node_silent)          \
          X(compute_opened) X(compute_stepped) X(compute_ended) X(terminate_node) X(process_ended) X(describe) \
              X(tree_part) X(drain)
// clang-format on

CAF_BEGIN_TYPE_ID_BLOCK(troupe, first_custom_type_id)
#define TROUPE_MESSAGE_ID(type) CAF_ADD_TYPE_ID(troupe, (troupe::type))
TROUPE_MESSAGES(TROUPE_MESSAGE_ID)
#undef TROUPE_MESSAGE_ID
CAF_END_TYPE_ID_BLOCK(troupe)

#define TROUPE_MESSAGE_UNSAFE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::type)
TROUPE_MESSAGES(TROUPE_MESSAGE_UNSAFE)
#undef TROUPE_MESSAGE_UNSAFE
