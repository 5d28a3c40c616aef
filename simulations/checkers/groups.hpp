// What gateways see of their groups: I4, I11 and I12.
//
// Events: stream.token {group, generation}; group.lost {group, generation}; group.load {group, running, waiting,
// sequences_max, waiting_max, pages_used, pages_cached, pages_total}; group.ready {group, ready}; request.begun,
// request.ended and request.left; fault.begins and fault.ends {id}.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulations/checkers/by_name.hpp"
#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

/// I4: once control has given up a generation of a group, or a token of a newer one was taken, no token of it is.
class fenced_generations final : public checker {
 public:
  std::string_view id() const override { return "I4"; }
  std::vector<std::string_view> reads() const override { return {"stream.token", "group.lost"}; }
  void read(const event& what, violations& found) override;

 private:
  struct group {
    /// The highest of a token; the highest that was given up, and when.
    uint64_t committed = 0, lost = 0;
    duration lost_at{};
  };
  by_name<group> groups_;
};

/// I11: what may wait or run somewhere has a bound, and who is refused for it is told so by an error that says whether
/// to try again.
class bounded_queues final : public checker {
 public:
  std::string_view id() const override { return "I11"; }
  std::vector<std::string_view> reads() const override { return {"group.load", "request.ended"}; }
  void read(const event& what, violations& found) override;
};

/// I12: pages are conserved, and a stream that has ended, or whose client has left, keeps none.
class conserved_pages final : public checker {
 public:
  /// What groups have of streams that are over for so long, while nothing is wrong, is lost.
  explicit conserved_pages(duration patience) : patience_(patience) {}
  std::string_view id() const override { return "I12"; }
  std::vector<std::string_view> reads() const override {
    return {"group.load",   "group.ready",  "request.begun", "request.ended",
            "request.left", "fault.begins", "fault.ends"};
  }
  void read(const event& what, violations& found) override;

 private:
  void set_open(duration at, uint64_t choices);
  void judge_left_over(const event& what, violations& found);

  duration patience_;
  /// By request: its choices.
  by_name<uint64_t> open_;
  uint64_t open_choices_ = 0;
  /// What there was when, within the patience; the last of before that is the first.
  template <class What>
  using lately = std::deque<std::pair<duration, What>>;
  lately<uint64_t> choices_;
  /// By group that is ready: streams, and pages of streams, as it said.
  struct load {
    uint64_t streams = 0, pages = 0;
  };
  std::map<std::string, lately<load>, std::less<>> loads_;
  template <class What>
  void add(lately<What>& to, duration at, const What& what) {
    to.emplace_back(at, what);
    while (to.size() > 1 && to[1].first + patience_ <= at) to.pop_front();
  }
  std::set<uint64_t> faults_;
  /// Since then no fault works.
  duration well_since_{};
};

}  // namespace troupe::simulation
