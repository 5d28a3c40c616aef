#include "gateway/api/prompts_answer.hpp"

#include <utility>

#include "base/check.hpp"
#include "gateway/api/part_sink.hpp"

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
    auto part =
        cluster.generate(std::move(requests[i]), std::make_shared<part_sink<prompts_answer>>(shared_from_this(), i));
    if (part) parts.push_back(std::move(part));
  }
  return std::make_unique<running_prompts>(std::move(parts));
}

template <class Action>
void prompts_answer::change(const Action& action) {
  std::unique_ptr<running_request> dropped;
  std::lock_guard lock(mutex_);
  if (!ended_) action();
  dropped = std::move(dropped_);
}

bool prompts_answer::on_delta(size_t prompt, const answer_delta& delta) {
  TROUPE_CHECK(delta.choice < choices_per_prompt_);
  bool taken = true;
  change([&] { taken = take(static_cast<uint32_t>(prompt * choices_per_prompt_ + delta.choice), delta); });
  return taken;
}

void prompts_answer::on_end(size_t /*prompt*/, const answer_usage& usage) {
  change([&] {
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.completion_tokens += usage.completion_tokens;
    usage_.cached_tokens += usage.cached_tokens;
    if (--prompts_left_ > 0) return;
    ended_ = true;
    metrics_.generation_finished(which_, usage_, begun_ ? now() - first_piece_ : duration{0});
    end(usage_);
  });
}

void prompts_answer::on_error(size_t /*prompt*/, const error& why) {
  change([&] {
    ended_ = true;
    fail(why, usage_);
  });
}

bool prompts_answer::has_ended() {
  std::lock_guard lock(mutex_);
  return ended_;
}

void prompts_answer::note_shown() {
  if (std::exchange(begun_, true)) return;
  first_piece_ = now();
  metrics_.first_token(which_, first_piece_ - arrived_);
}

}  // namespace troupe
