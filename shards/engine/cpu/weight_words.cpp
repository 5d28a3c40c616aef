#include "shards/engine/cpu/weight_words.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.hpp"
#include "shards/model/quantise.hpp"
#include "shards/model/quantised_blocks.hpp"

namespace troupe {
namespace {

const std::byte* halves_at(const tensor_view& tensor, uint64_t row, uint64_t column) {
  return tensor.row(row).data() + column * sizeof(uint16_t);
}

/// Four words at a time: a model has a billion of them, and they are all moved before its first token.
using four_words [[gnu::vector_size(16)]] = uint32_t;

four_words load_four(const void* from) {
  four_words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

/// Two of 16 bits a word, the earlier one in the upper half.
void read_halves(const std::byte* from, uint32_t count, uint32_t* words) {
  uint32_t w = 0;
  for (; 2 * w + 8 <= count; w += 4) {
    const four_words pairs = load_four(from + w * sizeof(uint32_t));
    const four_words turned = (pairs << 16) | (pairs >> 16);
    std::memcpy(words + w, &turned, sizeof turned);
  }
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

/// The codes of one block of int8 or int4 as the kernels have them: above zero.
struct block_codes {
  uint8_t codes[segment_depth_max + 8] = {};
  uint16_t scale = 0;
};

void read_int8(const std::byte* block, uint32_t elements, block_codes& to) {
  std::memcpy(&to.scale, block + q8_0_block::scale_at, sizeof to.scale);
  const std::byte* quants = block + q8_0_block::quants_at;
  for (uint32_t i = 0; i < elements; ++i) to.codes[i] = std::to_integer<uint8_t>(quants[i] ^ std::byte{0x80});
}

void read_int4(const std::byte* block, uint32_t elements, block_codes& to) {
  std::memcpy(&to.scale, block + q4_0_block::scale_at, sizeof to.scale);
  const std::byte* nibbles = block + q4_0_block::nibbles_at;
  for (uint32_t i = 0; i < elements / 2; ++i) to.codes[i] = std::to_integer<uint8_t>(nibbles[i] & std::byte{15});
  for (uint32_t i = 0; i < elements / 2; ++i) to.codes[elements / 2 + i] = std::to_integer<uint8_t>(nibbles[i] >> 4);
}

/// 32 weights of a block that the kernels cannot multiply with.
void requantise(const tensor_view& tensor, uint64_t row, uint64_t column, block_codes& to) {
  float values[q8_0_block::elements];
  read_f32(tensor, row * tensor.shape.back() + column, values);
  std::byte block[q8_0_block::bytes];
  quantise_int8(values, block);
  read_int8(block, q8_0_block::elements, to);
}

block_codes codes_of(const tensor_view& tensor, uint64_t row, uint64_t block) {
  block_codes codes;
  const auto elements = static_cast<uint32_t>(block_elements(tensor.type));
  const std::byte* bytes = tensor.row(row).data() + block * block_bytes(tensor.type);
  switch (tensor.type) {
    case dtype::q8_0:
    case dtype::q8_128: read_int8(bytes, elements, codes); break;
    case dtype::q4_0:
    case dtype::q4_128: read_int4(bytes, elements, codes); break;
    default: requantise(tensor, row, block * q8_0_block::elements, codes);
  }
  return codes;
}

/// Codes [begin, begin + count) of a block to words; behind them the code of zero.
void write_words(block_codes& codes, uint32_t begin, const k_group& group, weight_format format, uint32_t* words) {
  const uint8_t zero = format == weight_format::int8 ? 128 : 8;
  for (uint32_t i = begin + group.count; i < begin + group.words * values_per_word(format); ++i) codes.codes[i] = zero;
  for (uint32_t w = 0; w < group.words; ++w) {
    const uint8_t* from = codes.codes + begin + w * values_per_word(format);
    std::memcpy(&words[w], from, sizeof words[w]);
    if (format != weight_format::int4) continue;
    uint32_t high = 0;
    std::memcpy(&high, from + 4, sizeof high);
    words[w] |= high << 4;
  }
}

}  // namespace

weight_type weight_type_of(const tensor_view& tensor) {
  switch (tensor.type) {
    case dtype::f16: return {weight_format::f16, 0};
    case dtype::bf16: return {weight_format::bf16, 0};
    case dtype::q8_128: return {weight_format::int8, 128};
    case dtype::q8_0:
    case dtype::q4_k:
    case dtype::q6_k: return {weight_format::int8, 32};
    case dtype::q4_128: return {weight_format::int4, 128};
    case dtype::q4_0: return {weight_format::int4, 32};
    default: return {weight_format::f32, 0};
  }
}

size_t groups_that_fit(std::span<const k_group> groups) {
  TROUPE_CHECK(groups.front().words <= column_words::words_max);
  uint32_t words = 0;
  size_t count = 0;
  while (count < groups.size() && words + groups[count].words <= column_words::words_max)
    words += groups[count++].words;
  return count;
}

void read_words(const weight_row& from, std::span<const k_group> groups, const weight_type& type, uint32_t column,
                column_words& to) {
  uint32_t* words = to.words[column];
  if (from.tensor == nullptr) {
    std::fill_n(words, column_words::words_max, 0);
    for (size_t g = 0; g < groups.size(); ++g) to.scales[g][column] = 0;
    return;
  }
  const tensor_view& tensor = *from.tensor;
  for (size_t g = 0; g < groups.size(); words += groups[g++].words) {
    const k_group& group = groups[g];
    const uint64_t first = from.first_column + group.begin;
    if (is_integer(type.format)) {
      // A group lies in one block: both end at multiples of the same.
      block_codes codes = codes_of(tensor, from.row, first / type.group);
      to.scales[g][column] = codes.scale;
      write_words(codes, static_cast<uint32_t>(first % type.group), group, type.format, words);
    } else if (type.format == weight_format::f32) {
      float values[column_words::words_max];
      read_f32(tensor, from.row * tensor.shape.back() + first, std::span(values, group.count));
      std::memcpy(words, values, group.count * sizeof(float));
    } else {
      read_halves(halves_at(tensor, from.row, first), group.count, words);
    }
  }
}

void prefetch_words(const weight_row& from, std::span<const k_group> groups) {
  constexpr uint64_t line = 64;
  if (from.tensor == nullptr || from.row >= from.tensor->shape.front()) return;
  const dtype type = from.tensor->type;
  const auto bytes_before = [&](uint64_t column) {
    return (from.first_column + column) / block_elements(type) * block_bytes(type);
  };
  const std::byte* row = from.tensor->row(from.row).data();
  const uint64_t end = bytes_before(groups.back().begin + groups.back().count);
  // Into the second level, for it is more than the first one has room for.
  for (uint64_t at = bytes_before(groups.front().begin); at < end; at += line) __builtin_prefetch(row + at, 0, 2);
}

namespace {

/// Four words of four columns, from word `w` and `column` on, to the lines at `to`.
void turn_square(const column_words& from, uint32_t w, uint32_t column, uint8_t* to) {
  const four_words a = load_four(&from.words[column][w]), b = load_four(&from.words[column + 1][w]);
  const four_words c = load_four(&from.words[column + 2][w]), d = load_four(&from.words[column + 3][w]);
  const four_words ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const four_words ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const four_words cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const four_words cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const four_words lines[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (uint32_t i = 0; i < 4; ++i)
    std::memcpy(to + i * panel_word_bytes + column * sizeof(uint32_t), &lines[i], sizeof lines[i]);
}

}  // namespace

void turn_words(const column_words& from, std::span<const k_group> groups, bool with_scales, uint8_t* panel) {
  uint32_t w = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    uint8_t* to = panel + groups[g].panel_offset;
    if (with_scales) {
      std::memcpy(to, from.scales[g], sizeof from.scales[g]);
      to += sizeof from.scales[g];
    }
    const uint32_t end = w + groups[g].words;
    for (; w + 4 <= end; w += 4, to += 4 * panel_word_bytes)
      for (uint32_t column = 0; column < panel_columns; column += 4) turn_square(from, w, column, to);
    for (; w < end; ++w, to += panel_word_bytes) {
      uint32_t line[panel_columns];
      for (uint32_t column = 0; column < panel_columns; ++column) line[column] = from.words[column][w];
      std::memcpy(to, line, sizeof line);
    }
  }
}

}  // namespace troupe
