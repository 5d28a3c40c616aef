// The events of one run, kept to be read when it is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "simulations/world/history.hpp"

namespace troupe::simulation {

/// Keeps the last events: a run ends soon after something went wrong, and what led to it comes right before. What is
/// left out is the beginning; who reads it has to expect nodes that have started and requests that have begun before.
class record {
 public:
  /// About 100 MB of them.
  static constexpr size_t events_max = 200'000;

  explicit record(size_t bound = events_max) : bound_(bound) {}

  /// As history::read_by() wants it.
  void read(const event& what);
  size_t size() const { return kept_.size(); }
  /// In the order in which they happened. Its views are valid until the next read().
  const event& operator[](size_t index) const { return kept_[index].what; }
  uint64_t left_out() const { return left_out_; }

 private:
  struct kept {
    /// All texts of the event, one after the other.
    std::unique_ptr<char[]> text;
    std::vector<log_field> fields;
    /// Its views are of the two above, which do not move with them.
    event what;
  };

  size_t bound_;
  std::deque<kept> kept_;
  uint64_t left_out_ = 0;
};

}  // namespace troupe::simulation
