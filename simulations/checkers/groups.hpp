// What gateways see of their groups: I4, I11 and I12.
//
// Events: stream.token {group, generation}; group.load {group, running, waiting, sequences_max, waiting_max,
// pages_used, pages_cached, pages_total}; request.begun, request.ended and request.left; gateway.started.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

/// I4: once a gateway has taken a token of one generation of a group, it takes none of an older one.
class fenced_generations final : public checker {
 public:
  std::string_view id() const override { return "I4"; }
  std::vector<std::string_view> reads() const override { return {"stream.token"}; }
  void read(const event& what, violations& found) override;

 private:
  /// The highest, by group.
  std::map<uint64_t, uint64_t> committed_;
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
  /// What a group has left of streams that are over for so long, while nothing is wrong with it, is lost.
  explicit conserved_pages(duration patience) : patience_(patience) {}
  std::string_view id() const override { return "I12"; }
  std::vector<std::string_view> reads() const override {
    return {"group.load", "request.begun", "request.ended", "request.left", "fault.begins", "fault.ends"};
  }
  void read(const event& what, violations& found) override;

 private:
  void changed(duration at) { quiet_since_ = at; }

  duration patience_;
  uint64_t open_ = 0;
  std::set<uint64_t> faults_;
  /// Since then no request is open and no fault works.
  duration quiet_since_{};
};

}  // namespace troupe::simulation
