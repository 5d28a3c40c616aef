// Logs refused connections, a few a second at most: whoever can reach the port must not be able to fill the disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/log.hpp"

namespace troupe {

class refusal_log {
 public:
  explicit refusal_log(logger& log) : log_(log) {}

  void write(std::string_view address, std::string_view reason, std::string_view why) {
    auto now = std::chrono::steady_clock::now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
      second_began_ = now;
      written_ = 0;
    }
    if (written_ >= per_second_max) {
      ++suppressed_;
      return;
    }
    ++written_;
    log_.warn("transport.peer_refused",
              {{"address", address}, {"reason", reason}, {"why", why}, {"more_suppressed", suppressed_}});
    suppressed_ = 0;
  }

 private:
  static constexpr uint32_t per_second_max = 10;
  logger& log_;
  std::chrono::steady_clock::time_point second_began_{};
  uint32_t written_ = 0;
  uint64_t suppressed_ = 0;
};

}  // namespace troupe
