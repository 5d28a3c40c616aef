#include "gateway/api/prompts_answer.hpp"

#include <utility>

#include "base/check.hpp"

namespace troupe {
namespace {

// The prompts of one call, as the exchange sees them: one thing to resume and to cancel.
class running_prompts final : public running_request {
 public:
  explicit running_prompts(std::vector<std::unique_ptr<running_request>> parts) : parts_(std::move(parts)) {}
  void resume() override {
    for (auto& part : parts_) part->resume();
  }

 private:
  std::vector<std::unique_ptr<running_request>> parts_;
};

}  // namespace

// When it goes without having been told an end, nobody is left who could tell one: then that is the client's error.
class prompts_answer::prompt_sink final : public answer_sink {
 public:
  prompt_sink(std::shared_ptr<prompts_answer> all, size_t prompt) : all_(std::move(all)), prompt_(prompt) {}
  prompt_sink(const prompt_sink&) = delete;
  prompt_sink& operator=(const prompt_sink&) = delete;
  ~prompt_sink() override {
    if (!ended_) all_->on_error({errc::outcome_unknown, "the request was dropped before it ended"});
  }

  bool on_delta(const answer_delta& delta) override { return all_->on_delta(prompt_, delta); }
  void on_end(const answer_usage& usage) override {
    ended_ = true;
    all_->on_end(usage);
  }
  void on_error(const error& why) override {
    ended_ = true;
    all_->on_error(why);
  }

 private:
  const std::shared_ptr<prompts_answer> all_;
  const size_t prompt_;
  bool ended_ = false;
};

prompts_answer::prompts_answer(route which, instant arrived, const generation_call& call, const clock& time,
                               gateway_metrics& metrics)
    : time_(time),
      which_(which),
      arrived_(arrived),
      metrics_(metrics),
      choices_per_prompt_(call.requests[0].choices),
      prompts_left_(call.requests.size()) {}

std::unique_ptr<running_request> prompts_answer::start(std::vector<generate_request> requests,
                                                       cluster_client& cluster) {
  std::vector<std::unique_ptr<running_request>> parts;
  for (size_t i = 0; i < requests.size() && !has_ended(); ++i) {
    auto part = cluster.generate(std::move(requests[i]), std::make_shared<prompt_sink>(shared_from_this(), i));
    if (part) parts.push_back(std::move(part));
  }
  return std::make_unique<running_prompts>(std::move(parts));
}

bool prompts_answer::on_delta(size_t prompt, const answer_delta& delta) {
  std::unique_ptr<running_request> dropped;
  std::lock_guard lock(mutex_);
  TROUPE_CHECK(delta.choice < choices_per_prompt_);
  const bool taken = ended_ || take(static_cast<uint32_t>(prompt * choices_per_prompt_ + delta.choice), delta);
  dropped = std::move(dropped_);
  return taken;
}

void prompts_answer::on_end(const answer_usage& usage) {
  std::unique_ptr<running_request> dropped;
  std::lock_guard lock(mutex_);
  if (ended_) return;
  usage_.prompt_tokens += usage.prompt_tokens;
  usage_.completion_tokens += usage.completion_tokens;
  usage_.cached_tokens += usage.cached_tokens;
  if (--prompts_left_ > 0) return;
  ended_ = true;
  metrics_.generation_finished(which_, usage_, begun_ ? time_.now() - first_piece_ : duration{0});
  end(usage_);
  dropped = std::move(dropped_);
}

void prompts_answer::on_error(const error& why) {
  std::unique_ptr<running_request> dropped;
  std::lock_guard lock(mutex_);
  if (std::exchange(ended_, true)) return;
  fail(why, usage_);
  dropped = std::move(dropped_);
}

bool prompts_answer::has_ended() {
  std::lock_guard lock(mutex_);
  return ended_;
}

void prompts_answer::note_shown() {
  if (std::exchange(begun_, true)) return;
  first_piece_ = time_.now();
  metrics_.first_token(which_, first_piece_ - arrived_);
}

}  // namespace troupe
