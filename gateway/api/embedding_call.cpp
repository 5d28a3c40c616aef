#include "gateway/api/embedding_call.hpp"

#include <deque>
#include <mutex>
#include <utility>

#include "gateway/api/part_sink.hpp"
#include "shards/pooling/pooling.hpp"

namespace troupe {
namespace {

// The inputs that are under way. Shared by the call, which adds and removes, and by what the exchange holds.
class running_inputs {
 public:
  explicit running_inputs(size_t inputs) : parts_(inputs), done_(inputs) {}

  void add(size_t input, std::unique_ptr<running_request> part) {
    std::lock_guard lock(mutex_);
    // One that is not kept is destroyed, and so cancelled, where the caller's argument ends.
    if (!cancelled_ && !done_[input]) parts_[input] = std::move(part);
  }
  void remove(size_t input) {
    std::unique_ptr<running_request> part;
    std::lock_guard lock(mutex_);
    done_[input] = true;
    part = std::move(parts_[input]);
  }
  void cancel() {
    std::vector<std::unique_ptr<running_request>> parts;
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    parts.swap(parts_);
    parts_.resize(done_.size());
  }

 private:
  std::mutex mutex_;  // Guards what follows.
  std::vector<std::unique_ptr<running_request>> parts_;
  std::vector<bool> done_;
  bool cancelled_ = false;
};

// What the exchange destroys when the client leaves. It keeps no part of the call alive.
class running_call final : public running_request {
 public:
  explicit running_call(std::shared_ptr<running_inputs> inputs) : inputs_(std::move(inputs)) {}
  running_call(const running_call&) = delete;
  running_call& operator=(const running_call&) = delete;
  ~running_call() override { inputs_->cancel(); }
  void resume() override {}  // No embedding is ever refused.

 private:
  const std::shared_ptr<running_inputs> inputs_;
};

// Shared by the sinks of its inputs, each of which is called from an actor of its own.
class embeddings_run : public std::enable_shared_from_this<embeddings_run> {
 public:
  embeddings_run(const embedding_call_config& config, embedding_call call, cluster_client& cluster, const clock& time,
                 std::shared_ptr<http_exchange> exchange)
      : config_(config),
        cluster_(cluster),
        time_(time),
        exchange_(std::move(exchange)),
        call_(std::move(call)),
        inputs_(std::make_shared<running_inputs>(call_.requests.size())),
        texts_(call_.requests.size()),
        left_(call_.requests.size()) {
    for (size_t input = 0; input < left_; ++input) to_start_.push_back(input);
  }

  std::unique_ptr<running_request> work() const { return std::make_unique<running_call>(inputs_); }

  // Starts inputs until so many are under way as may be. One thread does it at a time: a cluster that answers at once
  // would nest this as deep as there are inputs.
  void pump() {
    std::unique_lock lock(mutex_);
    if (std::exchange(pumping_, true)) return;
    while (!ended_ && running_ < config_.at_once && !to_start_.empty()) {
      const size_t input = to_start_.front();
      to_start_.pop_front();
      ++running_;
      lock.unlock();
      start(input);
      lock.lock();
    }
    pumping_ = false;
  }

  bool on_delta(size_t input, const answer_delta& delta) {
    const std::span<const float> values = delta.embedding;
    if (values.size() != call_.model->hidden) {
      fail({errc::internal, "an embedding of " + std::to_string(values.size()) + " numbers where the model has " +
                                std::to_string(call_.model->hidden)});
      return true;
    }
    std::string text;
    if (call_.dimensions < values.size()) {
      append_embedding(text, input, shortened(values, call_.dimensions), call_.format);
    } else {
      append_embedding(text, input, values, call_.format);
    }
    std::lock_guard lock(mutex_);
    texts_[input] = std::move(text);
    return true;
  }

  void on_end(size_t input, const answer_usage& usage) {
    inputs_->remove(input);
    if (!count(input, usage)) return fail({errc::internal, "a request for an embedding ended without one"});
    pump();
  }

  void on_error(size_t input, const error& why) {
    if (why.code != errc::overloaded || !put_back(input)) fail(why);
  }

  void fail(const error& why) {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(ended_, true)) return;
      exchange_->respond(error_response(why));
    }
    inputs_->cancel();
  }

 private:
  void start(size_t input);

  // Where there is no room for all of them at once, there is for those that run: the next takes the place of one that
  // ends. False where none does.
  bool put_back(size_t input) {
    std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (running_ == 1) return false;
    --running_;
    to_start_.push_front(input);
    return true;
  }

  // Answers with the last one. False where there is no embedding.
  bool count(size_t input, const answer_usage& usage) {
    std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (texts_[input].empty()) return false;
    --running_;
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
    ended_ = --left_ == 0;
    if (ended_) exchange_->respond({.body = text(), .usage = usage_});
    return true;
  }

  std::string text() const {
    size_t bytes = 1024;
    for (const auto& one : texts_) bytes += one.size() + 1;
    std::string out(embeddings_head());
    out.reserve(bytes);
    for (const auto& one : texts_) {
      if (&one != &texts_.front()) out += ',';
      out += one;
    }
    append_embeddings_end(out, call_.model->id, usage_.prompt_tokens);
    return out;
  }

  const embedding_call_config config_;
  cluster_client& cluster_;
  const clock& time_;
  const std::shared_ptr<http_exchange> exchange_;
  const embedding_call call_;
  const std::shared_ptr<running_inputs> inputs_;

  std::mutex mutex_;  // Guards what follows.
  std::vector<std::string> texts_;
  std::deque<size_t> to_start_;
  size_t running_ = 0;
  size_t left_;
  answer_usage usage_;
  bool pumping_ = false;
  bool ended_ = false;
};

void embeddings_run::start(size_t input) {
  generate_request request = call_.requests[input];
  request.timeout = config_.deadline - time_.now();
  if (request.timeout <= duration::zero())
    return fail({errc::deadline_exceeded, "the embeddings took longer than the request's deadline"});
  inputs_->add(input, cluster_.generate(std::move(request),
                                        std::make_shared<part_sink<embeddings_run>>(shared_from_this(), input)));
}

}  // namespace

void start_embeddings(const embedding_call_config& config, embedding_call call, cluster_client& cluster,
                      const clock& time, const std::shared_ptr<http_exchange>& exchange) {
  auto run = std::make_shared<embeddings_run>(config, std::move(call), cluster, time, exchange);
  exchange->started(run->work());
  run->pump();
}

}  // namespace troupe
