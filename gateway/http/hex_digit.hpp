// A digit of a percent escape or of a chunk's size.
#pragma once

#include <optional>

namespace troupe {

/// 0 to 15; nothing where `c` is no hexadecimal digit.
constexpr std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace troupe
