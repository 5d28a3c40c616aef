// The process_host seam: starts, kills and watches the processes of one host. Production: posix_spawn and pidfds
// (actors/outside), for the host agent; simulated nodes in the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

struct process_spec {
  /// The node that the process is; one live process per (name, generation).
  node_name name;
  /// Of its group; 0 for a process that belongs to none.
  generation_number generation = 0;
  /// argv[1..] of the same program.
  std::vector<std::string> arguments;

  friend bool operator==(const process_spec&, const process_spec&) = default;
};

struct process_status {
  node_name name;
  generation_number generation = 0;
  int32_t pid = 0;

  friend bool operator==(const process_status&, const process_status&) = default;
};

struct process_exit {
  node_name name;
  generation_number generation = 0;
  int32_t pid = 0;
  /// "exit 3", "exit 1: WHY" (what it said itself at last), "signal 9 (Killed)", "unknown" (an adopted process, whose
  /// status another parent has).
  std::string how;

  friend bool operator==(const process_exit&, const process_exit&) = default;
};

enum class end_process : uint8_t { terminate, kill };

/// Any thread, except that calls come from one thread at a time.
class process_host {
 public:
  virtual ~process_host() = default;
  /// Called from a thread of the host's for each exit, once per process. Set before the first start.
  virtual void on_exit(std::function<void(const process_exit&)> handler) = 0;
  /// Starts all of them or none. Where `shared_memory_bytes` > 0 they share one anonymous memory of that size, whose
  /// descriptor is named on each command line by `--shared-memory-fd N`. Errors: io_failed, conflict (one lives
  /// already).
  virtual result<std::vector<process_status>> start(const std::vector<process_spec>& specs,
                                                    uint64_t shared_memory_bytes) = 0;
  /// Sends SIGTERM or SIGKILL; a stopped process is killed too. False where no such process lives.
  virtual bool end(const node_name& name, generation_number generation, end_process how) = 0;
  /// Those that live.
  virtual std::vector<process_status> list() const = 0;
};

}  // namespace troupe
