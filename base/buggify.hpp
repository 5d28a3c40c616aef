// Points in the code where a simulation makes happen, often, what may happen but hardly ever does: a step that takes
// fewer tokens than it could, a prefix that is not found, a renewal that comes late. Each is something that the code
// may do at any time, so no promise may break of it. (FoundationDB calls them BUGGIFY.)
//
// Only a simulation's thread has a source of them; everywhere else the question is one look at a null pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace troupe {

enum class buggify_point : uint8_t {
#define TROUPE_BUGGIFY_POINT(name, says) name,
#include "base/buggify_points.def"
#undef TROUPE_BUGGIFY_POINT
};

struct buggify_description {
  buggify_point which;
  std::string_view name, says;
};

inline constexpr buggify_description all_buggify_points[] = {
#define TROUPE_BUGGIFY_POINT(name, says) {buggify_point::name, #name, says},
#include "base/buggify_points.def"
#undef TROUPE_BUGGIFY_POINT
};

inline constexpr size_t buggify_points = std::size(all_buggify_points);

inline std::string_view name(buggify_point which) { return all_buggify_points[static_cast<size_t>(which)].name; }

/// Nothing where no point has that name.
inline std::optional<buggify_point> buggify_point_of(std::string_view name) {
  for (const buggify_description& each : all_buggify_points)
    if (each.name == name) return each.which;
  return std::nullopt;
}

/// Decides at each point whether it happens now.
class buggify_source {
 public:
  virtual ~buggify_source() = default;
  virtual bool happens(buggify_point which) = 0;

  /// This thread's; null: nothing unusual happens.
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
  static inline thread_local buggify_source* of_this_thread = nullptr;
};

inline bool buggify(buggify_point which) {
  buggify_source* source = buggify_source::of_this_thread;
  return source != nullptr && source->happens(which);
}

}  // namespace troupe
