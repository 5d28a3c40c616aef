// Writes a small file whole, in place of what was there: whoever reads it sees the old content or the new.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace troupe {

/// What the new content outlives.
enum class outlives : uint8_t {
  /// The process that wrote it. Costs no wait.
  the_process,
  /// The machine's sudden end too: waits for the disk.
  the_machine
};

/// Replaces `path` by a file that only its owner may read (mode 0600). It is written beside it as "path.new", and then
/// renamed over it; one writer at a time. Where it fails, the old content stays. Errors: io_failed; they name the path.
result<void> replace_file(const std::filesystem::path& path, std::string_view content,
                          outlives what = outlives::the_machine);

}  // namespace troupe
