#include "gateway/http/client_exchange.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "base/check.hpp"

namespace troupe {
namespace {

// Room for a chunk's head in front of the events, so that framing copies nothing: up to 8 digits and CR LF.
constexpr size_t chunk_head_max = 10;

// Writes the chunk's head so that it ends where the data begins; gives where it starts.
size_t write_chunk_head(std::string& chunk) {
  std::array<char, 8> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), chunk.size() - chunk_head_max, 16).ptr;
  auto count = static_cast<size_t>(end - digits.data());
  size_t at = chunk_head_max - 2 - count;
  chunk.replace(at, count, digits.data(), count);
  chunk.replace(chunk_head_max - 2, 2, "\r\n");
  return at;
}

}  // namespace

void client_exchange::wake_locked() {
  if (!std::exchange(woken_, true)) wake_();
}

void client_exchange::append_locked(std::string_view events) {
  if (chunked_ && events_.empty() && !events.empty()) events_.assign(chunk_head_max, ' ');
  events_ += events;
}

void client_exchange::started(std::unique_ptr<running_request> work) {
  std::lock_guard lock(mutex_);
  if (closed_) return;  // `work` belongs to the caller's expression, and dies there after the lock is gone.
  work_ = std::move(work);
  if (refused_) wake_locked();
}

void client_exchange::respond(http_response response) {
  std::lock_guard lock(mutex_);
  if (closed_ || ended_) return;
  response_ = std::move(response);
  ended_ = true;
  wake_locked();
}

bool client_exchange::write_events(std::string_view events) {
  std::lock_guard lock(mutex_);
  if (closed_ || ended_) return true;
  // An event that is larger than the whole buffer goes alone.
  if (buffered() > 0 && buffered() + events.size() > buffer_max_) {
    refused_ = true;
    return false;
  }
  streaming_ = true;
  append_locked(events);
  wake_locked();
  return true;
}

void client_exchange::end_events(std::string_view last_events, const answer_usage& usage,
                                 std::optional<error> failure) {
  std::lock_guard lock(mutex_);
  if (closed_ || ended_) return;
  streaming_ = true;
  append_locked(last_events);
  usage_ = usage;
  failure_ = std::move(failure);
  ended_ = true;
  wake_locked();
}

client_exchange::taken client_exchange::take() {
  taken out;
  {
    std::lock_guard lock(mutex_);
    woken_ = false;
    out.response = std::exchange(response_, std::nullopt);
    out.events = std::exchange(events_, {});
    if (chunked_ && !out.events.empty()) {
      out.events_at = write_chunk_head(out.events);
      out.events += "\r\n";
    }
    out.streaming = streaming_;
    out.ended = ended_;
    out.usage = usage_;
    out.failure = failure_;
    in_flight_ += out.events.size() - out.events_at;
  }
  resume_if_room();  // started() may have come after the refusal.
  return out;
}

void client_exchange::written(size_t bytes) {
  {
    std::lock_guard lock(mutex_);
    TROUPE_CHECK(bytes <= in_flight_);
    in_flight_ -= bytes;
  }
  resume_if_room();
}

void client_exchange::resume_if_room() {
  running_request* work = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (!refused_ || closed_ || !work_ || buffered() > buffer_max_ / 2) return;
    refused_ = false;
    work = work_.get();
  }
  work->resume();  // Only this thread destroys it.
}

void client_exchange::close() {
  std::unique_ptr<running_request> work;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    work = std::move(work_);
    events_ = {};
    response_.reset();
  }
}

}  // namespace troupe
