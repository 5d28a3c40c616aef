// Mistakes that one can plant, to see whether the simulation finds them. Only a build with TROUPE_PLANTED_BUGS makes
// any; in every other one each question here is `false`, and nothing of it is left.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

enum class planted_bug : uint8_t {
  none,
#define TROUPE_PLANTED_BUG(name, says) name,
#include "base/planted_bugs.def"
#undef TROUPE_PLANTED_BUG
};

struct planted_bug_description {
  planted_bug which;
  std::string_view name, says;
};

inline constexpr planted_bug_description all_planted_bugs[] = {
#define TROUPE_PLANTED_BUG(name, says) {planted_bug::name, #name, says},
#include "base/planted_bugs.def"
#undef TROUPE_PLANTED_BUG
};

#ifdef TROUPE_PLANTED_BUGS
inline constexpr bool bugs_can_be_planted = true;
/// The one that this process makes; planted before its actors run.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
inline planted_bug the_planted_bug = planted_bug::none;
inline bool makes(planted_bug which) { return the_planted_bug == which; }
inline void plant(planted_bug which) { the_planted_bug = which; }
#else
inline constexpr bool bugs_can_be_planted = false;
constexpr bool makes(planted_bug) { return false; }
constexpr void plant(planted_bug) {}
#endif

}  // namespace troupe
