// What children write: one file each, which the host keeps from growing without end, and whose end says why a child
// gave up. The children write into their files themselves, so that a host's death loses nothing of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe {

class process_logs {
 public:
  /// An empty folder: children write where the host does, and nothing here does anything.
  process_logs(std::filesystem::path folder, uint64_t bytes_max) : folder_(std::move(folder)), bytes_max_(bytes_max) {}

  /// Makes the folder. Errors: io_failed.
  result<void> open() const;
  bool kept() const { return !folder_.empty(); }

  /// "<name>.log"; empty where there is no folder.
  std::filesystem::path file_of(const node_name& name) const;
  uint64_t bytes_of(const node_name& name) const;
  /// Moves the content of a file that has grown too long to "<name>.log.1", in place of what was there. Its writers go
  /// on at the beginning; a line that they write meanwhile may be lost. Without room for a copy there is none. Whether
  /// it had to be done.
  bool bound(const node_name& name) const;
  /// The last line beyond the first `from` bytes, if the program says there why it ends ("troupe: WHY"): WHY, at most
  /// 300 bytes of it, as UTF-8 on one line. Else nothing.
  std::string last_words(const node_name& name, uint64_t from) const;

 private:
  std::filesystem::path folder_;
  uint64_t bytes_max_;
};

}  // namespace troupe
