// How much memory this process may still take: what the kernel calls available, or what is left of its control group's
// limit, whichever is less.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// `root` is put before /proc and /sys: "" in production, a folder in tests. Nothing where the machine does not say.
std::optional<uint64_t> available_memory_bytes(const std::string& root);

}  // namespace troupe
