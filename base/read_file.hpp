// Reads a small file whole. What is mapped instead (weights) has shards/model/files.hpp.
#pragma once

#include <string>

#include "base/result.hpp"

namespace troupe {

/// The bytes of a regular file. Never waits: a pipe, a device or a folder is refused by what it is, and a file of more
/// than `bytes_max` by its size, before a byte is read. Errors name the path: io_failed; corrupt (not a regular file,
/// too large).
result<std::string> read_file(const std::string& path, size_t bytes_max);

}  // namespace troupe
