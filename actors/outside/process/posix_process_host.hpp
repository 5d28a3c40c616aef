// The process_host of a real machine: starts children by posix_spawn, watches them through pidfds and notices an exit
// in milliseconds. It survives its own death: each child is noted in a file, and the next host agent adopts those that
// live. A process is only ever signalled through its pidfd, so a number that was given to somebody else is never hit.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/seams/process_host.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace troupe {

struct posix_process_host_config {
  /// What is started; empty: this executable, also when its file has been replaced since.
  std::filesystem::path program;
  /// Notes on the living are kept in its folder "processes".
  std::filesystem::path state_folder;
  /// A child's standard output and error are appended to "<name>.log" here; empty: they are the host's own.
  std::filesystem::path log_folder;
  /// The content of a longer log is moved to "<name>.log.1" (what was there is dropped): when its process starts, and
  /// while it runs.
  uint64_t log_bytes_max = 64 << 20;
  std::chrono::milliseconds log_check_interval{5000};
  uint32_t processes_max = 1024;
};

/// Children get: their specification's arguments; standard input from /dev/null; the descriptors that they were given,
/// from number 3 on, and no others; no blocked or ignored signals; a process group of their own, so that Ctrl-C in a
/// terminal reaches the host agent alone, which then drains them.
class posix_process_host final : public process_host {
 public:
  /// Makes the folders, finds the children of an earlier host and starts the watching thread. Those that live are in
  /// list(); those that died meanwhile are reported as soon as there is an on_exit handler. Errors: io_failed, conflict
  /// (another host uses the state folder).
  static result<std::unique_ptr<posix_process_host>> open(posix_process_host_config config, logger& log);
  /// Joins the thread. The children live on.
  ~posix_process_host() override;

  /// Hands a copy of `fd` to each process of that name that is started from now on, its number after `argument` at the
  /// end of the command line ("--http-fd 4"). Given before under the same argument: replaced.
  void give_fd(const node_name& name, unique_fd fd, std::string argument);
  /// As give_fd(), but `open` is asked for the descriptor when such a process is first started: for a port that an
  /// adopted process of that name still has. Its error is start()'s.
  void give_fd_later(const node_name& name, std::function<result<unique_fd>()> open, std::string argument);
  /// Closes what give_fd() was given: for the end, when nobody is to be started and a port is to refuse.
  void drop_fds();

  /// Kills every process that lives, those adopted too, and waits until the last of them has ended: then none of their
  /// ports and folders is in use. Each exit is reported as ever. Gives those that have not ended after `patience`. Not
  /// from the on_exit handler, which is called by the thread that sees them end.
  std::vector<process_status> end_all(std::chrono::milliseconds patience);

  void on_exit(std::function<void(const process_exit&)> handler) override;
  result<std::vector<process_status>> start(const std::vector<process_spec>& specs,
                                            uint64_t shared_memory_bytes) override;
  bool end(const node_name& name, generation_number generation, end_process how) override;
  std::vector<process_status> list() const override;

 private:
  class implementation;
  explicit posix_process_host(std::unique_ptr<implementation> made);
  std::unique_ptr<implementation> implementation_;
};

}  // namespace troupe
