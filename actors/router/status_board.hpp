// What /ready says, kept by the router and read by HTTP threads: a small value behind a lock.
#pragma once

#include <mutex>
#include <string>

namespace troupe {

struct cluster_status {
  bool ready = false;
  bool draining = false;
  std::string detail = "starting";
};

class status_board {
 public:
  cluster_status read() const {
    std::lock_guard lock(mutex_);
    return status_;
  }
  void set_ready(bool ready, std::string detail) {
    std::lock_guard lock(mutex_);
    status_.ready = ready;
    status_.detail = std::move(detail);
  }
  void set_draining() {
    std::lock_guard lock(mutex_);
    status_.draining = true;
  }

 private:
  mutable std::mutex mutex_;
  cluster_status status_;
};

}  // namespace troupe
