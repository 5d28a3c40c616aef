// Finds the end of a request's head and refuses, byte by byte, what a parser further on might read differently than a
// proxy before us: bare ends of lines, folded lines, control bytes, too much of anything. Beast, which parses what
// passes, would repair some of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace troupe {

class head_scanner {
 public:
  head_scanner(size_t bytes_max, size_t fields_max) : bytes_max_(bytes_max), fields_max_(fields_max) {}

  /// `input` begins with the head, and only grows from call to call. The head's length with the empty line that ends
  /// it, or 0 while it is incomplete. Errors: invalid_argument, header_too_large.
  result<size_t> scan(std::string_view input);

 private:
  error too_large() const;

  size_t bytes_max_;
  size_t fields_max_;
  size_t at_ = 0;  // All before was looked at.
  size_t line_start_ = 0;
  size_t lines_ = 0;
};

}  // namespace troupe
