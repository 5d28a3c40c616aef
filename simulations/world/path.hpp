// How messages get from one node to another: what a fault changes of it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::simulation {

/// One way between two nodes.
struct path {
  /// Each message takes this and up to `jitter` more, but never overtakes one of its own link.
  duration delay = std::chrono::microseconds(100);
  duration jitter = std::chrono::microseconds(200);
  /// What is sent while it is closed arrives when it opens again, as TCP sends again, unless the link has ended before.
  bool open = true;
  /// How often a frame arrives twice. TCP does not do that; our own code above it could, and has to bear it.
  double repeated = 0;
};

/// For a time, of the ways from some nodes to others.
struct path_change {
  std::set<node_name, std::less<>> from, to;
  /// Besides what they take.
  duration delay{}, jitter{};
  bool closed = false;
  double repeated = 0;
};

/// All ways, by who sends and who receives.
class path_table {
 public:
  path from_to(const node_name& from, const node_name& to) const {
    path way;
    if (!paths_.empty()) {
      const auto found = paths_.find({from, to});
      if (found != paths_.end()) way = found->second;
    }
    for (const auto& [number, change] : changes_) {
      if (!change.from.contains(from) || !change.to.contains(to)) continue;
      way.delay += change.delay;
      way.jitter += change.jitter;
      way.open = way.open && !change.closed;
      way.repeated += change.repeated;
    }
    return way;
  }
  /// What it is like where nothing has changed it.
  void set(const node_name& from, const node_name& to, const path& way) { paths_[{from, to}] = way; }
  /// Returns the change's number. Changes of one way add up.
  uint64_t add(path_change change) {
    changes_.emplace(++changes_made_, std::move(change));
    return changes_made_;
  }
  void remove(uint64_t number) { changes_.erase(number); }

 private:
  std::map<std::pair<node_name, node_name>, path> paths_;
  std::map<uint64_t, path_change> changes_;
  uint64_t changes_made_ = 0;
};

}  // namespace troupe::simulation
