#include "shards/engine/cpu/weight_words.hpp"

#include <bit>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

const std::byte* halves_at(const tensor_view& tensor, uint64_t row, uint64_t column) {
  return tensor.row(row).data() + column * sizeof(uint16_t);
}

/// Two of 16 bits a word, the earlier one in the upper half.
void read_halves(const std::byte* from, uint32_t count, uint32_t* words) {
  uint32_t w = 0;
  for (; 2 * w + 1 < count; ++w) {
    uint32_t pair = 0;
    std::memcpy(&pair, from + w * sizeof pair, sizeof pair);
    words[w] = std::rotl(pair, 16);
  }
  if (count % 2 == 0) return;
  uint16_t last = 0;
  std::memcpy(&last, from + w * sizeof(uint32_t), sizeof last);
  words[w] = uint32_t{last} << 16;
}

}  // namespace

weight_type weight_type_of(const tensor_view& tensor) {
  switch (tensor.type) {
    case dtype::f16: return {weight_format::f16, 0};
    case dtype::bf16: return {weight_format::bf16, 0};
    default: return {weight_format::f32, 0};
  }
}

void read_words(const tensor_view& tensor, uint64_t row, uint64_t first_column, const k_group& group,
                const weight_type& type, std::span<uint32_t, column_words::words_max> words, uint16_t& scale) {
  TROUPE_CHECK(group.words <= words.size());
  scale = 0;
  if (type.format == weight_format::f32) {
    float values[column_words::words_max];
    read_f32(tensor, row * tensor.shape.back() + first_column, std::span(values, group.count));
    std::memcpy(words.data(), values, group.count * sizeof(float));
  } else {
    read_halves(halves_at(tensor, row, first_column), group.count, words.data());
  }
}

void turn_words(const column_words& from, uint32_t words, bool with_scales, uint8_t* to) {
  if (with_scales) {
    std::memcpy(to, from.scales, sizeof from.scales);
    to += sizeof from.scales;
  }
  for (uint32_t w = 0; w < words; ++w, to += panel_word_bytes) {
    uint32_t line[panel_columns];
    for (uint32_t column = 0; column < panel_columns; ++column) line[column] = from.words[column][w];
    std::memcpy(to, line, sizeof line);
  }
}

}  // namespace troupe
