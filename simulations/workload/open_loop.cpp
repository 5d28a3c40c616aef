#include "simulations/workload/open_loop.hpp"

#include <algorithm>
#include <limits>

namespace troupe::simulation {
namespace {

/// Theirs come after those of the clients that ask again and again.
constexpr uint64_t first_number = 1 << 20;

/// What a trace's longest is scaled to: any deployment can hold it, and it takes no longer than others' requests.
request_size longest_in(const cluster_config& config, const client_habits& habits) {
  uint32_t positions = std::numeric_limits<uint32_t>::max();
  for (const deployment_config& each : config.deployments) positions = std::min(positions, each.kv_positions);
  constexpr uint32_t longest = 1024;
  return {std::min(positions / 2, longest), std::min(habits.tokens_max, positions / 4)};
}

}  // namespace

open_loop::open_loop(cluster& of, tally& to, const client_habits& habits, const arrival_habits& when)
    : cluster_(of),
      tally_(to),
      habits_(habits),
      owner_(of.where().new_owner()),
      open_max_(when.open_max),
      arrivals_(of.where().seed(), when, longest_in(of.config(), habits)),
      came_(first_number) {
  if (when.asks()) await_next();
}

void open_loop::await_next() {
  const arrival next = arrivals_.next();
  cluster_.where().after(next.wait, owner_, [this, size = next.size] {
    if (stopped_) return;
    if (clients_.size() < open_max_) come(size);
    await_next();
  });
}

void open_loop::come(request_size size) {
  const uint64_t number = ++came_;
  // It goes in an event of its own: this one is still the client's.
  const auto goes = [this, number] { cluster_.where().soon(owner_, [this, number] { clients_.erase(number); }); };
  clients_.try_emplace(number, cluster_, tally_, habits_, number, size, goes);
}

}  // namespace troupe::simulation
