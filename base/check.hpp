// TROUPE_CHECK: an invariant of our own code, on in release too. When it breaks, the process says where and ends, and
// its supervisor starts another. Input from outside never reaches one unparsed.
#pragma once

namespace troupe::detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;
}

#define TROUPE_CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::troupe::detail::check_failed(#expression, __FILE__, __LINE__))
