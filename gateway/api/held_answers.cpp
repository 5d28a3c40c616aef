#include "gateway/api/held_answers.hpp"

#include <algorithm>
#include <vector>

namespace troupe {
namespace {

/// Old answers are looked for no more often.
constexpr duration between_looks = std::chrono::seconds(1);

}  // namespace

result<keyed_request> keyed_request_of(route which, const http_request& request) {
  sha256 print;
  print.add(name(which));
  print.add(request.body);
  keyed_request asked{.key = request.idempotency_key, .print = print.digest(), .sent = {}};
  if (request.last_event_id.empty()) return asked;
  TROUPE_ASSIGN(asked.sent, parse_stream_position(request.last_event_id));
  return asked;
}

keyed_random::keyed_random(const keyed_request& request) {
  sha256 seed;
  seed.add(request.key);
  seed.add(std::as_bytes(std::span(request.print)));
  seed_ = seed.digest();
}

uint64_t keyed_random::next() {
  const auto word = [&](size_t i) {
    uint32_t of = 0;
    for (size_t byte = 0; byte < 4; ++byte) of |= uint32_t{seed_[4 * i + byte]} << (8 * byte);
    return of;
  };
  const auto drawn = philox4x32({drawn_++, word(0), word(1), word(2)}, {word(3), word(4)});
  return uint64_t{drawn[0]} << 32 | drawn[1];
}

api_result<bool> held_answers::attach(const keyed_request& asked, const std::shared_ptr<http_exchange>& exchange,
                                      const planner& plan) {
  TROUPE_ASSIGN(const auto found, find(asked));
  if (found) {
    TROUPE_TRY(check_position(found->form(), asked.sent));
    // One that fails meanwhile was found too late.
    if (found->attach(exchange, asked.sent)) return true;
  }
  TROUPE_ASSIGN(answer_plan planned, plan());
  TROUPE_TRY(check_position(planned.form, asked.sent));
  const auto made = std::make_shared<held_answer>(planned.config, std::move(planned.form), std::move(planned.call),
                                                  config_.alone, bytes_, time_, metrics_);
  for (;;) {
    TROUPE_ASSIGN(const auto held, add(asked, made));
    if (!held->attach(exchange, asked.sent)) continue;
    if (held == made) made->begin(cluster_);
    return true;
  }
}

result<std::shared_ptr<held_answer>> held_answers::find(const keyed_request& asked) {
  std::lock_guard lock(mutex_);
  return find_locked(asked);
}

result<std::shared_ptr<held_answer>> held_answers::find_locked(const keyed_request& asked) const {
  const auto found = by_key_.find(asked.key);
  // One that failed is tried again.
  if (found == by_key_.end() || found->second.answer->failed()) return std::shared_ptr<held_answer>();
  if (found->second.print != asked.print)
    return error{errc::key_reused, "the Idempotency-Key was used for another request: use a new one"};
  return found->second.answer;
}

result<std::shared_ptr<held_answer>> held_answers::add(const keyed_request& asked,
                                                       const std::shared_ptr<held_answer>& made) {
  entries forgotten;  // Destroyed after the mutex is let go.
  std::lock_guard lock(mutex_);
  TROUPE_ASSIGN(auto found, find_locked(asked));
  if (found) return found;
  forget_old(forgotten);
  if (is_full(0)) make_room(forgotten);
  uint64_t freed = 0;
  for (const auto& [key, its] : forgotten) freed += its.answer->bytes();
  if (is_full(freed)) {
    return error{errc::overloaded,
                 "too many answers with an Idempotency-Key are under way; try again later, or without one"};
  }
  if (auto failed = by_key_.extract(asked.key)) forgotten.insert(std::move(failed));
  by_key_.emplace(asked.key, entry{asked.print, made});
  return made;
}

/// `freed`: bytes that are still counted.
bool held_answers::is_full(uint64_t freed) const {
  return by_key_.size() >= config_.answers_max || *bytes_ >= config_.bytes_max + freed;
}

void held_answers::forget_old(entries& forgotten) {
  const instant now = time_.now();
  if (now - looked_ < between_looks) return;
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
