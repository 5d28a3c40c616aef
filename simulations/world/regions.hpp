// Where machines stand, and how far that is from each other.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "base/clock.hpp"

namespace troupe::simulation {

struct region {
  std::string_view name;
  /// To each, in their order: the median time there and back, in milliseconds.
  std::array<uint16_t, 5> round_trip_ms;
};

/// "Azure network round-trip latency statistics" (Microsoft Learn, CC-BY 4.0), medians of 30 days; of the two figures
/// that there are for each pair, the row's that comes first. Within a region it is the default of `path`.
inline constexpr std::array<region, 5> regions = {{
    {"East US", {0, 71, 86, 163, 117}},
    {"West US", {71, 0, 153, 108, 176}},
    {"France Central", {86, 153, 0, 214, 190}},
    {"Japan East", {163, 108, 214, 0, 270}},
    {"Brazil South", {117, 176, 190, 270, 0}},
}};

/// What a message takes from one to the other.
inline duration way_between(size_t one, size_t other) {
  return std::chrono::milliseconds(regions.at(one).round_trip_ms.at(other)) / 2;
}

}  // namespace troupe::simulation
