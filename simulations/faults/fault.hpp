// What can go wrong in a simulated cluster: the vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace troupe::simulation {

enum class fault_kind : uint8_t {
  process_crash,
  process_pause,
  agent_crash,
  agent_pause,
  machine_crash,
  machine_pause,
  start_fails,
  link_reset,
  way_closed,
  way_cut,
  node_cut,
  host_cut,
  way_slow,
  frames_twice,
  device_error,
  device_hang,
  device_slow,
  weights_lost,
  cold_start,
  store_fails,
  store_answer_lost,
  crash_at_write,
  clock_step,
  load_burst,
  readers_pause,
  clients_leave,
};

struct fault_description {
  fault_kind kind;
  /// As in events and on the command line.
  std::string_view name;
  std::string_view says;
  /// For how long it works, where it is not over at once.
  duration lasts_min, lasts_max;
};

namespace detail {
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

inline constexpr std::array faults = {
    fault_description{fault_kind::process_crash, "process.crash", "a rank or a gateway is killed", 0s, 0s},
    fault_description{fault_kind::process_pause, "process.pause", "a rank or a gateway stops and goes on: a zombie",
                      100ms, 60s},
    fault_description{fault_kind::agent_crash, "agent.crash", "a host loses its agent for a while", 10ms, 10s},
    fault_description{fault_kind::agent_pause, "agent.pause", "a host's agent stops and goes on", 100ms, 60s},
    fault_description{fault_kind::machine_crash, "machine.crash", "a machine is gone for a while, with all it ran", 1s,
                      30s},
    fault_description{fault_kind::machine_pause, "machine.pause", "all of a machine stops and goes on", 100ms, 30s},
    fault_description{fault_kind::start_fails, "start.fails", "a machine can start no process", 100ms, 10s},
    fault_description{fault_kind::link_reset, "link.reset", "a connection is reset, with what is under way", 0s, 0s},
    fault_description{fault_kind::way_closed, "way.closed", "one way between two nodes is closed: half open", 50ms,
                      20s},
    fault_description{fault_kind::way_cut, "way.cut", "both ways between two nodes are closed", 50ms, 20s},
    fault_description{fault_kind::node_cut, "node.cut", "a node is cut off from all others", 50ms, 20s},
    fault_description{fault_kind::host_cut, "host.cut", "a machine is cut off from all others", 50ms, 20s},
    fault_description{fault_kind::way_slow, "way.slow", "messages of a machine take long, each its own time", 1s, 30s},
    fault_description{fault_kind::frames_twice, "frames.twice", "frames arrive twice", 1s, 30s},
    fault_description{fault_kind::device_error, "device.error", "a rank's device fails in a step", 100ms, 5s},
    fault_description{fault_kind::device_hang, "device.hang", "a rank's device does nothing", 1s, 20s},
    fault_description{fault_kind::device_slow, "device.slow", "a rank's device is up to a hundred times slower", 1s,
                      30s},
    fault_description{fault_kind::weights_lost, "weights.lost", "a rank cannot read its weights", 1s, 10s},
    fault_description{fault_kind::cold_start, "cold.start", "no weights are loaded to their end: a cold disk", 1s, 60s},
    fault_description{fault_kind::store_fails, "store.fails", "a gateway's disk neither reads nor writes", 100ms, 10s},
    fault_description{fault_kind::store_answer_lost, "store.answer_lost",
                      "what a gateway writes is there, but it is told that it failed", 100ms, 10s},
    fault_description{fault_kind::crash_at_write, "crash.at_write", "a gateway dies within its next write, after it",
                      1s, 20s},
    fault_description{fault_kind::clock_step, "clock.step", "a machine's civil time jumps by up to a day", 0s, 0s},
    fault_description{fault_kind::load_burst, "load.burst", "clients ask ten times as often", 1s, 20s},
    fault_description{fault_kind::readers_pause, "readers.pause", "clients read in jerks", 1s, 30s},
    fault_description{fault_kind::clients_leave, "clients.leave", "half of the clients go away in the middle", 1s, 20s},
};

constexpr bool has_each_in_order() {
  for (size_t i = 0; i < faults.size(); ++i)
    if (faults[i].kind != static_cast<fault_kind>(i)) return false;
  return faults.size() == static_cast<size_t>(fault_kind::clients_leave) + 1;
}
static_assert(has_each_in_order(), "describe() looks a kind up by its number");

}  // namespace detail

inline constexpr auto& all_faults = detail::faults;

inline const fault_description& describe(fault_kind kind) { return all_faults[static_cast<size_t>(kind)]; }

/// Nothing where no fault has that name.
inline std::optional<fault_kind> fault_of(std::string_view name) {
  for (const fault_description& each : all_faults)
    if (each.name == name) return each.kind;
  return std::nullopt;
}

/// That a run has this fault: how often, on the average.
struct fault_habit {
  fault_kind kind{};
  duration every{};
};

}  // namespace troupe::simulation
