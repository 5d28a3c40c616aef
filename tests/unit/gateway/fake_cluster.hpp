// A cluster_client whose streams are driven by the test, with the bundled model's own tokenizer and chat template; and
// a clock and a random_source that tell what the test wants.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "gateway/cluster_client.hpp"

namespace troupe {

/// Stands still until it is moved.
class manual_clock final : public clock {
 public:
  instant now() const override { return instant(duration(now_.load())); }
  std::chrono::sys_time<std::chrono::milliseconds> wall_now() const override {
    return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(1'700'000'000'000)) +
           std::chrono::duration_cast<std::chrono::milliseconds>(duration(now_.load()));
  }
  void advance(duration by) { now_ += by.count(); }

 private:
  std::atomic<int64_t> now_ = 1'000'000'000;
};

/// 1, 2, 3, …
class counting_random final : public random_source {
 public:
  uint64_t next() override { return ++last_; }

 private:
  std::atomic<uint64_t> last_ = 0;
};

/// One generate() as the test sees it: the test plays the request actor.
class fake_stream {
 public:
  fake_stream(generate_request asked, std::shared_ptr<answer_sink> to)
      : request(std::move(asked)), sink(std::move(to)) {}

  const generate_request request;
  const std::shared_ptr<answer_sink> sink;

  /// Offers one piece; false: refused.
  bool say(std::string text, uint32_t choice = 0, finish_reason finish = finish_reason::none);
  /// Ends all choices and the answer.
  void finish(uint32_t completion_tokens = 3, finish_reason why = finish_reason::stop);

  /// Ends an embedding with these numbers.
  void embed(std::vector<float> values, uint32_t cached_tokens = 0);

  // Each waits until it is so, and fails the test after half a minute.
  void wait_until_cancelled();
  void wait_until_resumed(size_t times);

  bool cancelled() const;
  void note_cancelled();
  void note_resumed();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
  size_t resumed_ = 0;
};

class fake_cluster final : public cluster_client {
 public:
  fake_cluster();

  std::shared_ptr<const served_model> find_model(std::string_view id) const override;
  std::vector<std::shared_ptr<const served_model>> models() const override;
  std::unique_ptr<running_request> generate(generate_request request, std::shared_ptr<answer_sink> sink) override;
  readiness ready() const override;
  std::string metrics_text() const override { return "# TYPE troupe_test counter\ntroupe_test 1\n"; }

  /// The i-th stream of all, once it is there.
  std::shared_ptr<fake_stream> stream(size_t i);
  size_t streams() const;

  /// Called inside generate(), where it is set: answers at once.
  std::function<void(fake_stream&)> script;
  /// Where it is set, all that generate() does.
  std::function<std::unique_ptr<running_request>(generate_request, std::shared_ptr<answer_sink>)> instead;
  readiness state{.ready = true, .draining = false, .detail = {}};
  std::shared_ptr<served_model> tiny;
  /// No chat template, a small context.
  std::shared_ptr<served_model> plain;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<fake_stream>> streams_;
};

/// Where the sources are: the folder of models/, tests/, ….
std::string source_folder();

}  // namespace troupe
