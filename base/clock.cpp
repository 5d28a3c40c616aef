#include "base/clock.hpp"

namespace troupe {

instant system_clock::now() const { return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now()); }

std::chrono::sys_time<std::chrono::milliseconds> system_clock::wall_now() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace troupe
