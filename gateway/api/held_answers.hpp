// The answers that a gateway holds, by the Idempotency-Key that they were asked for with.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/random.hpp"
#include "base/sha256.hpp"
#include "gateway/api/held_answer.hpp"

namespace troupe {

struct held_answers_config {
  /// A complete answer is held for so long, if there is room.
  duration keep = std::chrono::minutes(10);
  /// One that grows goes on for so long without a client.
  duration alone = std::chrono::seconds(5);
  uint64_t bytes_max = 64 << 20;
  size_t answers_max = 4096;
};

/// A request with an Idempotency-Key.
struct keyed_request {
  std::string key;
  /// Of the route and the body: what the key is used for.
  sha256_digest print;
  /// What its client has of the stream.
  std::optional<stream_position> sent;
};
/// Errors: invalid_argument, about the Last-Event-ID.
result<keyed_request> keyed_request_of(route which, const http_request& request);

/// What an answer for a key draws from where others draw by chance: so it is the same one wherever and whenever it is
/// made. One thread.
class keyed_random final : public random_source {
 public:
  explicit keyed_random(const keyed_request& request);
  uint64_t next() override;

 private:
  sha256_digest seed_;
  uint32_t drawn_ = 0;
};

/// Any thread.
class held_answers {
 public:
  /// The references must outlive this and every answer.
  held_answers(held_answers_config config, cluster_client& cluster, const clock& time, gateway_metrics& metrics)
      : config_(config), cluster_(cluster), time_(time), metrics_(metrics) {}

  /// A call and how its answers look.
  struct answer_plan {
    answer_call_config config;
    answer_form form;
    generation_call call;
  };
  using planner = std::function<api_result<answer_plan>()>;
  /// Gives the client the answer of its key; begins it, as `plan` says, where there is none. Errors: key_reused, where
  /// it was for another request; overloaded, where there is no room; invalid_argument, where the stream cannot have
  /// come as far as the client says; those of `plan`.
  api_result<bool> attach(const keyed_request& asked, const std::shared_ptr<http_exchange>& exchange,
                          const planner& plan);

 private:
  struct entry {
    sha256_digest print;
    std::shared_ptr<held_answer> answer;
  };
  using entries = std::unordered_map<std::string, entry>;
  result<std::shared_ptr<held_answer>> find(const keyed_request& asked);
  result<std::shared_ptr<held_answer>> find_locked(const keyed_request& asked) const;
  /// Holds `made`, unless the key has got an answer meanwhile: the one that is held.
  result<std::shared_ptr<held_answer>> add(const keyed_request& asked, const std::shared_ptr<held_answer>& made);
  bool is_full(uint64_t freed) const;
  void forget_old(entries& forgotten);
  void make_room(entries& forgotten);

  const held_answers_config config_;
  cluster_client& cluster_;
  const clock& time_;
  gateway_metrics& metrics_;
  const held_bytes bytes_ = std::make_shared<std::atomic<uint64_t>>(0);
  std::mutex mutex_;  // Guards what follows. No answer is destroyed while it is held.
  entries by_key_;
  instant looked_;
};

}  // namespace troupe
