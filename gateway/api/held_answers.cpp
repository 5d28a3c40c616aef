#include "gateway/api/held_answers.hpp"

#include <algorithm>
#include <vector>

namespace troupe {
namespace {

/// Old answers are looked for no more often.
constexpr duration between_looks = std::chrono::seconds(1);

}  // namespace

request_print print_of(route which, std::string_view body) {
  sha256 hash;
  hash.add(name(which));
  hash.add(body);
  return hash.digest();
}

keyed_random::keyed_random(std::string_view key, const request_print& print) {
  sha256 hash;
  hash.add(key);
  hash.add(std::as_bytes(std::span(print)));
  const sha256_digest digest = hash.digest();
  for (size_t i = 0; i < digest.size(); ++i) seed_[i / 4] |= uint32_t{digest[i]} << (i % 4 * 8);
}

uint64_t keyed_random::next() {
  const auto words = philox4x32({drawn_++, seed_[0], seed_[1], seed_[2]}, {seed_[3], seed_[4]});
  return uint64_t{words[0]} << 32 | words[1];
}

result<std::shared_ptr<held_answer>> held_answers::find(const std::string& key, const request_print& print) {
  std::lock_guard lock(mutex_);
  return find_locked(key, print);
}

result<std::shared_ptr<held_answer>> held_answers::add(const std::string& key, const request_print& print,
                                                       const std::shared_ptr<held_answer>& made, instant now) {
  entries forgotten;  // Destroyed after the mutex is let go.
  std::lock_guard lock(mutex_);
  TROUPE_ASSIGN(auto found, find_locked(key, print));
  if (found) return found;
  if (now - looked_ >= between_looks) forget_old(now, forgotten);
  if (by_key_.size() >= config_.answers_max || *bytes_ >= config_.bytes_max) make_room(forgotten);
  uint64_t freed = 0;
  for (const auto& [its_key, its] : forgotten) freed += its.answer->bytes();
  if (by_key_.size() >= config_.answers_max || *bytes_ >= config_.bytes_max + freed) {
    return error{errc::overloaded,
                 "too many answers with an Idempotency-Key are under way; try again later, or without one"};
  }
  if (auto failed = by_key_.extract(key)) forgotten.insert(std::move(failed));
  by_key_.emplace(key, entry{print, made});
  return made;
}

result<std::shared_ptr<held_answer>> held_answers::find_locked(const std::string& key, const request_print& print) {
  const auto found = by_key_.find(key);
  // One that failed is tried again.
  if (found == by_key_.end() || found->second.answer->failed()) return std::shared_ptr<held_answer>();
  if (found->second.print != print)
    return error{errc::key_reused, "the Idempotency-Key was used for another request: use a new one"};
  return found->second.answer;
}

void held_answers::forget_old(instant now, entries& forgotten) {
  looked_ = now;
  for (auto at = by_key_.begin(); at != by_key_.end();) {
    const auto next = std::next(at);
    const auto since = at->second.answer->complete_since();
    if (at->second.answer->failed() || (since && now - *since >= config_.keep)) forgotten.insert(by_key_.extract(at));
    at = next;
  }
}

/// Those that have been complete for longest, until an eighth is free: not for each request anew.
void held_answers::make_room(entries& forgotten) {
  std::vector<std::pair<instant, entries::iterator>> complete;
  for (auto at = by_key_.begin(); at != by_key_.end(); ++at)
    if (const auto since = at->second.answer->complete_since()) complete.emplace_back(*since, at);
  std::ranges::sort(complete, {}, [](const auto& one) { return one.first; });
  uint64_t bytes = *bytes_;
  for (const auto& [since, at] : complete) {
    if (by_key_.size() <= config_.answers_max / 8 * 7 && bytes <= config_.bytes_max / 8 * 7) return;
    bytes -= std::min(bytes, at->second.answer->bytes());
    forgotten.insert(by_key_.extract(at));
  }
}

}  // namespace troupe
