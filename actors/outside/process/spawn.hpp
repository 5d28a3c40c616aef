// Starting one child so that it inherits what it was given and nothing else. No state.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

struct spawn_request {
  /// What is executed, and the name that it is shown under.
  std::filesystem::path program;
  std::string shown_as;
  std::vector<std::string> arguments;
  /// Appended to; empty: the parent's own output.
  std::filesystem::path log_file;
  /// Become 3, 4, ... in the child; the numbers go to the end of its command line, each after its argument.
  struct inherited_fd {
    std::string argument;
    int fd = -1;
  };
  std::vector<inherited_fd> fds;
};

/// The pid of the child, which runs the program already. Errors: io_failed.
result<int32_t> spawn(const spawn_request& request);

/// Anonymous memory whose size nobody can change. Errors: io_failed.
result<unique_fd> make_shared_memory(uint64_t bytes);

}  // namespace troupe
