// An answer that is held for an Idempotency-Key: made once, kept whole, given to every client that asks with the key,
// while it grows and for a while afterwards.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/api/answer_call.hpp"

namespace troupe {

/// Bytes that answers hold together. Shared by those that may outlive each other.
using held_bytes = std::shared_ptr<std::atomic<uint64_t>>;

class held_answer final : public prompts_answer {
 public:
  /// `alone_max`: without a client it goes on for so long, and is then cancelled. `all`: its bytes are added here while
  /// it lives.
  held_answer(const answer_call_config& config, answer_form form, generation_call call, duration alone_max,
              held_bytes all, const clock& time, gateway_metrics& metrics);
  ~held_answer() override;

  const answer_form& form() const { return form_; }
  /// Gives it to one more client, from its beginning or from what comes after `sent`, which is of this form. False: it
  /// has failed already, and the client was told nothing.
  bool attach(const std::shared_ptr<http_exchange>& exchange, const std::optional<stream_position>& sent);
  /// Once, when the client that asked for it is attached.
  void begin(cluster_client& cluster);

  /// Since when all of it is there; nothing while it grows.
  std::optional<instant> complete_since() const;
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// It will never be complete.
  bool failed() const { return failed_.load(std::memory_order_acquire); }

 private:
  struct client;
  class attached;
  struct piece {
    uint32_t choice = 0;
    answer_delta delta;
  };

  bool take(uint32_t choice, const answer_delta& delta) override;
  void end(const answer_usage& usage) override;
  void fail(const error& why, const answer_usage& usage) override;
  void give_up(const error& why);
  void deliver_all();
  void deliver_locked();
  void deliver(client& to) const;
  void detach(const std::shared_ptr<client>& which);
  /// With the mutex held.
  template <class Which>
  void let_go(const Which& which);

  std::vector<generate_request> requests_;
  const answer_form form_;
  const duration alone_max_;
  const held_bytes all_;
  std::atomic<uint64_t> bytes_{0};
  std::vector<piece> pieces_;
  std::optional<answer_usage> usage_;
  std::optional<error> why_;
  std::list<std::shared_ptr<client>> clients_;
  instant alone_since_;
  std::unique_ptr<running_request> work_;
  std::atomic<int64_t> complete_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace troupe
