// The way back for one request, between the threads that make the answer and the lane that writes it: a bounded buffer
// and a note to the lane that there is something in it.
//
//   waiting ──respond()──▶ answered ──take()──▶ ended
//      └──write_events()──▶ streaming ──end_events(), take()──▶ ended        close() ends any of them
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/api/http_exchange.hpp"

namespace troupe {

class client_exchange final : public http_exchange {
 public:
  /// `wake` is called from any thread, never twice before a take(), and never after close(); it must only post.
  /// `buffer_max`: of events that the client has not been sent, in bytes. `chunked`: take() frames the events.
  client_exchange(std::function<void()> wake, size_t buffer_max, bool chunked)
      : wake_(std::move(wake)), buffer_max_(buffer_max), chunked_(chunked) {}

  // Any thread.
  void started(std::unique_ptr<running_request> work) override;
  void respond(http_response response) override;
  bool write_events(std::string_view events) override;
  void end_events(std::string_view last_events, const answer_usage& usage, std::optional<error> failure) override;

  /// What the lane has to write.
  struct taken {
    std::optional<http_response> response;
    /// One chunk with all events that were waiting; its bytes begin at `events_at`. Each of them counts as buffered
    /// until written() is told.
    std::string events;
    size_t events_at = 0;
    bool streaming = false;
    bool ended = false;
    answer_usage usage;
    std::optional<error> failure;
  };

  // The lane's thread only.

  /// Takes all there is.
  taken take();
  /// So many bytes of the events that take() gave are on their way.
  void written(size_t bytes);
  /// The client is gone, or has its whole answer: destroys the work, swallows what still comes.
  void close();

 private:
  void wake_locked();
  void append_locked(std::string_view events);
  size_t buffered() const { return events_.size() + in_flight_; }
  void resume_if_room();

  const std::function<void()> wake_;
  const size_t buffer_max_;
  const bool chunked_;

  std::mutex mutex_;  // Guards what follows. Nothing that could call back is called while it is held.
  std::unique_ptr<running_request> work_;
  std::optional<http_response> response_;
  std::string events_;
  size_t in_flight_ = 0;
  bool refused_ = false;  // An event: the work waits for resume().
  bool streaming_ = false;
  bool ended_ = false;
  bool closed_ = false;
  bool woken_ = false;
  answer_usage usage_;
  std::optional<error> failure_;
};

}  // namespace troupe
