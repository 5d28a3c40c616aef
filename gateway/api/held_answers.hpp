// The answers that a gateway holds, by the Idempotency-Key that they were asked for with.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
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

/// What a key was used for: a digest of the route and the body.
using request_print = sha256_digest;
request_print print_of(route which, std::string_view body);

/// What an answer for a key draws from where others draw by chance: so it is the same one wherever and whenever it is
/// made. One thread.
class keyed_random final : public random_source {
 public:
  keyed_random(std::string_view key, const request_print& print);
  uint64_t next() override;

 private:
  std::array<uint32_t, 8> seed_{};
  uint32_t drawn_ = 0;
};

/// Any thread.
class held_answers {
 public:
  explicit held_answers(held_answers_config config) : config_(config) {}

  duration alone() const { return config_.alone; }
  const held_bytes& bytes() const { return bytes_; }

  /// The key's answer, or null. Errors: key_reused, where it was for another request.
  result<std::shared_ptr<held_answer>> find(const std::string& key, const request_print& print);
  /// Holds `made`, unless the key has got an answer meanwhile: the one that is held. Errors: key_reused; overloaded,
  /// where there is no room.
  result<std::shared_ptr<held_answer>> add(const std::string& key, const request_print& print,
                                           const std::shared_ptr<held_answer>& made, instant now);

 private:
  struct entry {
    request_print print;
    std::shared_ptr<held_answer> answer;
  };
  using entries = std::unordered_map<std::string, entry>;
  result<std::shared_ptr<held_answer>> find_locked(const std::string& key, const request_print& print);
  void forget_old(instant now, entries& forgotten);
  void make_room(entries& forgotten);

  const held_answers_config config_;
  const held_bytes bytes_ = std::make_shared<std::atomic<uint64_t>>(0);
  std::mutex mutex_;  // Guards what follows. No answer is destroyed while it is held.
  entries by_key_;
  instant looked_;
};

}  // namespace troupe
