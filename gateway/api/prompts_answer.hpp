// The answers to the prompts of one call, put together: their choices counted on, their usage added up, the first error
// that of all.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "gateway/api/gateway_metrics.hpp"
#include "gateway/api/generation_call.hpp"

namespace troupe {

/// What is told about a prompt comes from its part_sink, each of which is called from an actor of its own.
class prompts_answer : public std::enable_shared_from_this<prompts_answer> {
 public:
  prompts_answer(route which, instant arrived, const generation_call& call, const clock& time,
                 gateway_metrics& metrics);
  virtual ~prompts_answer() = default;
  prompts_answer(const prompts_answer&) = delete;
  prompts_answer& operator=(const prompts_answer&) = delete;

  /// Starts every request, until one has failed at once. The result cancels what of them is under way.
  std::unique_ptr<running_request> start(std::vector<generate_request> requests, cluster_client& cluster);

  bool on_delta(size_t prompt, const answer_delta& delta);
  void on_end(size_t prompt, const answer_usage& usage);
  void on_error(size_t prompt, const error& why);

 protected:
  // With the mutex held.

  /// As answer_sink::on_delta. `choice`: over all prompts.
  virtual bool take(uint32_t choice, const answer_delta& delta) = 0;
  virtual void end(const answer_usage& usage) = 0;
  /// `usage`: of the prompts that have ended.
  virtual void fail(const error& why, const answer_usage& usage) = 0;
  /// Somebody was shown something of the answer.
  void note_shown();
  bool ended() const { return ended_; }
  /// Nothing that still comes is taken.
  void note_ended() { ended_ = true; }
  /// Destroys it once the mutex is let go, for that calls into actors.
  void drop(std::unique_ptr<running_request> work) { dropped_ = std::move(work); }

  std::unique_lock<std::mutex> locked() { return std::unique_lock(mutex_); }
  instant now() const { return time_.now(); }

 private:
  /// Does it with the mutex held, unless the answer has ended; what it dropped is destroyed afterwards.
  template <class Action>
  void change(const Action& action);
  bool has_ended();

  const clock& time_;
  const route which_;
  const instant arrived_;
  gateway_metrics& metrics_;
  const size_t choices_per_prompt_;

  std::mutex mutex_;  // Guards all that changes, and makes the exchange's calls come one at a time.
  size_t prompts_left_;
  answer_usage usage_;
  instant first_piece_;
  bool begun_ = false;
  bool ended_ = false;
  std::unique_ptr<running_request> dropped_;
};

}  // namespace troupe
