// How messages get from one node to another: what a fault changes of it.
#pragma once

#include <map>
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
};

/// All ways, by who sends and who receives.
class path_table {
 public:
  const path& from_to(const node_name& from, const node_name& to) const {
    const auto found = paths_.find({from, to});
    return found == paths_.end() ? usual_ : found->second;
  }
  void set(const node_name& from, const node_name& to, const path& way) { paths_[{from, to}] = way; }

 private:
  path usual_;
  std::map<std::pair<node_name, node_name>, path> paths_;
};

}  // namespace troupe::simulation
