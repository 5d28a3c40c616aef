// Envelopes to bytes and back. The only place of the wire schema's generated code.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "schemas/envelope.hpp"

namespace troupe {

/// One frame's bytes (Cap'n Proto's flat array encoding).
std::vector<std::byte> encode(const envelope& e);

/// Checks everything that the types promise: known service and body, codes and enumerations in range, lists within
/// their bounds, finite numbers. Errors: corrupt, with what is wrong. Never throws; reads no more than 64 MiB of
/// structure from a frame, whatever it claims.
result<envelope> decode(std::span<const std::byte> frame);

}  // namespace troupe
