// What the actors count; methods are named after events. Implemented with Prometheus by the gateway's node; other nodes
// and tests drop everything, which is what the methods do here. Any thread.
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "schemas/cluster.hpp"

namespace troupe {

class actor_metrics {
 public:
  virtual ~actor_metrics() = default;

  /// A frame that could not be decoded ("corrupt"), of another cluster ("cluster"), for an actor that is not here
  /// ("no_receiver"); a token of a fenced generation ("generation") or out of order ("order").
  virtual void frame_refused(std::string_view /*reason*/) {}

  virtual void request_started() {}
  /// `outcome` is "ok", "cancelled" or an error's name.
  virtual void request_ended(std::string_view /*outcome*/, uint32_t /*prompt_tokens*/, uint32_t /*completion_tokens*/) {
  }
  /// A token became part of an answer, whatever happens from now on.
  virtual void token_committed(std::string_view /*request*/, uint32_t /*choice*/, uint32_t /*index*/,
                               group_number /*group*/, generation_number /*generation*/) {}
  /// Between two tokens of one stream that came without a failover.
  virtual void next_token(duration /*since_last*/) {}
  /// A stream went on in another group: from the loss of its group to its next token.
  virtual void stream_resumed(duration /*since_loss*/) {}

  virtual void load_reported(std::string_view /*group*/, const group_load&) {}
  /// `silence`: from the last sign of life to the decision.
  virtual void group_failed(std::string_view /*group*/, std::string_view /*reason*/, duration /*silence*/) {}
  /// From the failure to the next incarnation's readiness.
  virtual void group_recovered(std::string_view /*group*/, duration /*since_failure*/) {}
  virtual void group_is_ready(std::string_view /*group*/, bool /*ready*/) {}
};

}  // namespace troupe
