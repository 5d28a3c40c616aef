// Randomness as a seam, and the counter-based generator that sampling uses.
#pragma once

#include <array>
#include <cstdint>

namespace troupe {

class random_source {
 public:
  virtual ~random_source() = default;
  /// 64 uniform bits. Any thread.
  virtual uint64_t next() = 0;
};

/// The operating system's generator. For main(): everything else takes a random_source&.
class system_random final : public random_source {
 public:
  uint64_t next() override;
};

/// Philox4x32-10: four uniform 32-bit words from a key and a counter, without any state.
/// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3 and table 2.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

}  // namespace troupe
