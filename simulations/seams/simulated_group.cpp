#include "simulations/seams/simulated_group.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace troupe::simulation {

/// One incarnation of a group. Everything in it is called in events of its ranks.
class device_group : public std::enable_shared_from_this<device_group> {
 public:
  device_group(device_park& park, group_number number, const device_config& config)
      : park_(park),
        number_(number),
        fingerprint_(config.fingerprint),
        limits_(config.limits),
        members_(config.tp),
        model_(limits_.vocab_size, limits_.kv_pages, limits_) {}

  void open(const device_config& its, std::function<void(result<compute_facts>)> done) {
    const uint32_t rank = its.rank;
    const owner_number owner = its.owner;
    members_[rank].owner = owner;
    members_[rank].reaches_others = its.reaches_others;
    if (broken_) return tell(rank, [done = std::move(done), why = *broken_] { done(why); });
    members_[rank].opened = std::move(done);
    const duration load = park_.random_.between(park_.times.load_min, park_.times.load_max);
    world().after(load, owner, [self = shared_from_this(), rank] { self->loaded(rank); });
  }

  void submit(step_request request, std::function<void(result<step_result>)> done) {
    TROUPE_CHECK(!step_);
    if (broken_) return tell(0, [done = std::move(done), why = *broken_] { done(why); });
    uint64_t tokens = 0;
    for (const auto& sequence : request.plan.sequences) tokens += sequence.tokens.size();
    const duration least = park_.times.step + static_cast<int64_t>(tokens) * park_.times.token;
    const duration most = least + std::chrono::duration_cast<duration>(least * park_.times.jitter);
    const uint64_t number = ++steps_;
    step_.emplace(step{number, world().now(), std::move(request), std::move(done), {}});
    for (uint32_t rank = 0; rank < members_.size(); ++rank) {
      step_->missing.insert(rank);
      const double slowness = park_.trouble_of(number_, rank).slowness;
      const duration takes = park_.random_.between(least, most);
      world().after(std::chrono::duration_cast<duration>(takes * slowness), members_[rank].owner,
                    [self = shared_from_this(), rank, number] { self->part(rank, number); });
    }
    world().after(step_->request.deadline, members_[0].owner,
                  [self = shared_from_this(), number] { self->deadline(number); });
  }

  void follow(uint32_t rank, std::function<void(error)> ended) {
    if (broken_) return tell(rank, [ended = std::move(ended), why = *broken_] { ended(why); });
    members_[rank].ended = std::move(ended);
  }

  /// The rank's process is gone. The others see that where it has met them: another process may come in its place.
  void leave(uint32_t rank) {
    const member gone = std::exchange(members_[rank], {});
    if (gone.opened || gone.loaded) fail({errc::unavailable, "rank " + std::to_string(rank) + " died"});
  }

  void fail(const error& why) {
    if (broken_) return;
    broken_ = why;
    if (step_) tell(0, [done = std::move(step_->done), why] { done(why); });
    step_.reset();
    for (uint32_t rank = 0; rank < members_.size(); ++rank) {
      if (auto opened = std::exchange(members_[rank].opened, nullptr)) tell(rank, [opened, why] { opened(why); });
      if (auto ended = std::exchange(members_[rank].ended, nullptr)) tell(rank, [ended, why] { ended(why); });
    }
  }

  uint64_t finished() const { return finished_; }

 private:
  struct member {
    owner_number owner = 0;
    bool loaded = false;
    std::function<bool()> reaches_others{};
    std::function<void(result<compute_facts>)> opened;
    std::function<void(error)> ended;
  };
  struct step {
    uint64_t number;
    duration began;
    step_request request;
    std::function<void(result<step_result>)> done;
    /// Ranks that are not through.
    std::set<uint32_t> missing;
  };

  troupe::simulation::world& world() { return park_.world_; }
  /// Not within the call: a device answers from its own thread.
  void tell(uint32_t rank, world::action what) {
    if (members_[rank].owner != 0) world().soon(members_[rank].owner, std::move(what));
  }

