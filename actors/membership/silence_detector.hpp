// Who has not been heard of for too long. Pure. A pause of this node itself is not held against its peers: what it
// could not hear while it did not run is added to their time (Dadgar et al. 2018, "Lifeguard", local health).
#pragma once

#include <map>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe {

class silence_detector {
 public:
  silence_detector(duration check_interval, duration timeout) : interval_(check_interval), timeout_(timeout) {}

  struct sign {
    node_name node;
    uint64_t incarnation = 0;
    instant heard;
  };
  struct silent {
    node_name node;
    uint64_t incarnation = 0;
    duration since;
  };
  /// Called every check_interval or later, with each peer's last sign of life. Each silence is told once.
  std::vector<silent> check(instant now, const std::vector<sign>& signs);

 private:
  struct peer {
    uint64_t incarnation = 0;
    instant heard;
    /// Time in which this node did not run.
    duration excused{};
    bool told = false;
  };

  duration interval_;
  duration timeout_;
  instant last_check_{};
  bool checked_ = false;
  std::map<node_name, peer> peers_;
};

}  // namespace troupe
