// When somebody asks who does not wait for others' answers: an open loop.
#pragma once

#include <cstdint>
#include <memory>

#include "simulations/workload/client.hpp"
#include "simulations/workload/request_trace.hpp"
#include "simulations/world/seeded_random.hpp"

namespace troupe::simulation {

struct arrival_habits {
  /// On the average, but for bursts; 0: nobody comes, unless there is a trace.
  double per_second = 0;
  /// So many times as many come for some seconds now and then.
  double burst = 1;
  /// Instead of both: as they came there, from some place in it on. Shared with all runs.
  std::shared_ptr<const request_trace> trace{};
  /// Who comes while so many of them wait goes away again.
  uint32_t open_max = 16;

  bool asks() const { return per_second > 0 || trace; }
};

struct arrival {
  /// After the one before.
  duration wait{};
  request_size size;
};

/// One arrival after the other, as the seed says. Pure.
class arrivals {
 public:
  /// `longest`: to which a trace's lengths are scaled, so that its longest fit.
  arrivals(uint64_t seed, const arrival_habits& habits, request_size longest);
  arrival next();

 private:
  arrival next_of_trace();

  seeded_random random_;
  arrival_habits habits_;
  request_size longest_;
  /// Of the trace: the longest that are there, and which comes next.
  uint64_t prompt_max_ = 0, tokens_max_ = 0;
  size_t at_ = 0;
  bool bursts_ = false;
  /// Until it changes.
  duration left_{};
};

}  // namespace troupe::simulation
