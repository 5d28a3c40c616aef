// Clients that come, ask once, and go, however long others wait.
#pragma once

#include <map>

#include "simulations/workload/arrivals.hpp"

namespace troupe::simulation {

class open_loop {
 public:
  /// Cluster, tally and habits must outlive it.
  open_loop(cluster& of, tally& to, const client_habits& habits, const arrival_habits& when);
  ~open_loop() { cluster_.where().forget(owner_); }
  open_loop(const open_loop&) = delete;
  open_loop& operator=(const open_loop&) = delete;

  /// Nobody comes any more.
  void stop() { stopped_ = true; }

 private:
  void await_next();
  void come(request_size size);

  cluster& cluster_;
  tally& tally_;
  const client_habits& habits_;
  const owner_number owner_;
  const uint32_t open_max_;
  arrivals arrivals_;
  std::map<uint64_t, client> clients_;
  uint64_t came_;
  bool stopped_ = false;
};

}  // namespace troupe::simulation
