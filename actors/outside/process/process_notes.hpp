// What a host's agent notes of each child in a file, so that its successor finds those that live. A process is named by
// its pid and its start time together: a pid alone may belong to somebody else by then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "actors/seams/process_host.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

struct process_note {
  process_status status;
  /// In clock ticks since the machine's start (/proc/PID/stat, field 22).
  uint64_t start_time = 0;
};

/// Nothing where no such process lives.
std::optional<uint64_t> start_time_of(int32_t pid);

class process_notes {
 public:
  explicit process_notes(std::filesystem::path folder) : folder_(std::move(folder)) {}
  /// Makes the folder and keeps it for this process alone. Errors: io_failed, conflict (another process has it).
  result<void> open();
  result<void> write(const process_note& note) const;
  void remove(const process_status& status) const;
  /// All that can be read; a file that cannot is removed.
  std::vector<process_note> read() const;

 private:
  std::filesystem::path file_of(const process_status& status) const;
  std::filesystem::path folder_;
  unique_fd lock_;
  /// Pids and start times of an earlier start of the machine mean nothing.
  std::string machine_start_;
};

}  // namespace troupe