  void loaded(uint32_t rank) {
    if (park_.cold) {
      constexpr auto until_it_is_looked_at = std::chrono::milliseconds(200);
      return world().after(until_it_is_looked_at, members_[rank].owner,
                           [self = shared_from_this(), rank] { self->loaded(rank); });
    }
    if (park_.trouble_of(number_, rank).cannot_load) {
      const auto opened = std::exchange(members_[rank].opened, nullptr);
      if (opened) tell(rank, [opened] { opened(error{errc::io_failed, "the weights end too early"}); });
      return;
    }
    members_[rank].loaded = true;
    if (broken_ || !std::ranges::all_of(members_, &member::loaded)) return;
    compute_facts facts;
    facts.fingerprint = fingerprint_;
    facts.kv_pages = limits_.kv_pages;
    facts.context_max = limits_.context_max;
    facts.vocab_size = limits_.vocab_size;
    facts.hidden = 3;
    facts.weights_bytes = 1 << 20;
    for (uint32_t each = 0; each < members_.size(); ++each)
      tell(each, [opened = std::exchange(members_[each].opened, nullptr), facts] { opened(facts); });
  }

  void part(uint32_t rank, uint64_t number) {
    if (!step_ || step_->number != number) return;
    const device_trouble trouble = park_.trouble_of(number_, rank);
    const auto& reaches_others = members_[rank].reaches_others;
    if (trouble.hangs || (reaches_others && !reaches_others())) {
      constexpr auto until_it_is_looked_at = std::chrono::milliseconds(100);
      return world().after(until_it_is_looked_at, members_[rank].owner,
                           [self = shared_from_this(), rank, number] { self->part(rank, number); });
    }
    if (trouble.fails) return fail({errc::io_failed, "the device of rank " + std::to_string(rank) + " failed"});
    step_->missing.erase(rank);
    if (!step_->missing.empty()) return;
    auto outcome = model_.run(step_->request);
    if (!outcome) return fail(outcome.err());
    outcome->took = outcome->in_model = world().now() - step_->began;
    auto done = std::move(step_->done);
    step_.reset();
    ++finished_;
    tell(0, [done = std::move(done), outcome = std::move(*outcome)]() mutable { done(std::move(outcome)); });
  }

  /// A leader that was itself away sees first that the others are through.
  void deadline(uint64_t number) {
    if (!step_ || step_->number != number) return;
    const auto late = std::ranges::find_if(step_->missing, [](uint32_t rank) { return rank != 0; });
    if (late == step_->missing.end()) return;
    fail({errc::deadline_exceeded, "rank " + std::to_string(*late) + " is late"});
  }

  device_park& park_;
  group_number number_;
  std::string fingerprint_;
  plan_limits limits_;
  std::vector<member> members_;
  hash_model model_;
  std::optional<step> step_;
  std::optional<error> broken_;
  uint64_t steps_ = 0, finished_ = 0;
};

namespace {

class simulated_compute final : public compute {
 public:
  simulated_compute(std::shared_ptr<device_group> group, device_config config)
      : group_(std::move(group)), config_(std::move(config)) {}
  ~simulated_compute() override { group_->leave(config_.rank); }

  void open(std::optional<group_meeting>, std::function<void(result<compute_facts>)> done) override {
    group_->open(config_, std::move(done));
  }
  void submit(step_request request, std::function<void(result<step_result>)> done) override {
    group_->submit(std::move(request), std::move(done));
  }
  void follow(std::function<void(error)> ended) override { group_->follow(config_.rank, std::move(ended)); }
  uint64_t steps_finished() const override { return group_->finished(); }
  void abort(std::string why) override { group_->fail({errc::aborted, std::move(why)}); }

 private:
  std::shared_ptr<device_group> group_;
  const device_config config_;
};

}  // namespace

std::unique_ptr<compute> device_park::make(group_number group, generation_number generation,
                                           const device_config& config) {
  std::erase_if(groups_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<device_group>& place = groups_[{group, generation}];
  auto its = place.lock();
  if (!its) place = its = std::make_shared<device_group>(*this, group, config);
  return std::make_unique<simulated_compute>(std::move(its), config);
}

}  // namespace troupe::simulation
