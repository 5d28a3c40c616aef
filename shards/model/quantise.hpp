// From f32 to the block types q8_0, q4_0 and those of 128 (quantised_blocks.hpp): one block at a time.
#pragma once

#include <cstddef>
#include <span>

namespace troupe {

/// Symmetric int8: scale = largest |value| / 127, rounded to f16; each value to the nearest multiple of it.
///   values: 32 or 128, finite.   block: 2 bytes more than there are values. Values whose scale is no finite f16 (above
///   8 million) become the largest that is.
void quantise_int8(std::span<const float> values, std::byte* block);

/// int4 from -8 to 7. Of several scales, from that which maps the largest |value| to -8 to smaller ones that cut off
/// outliers, the one whose values differ least from the given in the sum of squares, each weighted by `importance`.
///   values: 32 or 128, finite.   importance: as many, or empty: all alike.   block: 2 bytes more than half as many.
void quantise_int4(std::span<const float> values, std::span<const float> importance, std::byte* block);

}  // namespace troupe
