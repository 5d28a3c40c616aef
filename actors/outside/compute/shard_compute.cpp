#include "actors/outside/compute/shard_compute.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/outside/compute/step_pooling.hpp"
#include "actors/outside/compute/step_sampling.hpp"
#include "base/check.hpp"
#include "shards/engine/local_communicator.hpp"
#include "shards/engine/shm_communicator.hpp"
#include "shards/engine/tcp_communicator.hpp"
#include "shards/sampling/sampler.hpp"

namespace troupe {
namespace {

class thread_compute final : public compute {
 public:
  thread_compute(shard_compute_config config, const clock& time) : config_(std::move(config)), time_(time) {}

  ~thread_compute() override {
    abort("the rank is shutting down");
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  void open(std::optional<group_meeting> meeting, std::function<void(result<compute_facts>)> done) override {
    TROUPE_CHECK(!thread_.joinable());
    meeting_ = std::move(meeting);
    thread_ = std::thread([this, done = std::move(done)] { live(done); });
  }

  void submit(step_request request, std::function<void(result<step_result>)> done) override {
    TROUPE_CHECK(config_.shard.rank == 0);
    give([this, request = std::move(request), done = std::move(done)] { done(run_step(request)); });
  }

  void follow(std::function<void(error)> ended) override {
    TROUPE_CHECK(config_.shard.rank != 0);
    give([this, ended = std::move(ended)] { ended(follow_until_error()); });
  }

  uint64_t steps_finished() const override { return steps_finished_.load(std::memory_order_relaxed); }

  void abort(std::string why) override {
    const std::lock_guard lock(mutex_);
    if (!aborted_) aborted_ = why;
    if (group_ != nullptr) group_->abort(why);
  }

 private:
  void give(std::function<void()> task) {
    TROUPE_CHECK(thread_.joinable());
    {
      const std::lock_guard lock(mutex_);
      TROUPE_CHECK(!task_);  // One at a time is the seam's rule.
      task_ = std::move(task);
    }
    wake_.notify_one();
  }

  /// The thread's life. The communicator and the shard live and die here, for the liveness word belongs to the thread.
  void live(const std::function<void(result<compute_facts>)>& opened) {
    std::unique_ptr<communicator> group;
    result<compute_facts> facts = open_shard(group);
    // The others wait for this rank, which will not come.
    if (!facts && group) group->abort(facts.err().detail);
    if (!facts) failed_ = facts.err();
    opened(std::move(facts));
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return task_ || ending_; });
        if (!task_) break;
        task = std::exchange(task_, nullptr);
      }
      task();
    }
    shard_.reset();
    const std::lock_guard lock(mutex_);
    group_ = nullptr;
    group.reset();
  }

  result<compute_facts> open_shard(std::unique_ptr<communicator>& group) {
    TROUPE_ASSIGN(const size_t floats_max, shard_floats_max(config_.shard));
    TROUPE_TRY(join(floats_max, group));
    TROUPE_ASSIGN(shard_, shard::open(config_.shard, *group));
    const shard_facts& facts = shard_->facts();
    return compute_facts{.fingerprint = facts.fingerprint + " draw" + std::to_string(sampler_version),
                         .kv_pages = facts.kv_pages,
                         .context_max = facts.context_max,
                         .vocab_size = facts.vocab_size,
                         .hidden = facts.hidden,
                         .weights_bytes = facts.weights_bytes};
  }

  result<void> join(size_t floats_max, std::unique_ptr<communicator>& group) {
    const shard_config& shard = config_.shard;
    if (shard.tp == 1) {
      group = std::make_unique<local_communicator>(floats_max);
      return publish(*group);
    }
    if (!meeting_) {
      return meet(shm_communicator::open({.rank = shard.rank,
                                          .size = shard.tp,
                                          .floats_max = floats_max,
                                          .generation = config_.generation,
                                          .fd = config_.shared_memory_fd},
                                         time_),
                  group);
    }
    tcp_communicator_config over_tcp{.rank = shard.rank,
                                     .size = shard.tp,
                                     .floats_max = floats_max,
                                     .generation = config_.generation,
                                     .secret = meeting_->secret,
                                     .listening_fd = config_.listening_socket.get(),
                                     .addresses = {}};
    for (const rank_endpoint& at : meeting_->addresses) over_tcp.addresses.push_back({at.host, at.port});
    TROUPE_TRY(meet(tcp_communicator::open(over_tcp, time_), group));
    config_.listening_socket.reset();
    return {};
  }

  template <class Communicator>
  result<void> meet(result<std::unique_ptr<Communicator>> opened, std::unique_ptr<communicator>& group) {
    if (!opened) return std::move(opened).err();
    Communicator& it = **opened;
    group = std::move(opened).value();
    TROUPE_TRY(publish(it));
    return it.meet(config_.shard.open_deadline);
  }

  /// From here on abort() reaches the collectives.
  result<void> publish(communicator& group) {
    const std::lock_guard lock(mutex_);
    group_ = &group;
    if (aborted_) group.abort(*aborted_);
    return group.check();
  }

  result<step_result> run_step(const step_request& request) {
    if (failed_) return *failed_;
    TROUPE_TRY(check_sampling(request));
    TROUPE_TRY(check_pooling(request));
    const instant began = time_.now();
    TROUPE_ASSIGN(const step_logits logits, shard_->lead(request.plan, request.deadline));
    const duration in_model = time_.now() - began;
    TROUPE_ASSIGN(std::vector<sampled_token> sampled, sample_step(request, logits, shard_->threads()));
    std::vector<std::vector<double>> pooled = pool_step(request, *shard_);
    steps_finished_.fetch_add(1, std::memory_order_relaxed);
    return step_result{request.plan.number, std::move(sampled), std::move(pooled), time_.now() - began, in_model};
  }

  error follow_until_error() {
    if (failed_) return *failed_;
    for (;;) {
      auto step = shard_->follow();
      if (!step) return std::move(step).err();
      steps_finished_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  shard_compute_config config_;
  const clock& time_;
  std::atomic<uint64_t> steps_finished_{0};
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::function<void()> task_;          // guarded by mutex_
  bool ending_ = false;                 // guarded by mutex_
  std::optional<std::string> aborted_;  // guarded by mutex_
  communicator* group_ = nullptr;       // guarded by mutex_

  // The thread's own, from open() on.
  std::optional<group_meeting> meeting_;
  std::unique_ptr<shard> shard_;
  std::optional<error> failed_;
};

}  // namespace

result<uint64_t> shard_compute_memory_bytes(const shard_config& config) {
  TROUPE_ASSIGN(const size_t floats_max, shard_floats_max(config));
  if (config.tp == 1) return uint64_t{0};
  return shm_communicator_bytes(config.tp, floats_max);
}

std::unique_ptr<compute> make_shard_compute(shard_compute_config config, const clock& time) {
  return std::make_unique<thread_compute>(std::move(config), time);
}

}  // namespace troupe
