// The sink of one of a call's requests: tells the call which one it is about.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "actors/request/answer.hpp"

namespace troupe {

/// `Call`: has on_delta(part, delta), on_end(part, usage) and on_error(part, why), as answer_sink's. When the sink goes
/// without having been told an end, nobody is left who could tell one: then that is the call's error.
template <class Call>
class part_sink final : public answer_sink {
 public:
  part_sink(std::shared_ptr<Call> call, size_t part) : call_(std::move(call)), part_(part) {}
  part_sink(const part_sink&) = delete;
  part_sink& operator=(const part_sink&) = delete;
  ~part_sink() override {
    if (!ended_) call_->on_error(part_, {errc::outcome_unknown, "the request was dropped before it ended"});
  }

  bool on_delta(const answer_delta& delta) override { return call_->on_delta(part_, delta); }
  void on_end(const answer_usage& usage) override {
    ended_ = true;
    call_->on_end(part_, usage);
  }
  void on_error(const error& why) override {
    ended_ = true;
    call_->on_error(part_, why);
  }

 private:
  const std::shared_ptr<Call> call_;
  const size_t part_;
  bool ended_ = false;
};

}  // namespace troupe
