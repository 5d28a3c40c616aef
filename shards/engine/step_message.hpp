// What rank 0 broadcasts before a step: the plan and the deadline of its waits. Both ends are processes of one group,
// from one build, so this is no wire format with versions; still nothing of it is believed before it was checked.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "shards/engine/step.hpp"

namespace troupe {

struct step_message {
  step_plan plan;
  duration deadline{};

  friend bool operator==(const step_message&, const step_message&) = default;
};

std::vector<std::byte> encode(const step_plan& plan, duration deadline);
/// Errors: corrupt. Allocates no more than the bytes can hold.
result<step_message> decode_step_message(std::span<const std::byte> bytes);

}  // namespace troupe
