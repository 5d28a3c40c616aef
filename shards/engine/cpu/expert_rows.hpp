// What a mixture of experts does with one row: choosing experts, adding the shards of what they computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "shards/engine/backend.hpp"

namespace troupe {

/// As backend::route, for the probabilities of one row; as many as `uses` holds, at most all.
void choose_experts(std::span<const float> probabilities, bool normalised, std::span<expert_use> uses);

/// As backend::add_shards.   x: (shards, width); 1, 2, 4 or 8 of them.   out: (width).
void add_shards_of_row(const float* x, uint32_t shards, size_t width, float* out);

}  // namespace troupe
