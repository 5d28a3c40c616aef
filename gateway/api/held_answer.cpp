#include "gateway/api/held_answer.hpp"

#include <utility>

namespace troupe {
namespace {

uint64_t bytes_of(const answer_delta& delta) {
  uint64_t bytes = sizeof(answer_delta) + delta.text.size();
  for (const token_logprob& token : delta.logprobs) {
    bytes += sizeof(token) + token.bytes.size();
    for (const auto& other : token.top) bytes += sizeof(other) + other.bytes.size();
  }
  return bytes;
}

answer_form resumable(answer_form form) {
  form.identity.resumable = true;
  return form;
}

}  // namespace

struct held_answer::client {
  client_answer answer;
  /// Of the pieces, the next that it has not taken.
  size_t next = 0;
};

// What the exchange of one client holds: while it does, the answer has this client.
class held_answer::attached final : public running_request {
 public:
  attached(std::shared_ptr<held_answer> to, const std::shared_ptr<client>& which) : to_(std::move(to)), which_(which) {}
  attached(const attached&) = delete;
  attached& operator=(const attached&) = delete;
  ~attached() override {
    if (const auto which = which_.lock()) to_->detach(which);
  }
  void resume() override { to_->deliver_all(); }

 private:
  const std::shared_ptr<held_answer> to_;
  // The client refers to the exchange that refers to this.
  const std::weak_ptr<client> which_;
};

held_answer::held_answer(const answer_call_config& config, answer_form form, generation_call call, duration alone_max,
                         held_bytes all, const clock& time, gateway_metrics& metrics)
    : prompts_answer(config.which, config.arrived, call, time, metrics),
      requests_(std::move(call.requests)),
      form_(resumable(std::move(form))),
      alone_max_(alone_max),
      all_(std::move(all)),
      alone_since_(time.now()) {}

held_answer::~held_answer() { *all_ -= bytes_; }

void held_answer::begin(cluster_client& cluster) {
  auto work = start(std::move(requests_), cluster);
  const auto lock = locked();
  // Where it has ended already there is nothing to hold, or something to cancel: when the mutex is let go.
  if (!ended()) work_ = std::move(work);
}

bool held_answer::attach(const std::shared_ptr<http_exchange>& exchange, const std::optional<stream_position>& sent) {
  answer_form form = form_;
  if (sent) form.identity.created = sent->created;
  const auto added = std::make_shared<client>(client{client_answer(form, exchange, sent)});
  {
    const auto lock = locked();
    if (why_) return false;
    clients_.push_back(added);
    deliver_locked();
  }
  exchange->started(std::make_unique<attached>(std::static_pointer_cast<held_answer>(shared_from_this()), added));
  return true;
}

std::optional<instant> held_answer::complete_since() const {
  const int64_t since = complete_.load(std::memory_order_acquire);
  if (since == 0) return std::nullopt;
  return instant(duration(since));
}

bool held_answer::take(uint32_t choice, const answer_delta& delta) {
  if (clients_.empty() && now() - alone_since_ >= alone_max_) {
    give_up({errc::cancelled, "every client of this answer went away"});
    return true;
  }
  const uint64_t bytes = bytes_of(delta);
  if (bytes_ + bytes > form_.collected_bytes_max) {
    give_up({errc::payload_too_large, "the answer is larger than the " + std::to_string(form_.collected_bytes_max) +
                                          " bytes that are held for an Idempotency-Key; ask for it without one"});
    return true;
  }
  bytes_ += bytes;
  *all_ += bytes;
  pieces_.push_back({choice, delta});
  if (!delta.text.empty() || !delta.logprobs.empty()) note_shown();
  deliver_locked();
  return true;
}

void held_answer::end(const answer_usage& usage) {
  usage_ = usage;
  drop(std::move(work_));
  complete_.store(std::max<int64_t>(now().time_since_epoch().count(), 1), std::memory_order_release);
  deliver_locked();
}

void held_answer::fail(const error& why, const answer_usage& /*usage*/) {
  why_ = why;
  drop(std::move(work_));
  failed_.store(true, std::memory_order_release);
  deliver_locked();
}

void held_answer::give_up(const error& why) {
  note_ended();
  fail(why, {});
}

/// To each client, all that it has not taken and has room for.
void held_answer::deliver_locked() {
  for (const auto& each : clients_) deliver(*each);
  let_go([](const client& one) { return one.answer.ended(); });
}

void held_answer::deliver(client& to) const {
  for (; to.next < pieces_.size() && !to.answer.ended(); ++to.next) {
    const piece& next = pieces_[to.next];
    if (to.answer.take(next.choice, next.delta) == client_answer::taken::no) return;
  }
  if (usage_) to.answer.end(*usage_);
  if (why_) to.answer.fail(*why_);
}

void held_answer::deliver_all() {
  const auto lock = locked();
  deliver_locked();
}

void held_answer::detach(const std::shared_ptr<client>& which) {
  const auto lock = locked();
  let_go([&](const client& one) { return &one == which.get(); });
}

template <class Which>
void held_answer::let_go(const Which& which) {
  const size_t gone = std::erase_if(clients_, [&](const auto& each) { return which(*each); });
  if (gone > 0 && clients_.empty()) alone_since_ = now();
}

}  // namespace troupe
