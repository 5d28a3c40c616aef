// Whether what fails has a reason: the other half of I1.
//
// Events: request.begun, request.ended {how} and request.left; group.failed {group, reason} and group.recovered
// {group}; node.lost; and what explains them: fault.begins and fault.ends {id}, host.lost by a gateway, os.ended
// {process}.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulations/checkers/by_name.hpp"
#include "simulations/checkers/checker.hpp"

namespace troupe::simulation {

/// No request fails, and no group is given up for lost, while nothing is wrong.
class explained_failures final : public checker {
 public:
  /// What comes within so long of a fault is explained by it. `losses_max`: of groups or of the links to them, that a
  /// request survives. `lost`: groups that have no place any more when all is healed.
  explained_failures(duration patience, uint64_t losses_max, std::set<std::string, std::less<>> lost = {})
      : patience_(patience), losses_max_(losses_max), lost_(std::move(lost)) {}
  std::string_view id() const override { return "I1"; }
  std::vector<std::string_view> reads() const override {
    return {"request.begun", "request.ended", "request.left", "group.failed", "group.recovered",
            "fault.begins",  "fault.ends",    "host.lost",    "os.ended",     "node.lost"};
  }
  void read(const event& what, violations& found) override;

 private:
  struct request {
    duration begun{};
    /// Groups and links that had been lost until then.
    uint64_t losses = 0;
  };
  void judge_end(const event& what, violations& found);
  using names = std::set<std::string, std::less<>>;
  /// It is wrong no longer.
  template <class Set, class Key>
  void mend(Set& wrong, const Key& what, duration at) {
    const auto its = wrong.find(what);
    if (its == wrong.end()) return;
    wrong.erase(its);
    well_since_ = at;
  }
  /// Whether nothing has been wrong for the whole patience before then.
  bool was_well(duration at) const {
    return faults_.empty() && given_up_.empty() && leaving_.empty() && at >= well_since_ + patience_;
  }

  duration patience_;
  uint64_t losses_max_;
  names lost_;
  uint64_t losses_ = 0;
  by_name<request> running_;
  /// What is wrong: faults, groups that were given up, gateways that end because their hosts are lost.
  std::set<uint64_t> faults_;
  names given_up_, leaving_;
  duration well_since_{};
};

}  // namespace troupe::simulation
