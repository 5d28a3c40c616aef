#include "gateway/api/answer_call.hpp"

#include <mutex>
#include <utility>

#include "gateway/api/answer_text.hpp"

namespace troupe {
namespace {

std::string make_id(std::string_view prefix, random_source& random) {
  std::string id(prefix);
  constexpr char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ__";
  uint64_t bits = 0;
  for (int i = 0; i < 29; ++i) {
    if (i % 10 == 0) bits = random.next();
    id += letters[bits & 63];
    bits >>= 6;
  }
  return id;
}

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

// Shared by the sinks of a call's prompts, each of which is called from an actor of its own.
class answer_call {
 public:
  answer_call(const answer_call_config& config, const answer_identity& identity, const generation_call& call,
              const clock& time, gateway_metrics& metrics, std::shared_ptr<http_exchange> exchange)
      : config_(config),
        time_(time),
        metrics_(metrics),
        exchange_(std::move(exchange)),
        stream_(call.stream),
        choices_per_prompt_(call.requests[0].choices),
        prompts_left_(call.requests.size()),
        echo_(per_choice(call)),
        events_(identity),
        collected_(identity, echo_) {
    progress_.resize(echo_.size());
  }

  bool on_delta(size_t prompt, const answer_delta& delta) {
    std::lock_guard lock(mutex_);
    if (ended_) return true;
    auto index = static_cast<uint32_t>(prompt * choices_per_prompt_ + delta.choice);
    TROUPE_CHECK(delta.choice < choices_per_prompt_);
    if (stream_) return stream_delta(index, delta);
    collect_delta(index, delta);
    return true;
  }

  void on_end(const answer_usage& usage) {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.completion_tokens += usage.completion_tokens;
    usage_.cached_tokens += usage.cached_tokens;
    if (--prompts_left_ > 0) return;
    ended_ = true;
    metrics_.generation_finished(config_.which, usage_, begun_ ? time_.now() - first_piece_ : duration{0});
    if (stream_) {
      scratch_.clear();
      events_.append_end(scratch_, usage_);
      exchange_->end_events(scratch_, usage_, std::nullopt);
    } else {
      exchange_->respond({.body = collected_.text(usage_), .usage = usage_});
    }
  }

  void on_error(const error& why) {
    std::lock_guard lock(mutex_);
    if (!ended_) fail(why);
  }

  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  static std::vector<std::string> per_choice(const generation_call& call) {
    std::vector<std::string> out;
    for (size_t i = 0; i < call.requests.size(); ++i) out.insert(out.end(), call.requests[i].choices, call.echo[i]);
    return out;
  }

  bool stream_delta(uint32_t index, const answer_delta& delta) {
    choice_progress next = progress_[index];
    scratch_.clear();
    events_.append_delta(scratch_, index, next, delta, echo_[index]);
    if (scratch_.empty()) return true;
    if (!exchange_->write_events(scratch_)) return false;
    progress_[index] = next;
    streaming_ = true;
    note_first_piece();
    return true;
  }

  void collect_delta(uint32_t index, const answer_delta& delta) {
    note_first_piece();
    collected_.add(index, delta);
    if (collected_.bytes() <= config_.collected_bytes_max) return;
    fail({errc::payload_too_large, "the answer is larger than the " + std::to_string(config_.collected_bytes_max) +
                                       " bytes that are sent at once; ask for it with stream: true"});
  }

  void note_first_piece() {
    if (std::exchange(begun_, true)) return;
    first_piece_ = time_.now();
    metrics_.first_token(config_.which, first_piece_ - config_.arrived);
  }

  void fail(const error& why) {
    ended_ = true;
    if (!streaming_) {
      exchange_->respond(error_response(why));
      return;
    }
    scratch_.clear();
    answer_events::append_error(scratch_, why);
    exchange_->end_events(scratch_, usage_, why);
  }

  const answer_call_config config_;
  const clock& time_;
  gateway_metrics& metrics_;
  const std::shared_ptr<http_exchange> exchange_;
  const bool stream_;
  const size_t choices_per_prompt_;

  std::mutex mutex_;  // Guards what follows, and makes the exchange's calls come one at a time.
  size_t prompts_left_;
  std::vector<std::string> echo_;
  answer_events events_;
  collected_answer collected_;
  std::vector<choice_progress> progress_;
  answer_usage usage_;
  std::string scratch_;
  instant first_piece_;
  bool begun_ = false;
  bool streaming_ = false;
  bool ended_ = false;
};

// When it goes without having been told an end, nobody is left who could tell one: then that is the client's error.
class prompt_sink final : public answer_sink {
 public:
  prompt_sink(std::shared_ptr<answer_call> call, size_t prompt) : call_(std::move(call)), prompt_(prompt) {}
  prompt_sink(const prompt_sink&) = delete;
  prompt_sink& operator=(const prompt_sink&) = delete;
  ~prompt_sink() override {
    if (!ended_) call_->on_error({errc::outcome_unknown, "the request was dropped before it ended"});
  }

  bool on_delta(const answer_delta& delta) override { return call_->on_delta(prompt_, delta); }
  void on_end(const answer_usage& usage) override {
    ended_ = true;
    call_->on_end(usage);
  }
  void on_error(const error& why) override {
    ended_ = true;
    call_->on_error(why);
  }

 private:
  const std::shared_ptr<answer_call> call_;
  const size_t prompt_;
  bool ended_ = false;
};

}  // namespace

void start_answer(const answer_call_config& config, generation_call call, cluster_client& cluster, const clock& time,
                  random_source& random, gateway_metrics& metrics, const std::shared_ptr<http_exchange>& exchange) {
  bool chat = config.which == route::chat_completions;
  answer_identity identity{
      .chat = chat,
      .id = make_id(chat ? "chatcmpl-" : "cmpl-", random),
      .created = std::chrono::floor<std::chrono::seconds>(time.wall_now()).time_since_epoch().count(),
      .model = call.model->id,
      .logprobs = call.logprobs,
      .include_usage = call.include_usage};
  auto answer = std::make_shared<answer_call>(config, identity, call, time, metrics, exchange);
  std::vector<std::unique_ptr<running_request>> parts;
  for (size_t i = 0; i < call.requests.size() && !answer->ended(); ++i) {
    auto part = cluster.generate(std::move(call.requests[i]), std::make_shared<prompt_sink>(answer, i));
    if (part) parts.push_back(std::move(part));
  }
  exchange->started(std::make_unique<running_prompts>(std::move(parts)));
}

}  // namespace troupe
