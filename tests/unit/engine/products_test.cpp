// Every table of products against the scalar one, bit by bit, in every format; and the scalar one against f64.
#include <array>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "shards/engine/cpu/instruction_sets.hpp"
#include "shards/engine/cpu/product_kernels.hpp"
#include "shards/model/tensor.hpp"
#include "tests/unit/engine/random_model.hpp"

namespace troupe {
namespace {

using test::random_value;

std::vector<cpu_tables> vector_tables() {
  std::vector<cpu_tables> tables;
  for (const auto choice : {cpu_backend_choice::avx2, cpu_backend_choice::avx512})
    if (auto found = cpu_tables_for(choice)) tables.push_back(std::move(*found));
#if defined(TROUPE_X86_KERNELS)
  // What a processor with AVX-512F alone takes for bf16.
  if (cpu_tables_for(cpu_backend_choice::avx512)) {
    cpu_tables plain = tables.back();
    plain.name = "avx512 without bf16";
    plain.products.of[static_cast<uint32_t>(weight_format::bf16)] = avx512_float_product(weight_format::bf16);
    tables.push_back(plain);
  }
#endif
  return tables;
}

/// One panel of random weights, its K cut at `segments`, each of these into groups of `group`.
struct panel_example {
  weight_format format;
  std::vector<k_group> groups;
  std::vector<k_segment> segments;
  std::vector<uint8_t> panel;
  uint32_t depth = 0, words = 0;

  panel_example(weight_format of, const std::vector<uint32_t>& segment_sizes, uint32_t group_size, uint64_t seed,
                float width)
      : format(of) {
    uint64_t offset = 0;
    for (const uint32_t size : segment_sizes) {
      k_segment segment{.first_group = static_cast<uint32_t>(groups.size()), .last_group = 0};
      if (!is_integer(format)) group_size = size;  // Of the floats, a segment is one group.
      for (uint32_t k = 0; k < size; k += group_size) {
        const uint32_t count = std::min(group_size, size - k);
        const uint32_t group_words = (count + values_per_word(format) - 1) / values_per_word(format);
        groups.push_back({depth, count, group_words, words, offset});
        depth += count;
        words += group_words;
        offset += (is_integer(format) ? panel_scale_bytes : 0) + uint64_t{group_words} * panel_word_bytes;
      }
      segment.last_group = static_cast<uint32_t>(groups.size());
      segments.push_back(segment);
    }
    panel.resize(offset);
    for (const k_group& group : groups)
      for (uint32_t n = 0; n < panel_columns; ++n) fill(group, n, seed, width);
  }

  k_cut cut() const { return {groups.data(), segments.data()}; }

  /// What the word of a weight holds.
  float weight(const k_group& group, uint32_t n, uint32_t k) const {
    const uint32_t word = word_at(group, n, k / values_per_word(format));
    const uint32_t i = k % values_per_word(format);
    uint16_t scale = 0;
    std::memcpy(&scale, panel.data() + group.panel_offset + n * sizeof scale, sizeof scale);
    switch (format) {
      case weight_format::f32: return std::bit_cast<float>(word);
      case weight_format::f16: return f16_to_f32(static_cast<uint16_t>(word >> (16 - 16 * i)));
      case weight_format::bf16: return bf16_to_f32(static_cast<uint16_t>(word >> (16 - 16 * i)));
      case weight_format::int8: return f16_to_f32(scale) * (static_cast<float>((word >> (8 * i)) & 0xff) - 128);
      case weight_format::int4:
        return f16_to_f32(scale) * (static_cast<float>((word >> (8 * (i % 4) + 4 * (i / 4))) & 0xf) - 8);
    }
    return 0;
  }

 private:
  size_t word_offset(const k_group& group, uint32_t n, uint32_t word) const {
    return group.panel_offset + (is_integer(format) ? panel_scale_bytes : 0) +
           (size_t{word} * panel_columns + n) * sizeof(uint32_t);
  }
  uint32_t word_at(const k_group& group, uint32_t n, uint32_t word) const {
    uint32_t value = 0;
    std::memcpy(&value, panel.data() + word_offset(group, n, word), sizeof value);
    return value;
  }

  void fill(const k_group& group, uint32_t n, uint64_t seed, float width) {
    const auto draw = [&](uint64_t k) { return random_value(seed, (group.begin + k) * 100 + n); };
    if (is_integer(format)) {
      const uint16_t scale = static_cast<uint16_t>(0x1c00 + static_cast<uint32_t>(std::abs(draw(9999)) * 1000));
      std::memcpy(panel.data() + group.panel_offset + n * sizeof scale, &scale, sizeof scale);
    }
    for (uint32_t word = 0; word < group.words; ++word) {
      uint32_t bits = 0;
      for (uint32_t i = 0; i < values_per_word(format); ++i) {
        const uint32_t k = word * values_per_word(format) + i;
        const float value = k < group.count ? width * draw(k) : 0;
        switch (format) {
          case weight_format::f32: bits = std::bit_cast<uint32_t>(value); break;
          case weight_format::f16:
            // Every pattern but infinities and NaN, subnormals included.
            bits |= (k < group.count ? std::bit_cast<uint32_t>(value) >> 7 & 0xbbffU : 0) << (16 - 16 * i);
            break;
          case weight_format::bf16: bits |= uint32_t{f32_to_bf16(value)} << (16 - 16 * i); break;
          case weight_format::int8:
            bits |= (static_cast<uint32_t>(128 + (k < group.count ? std::lround(127 * draw(k)) : 0)) & 0xff) << (8 * i);
            break;
          case weight_format::int4:
            bits |= (static_cast<uint32_t>(8 + (k < group.count ? std::lround(7.5F * draw(k) - 0.5F) : 0)) & 0xf)
                    << (8 * (i % 4) + 4 * (i / 4));
            break;
        }
      }
      std::memcpy(panel.data() + word_offset(group, n, word), &bits, sizeof bits);
    }
  }
};

struct rows_example {
  uint32_t rows, depth;
  size_t stride;
  std::vector<float> x;

  rows_example(uint32_t row_count, uint32_t k, float width) : rows(row_count), depth(k), stride(k + 3) {
    x.resize(rows * stride);
    for (size_t i = 0; i < x.size(); ++i) x[i] = width * random_value(21, i);
  }
};

std::vector<float> multiply(const product_kernel& kernel, const panel_example& panel, const rows_example& rows) {
  std::vector<float> sums(size_t{rows.rows} * panel_columns);
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = random_value(3, i);
  std::vector<float> apart;
  for (uint32_t first = 0; first < rows.rows; first += kernel.block_rows) {
    const uint32_t count = std::min(kernel.block_rows, rows.rows - first);
    // Exactly as much as is documented, so that the sanitizer sees what is written beyond.
    std::vector<uint32_t> words(size_t{panel.words} * kernel.x_per_word * count);
    std::vector<int32_t> starts(panel.groups.size() * count);
    std::vector<float> scales(panel.segments.size() * count);
    const packed_rows packed{words.data(), starts.data(), scales.data()};
    const auto segments = static_cast<uint32_t>(panel.segments.size());
    const pack_task packing{rows.x.data() + first * rows.stride, rows.stride, count, panel.cut(), 0, segments, packed};
    kernel.pack(&packing);
    const std::array bounds{0U, segments / 2, segments};
    const auto run = [&](size_t bound, uint32_t parts, float* to) {
      const product_task task{packed, count, panel.cut(), &bounds[bound], parts, panel.panel.data(), to};
      kernel.multiply(&task);
    };
    // In two calls: the sums go on from one to the next.
    run(0, 1, sums.data() + size_t{first} * panel_columns);
    run(1, 1, sums.data() + size_t{first} * panel_columns);
    // In one call, each with sums of its own.
    const size_t before = apart.size();
    for (uint32_t part = 0; part < 2; ++part)
      for (size_t i = 0; i < count * panel_columns; ++i)
        apart.push_back(random_value(4, (part * rows.rows + first) * panel_columns + i));
    run(0, 2, apart.data() + before);
  }
  // Blocks are of other sizes with other kernels: part by part, all rows.
  for (uint32_t part = 0; part < 2; ++part) {
    size_t at = 0;
    for (uint32_t first = 0; first < rows.rows; first += kernel.block_rows) {
      const uint32_t count = std::min(kernel.block_rows, rows.rows - first);
      const auto begin = apart.begin() + static_cast<std::ptrdiff_t>(at + size_t{part} * count * panel_columns);
      sums.insert(sums.end(), begin, begin + count * panel_columns);
      at += size_t{2} * count * panel_columns;
    }
  }
  return sums;
}

constexpr weight_format formats[] = {weight_format::f32, weight_format::f16, weight_format::bf16, weight_format::int8,
                                     weight_format::int4};

const product_kernel& kernel_of(const product_kernels& table, weight_format format) {
  return table.of[static_cast<uint32_t>(format)];
}

void compare(const panel_example& panel, const rows_example& rows) {
  const std::vector<float> expected = multiply(kernel_of(scalar_products(), panel.format), panel, rows);
  for (const cpu_tables& tables : vector_tables()) {
    const std::vector<float> sums = multiply(kernel_of(tables.products, panel.format), panel, rows);
    for (size_t i = 0; i < sums.size(); ++i) {
      const bool equal = std::bit_cast<uint32_t>(sums[i]) == std::bit_cast<uint32_t>(expected[i]) ||
                         (std::isnan(sums[i]) && std::isnan(expected[i]));
      BOOST_REQUIRE_MESSAGE(equal, tables.name << ", format " << static_cast<int>(panel.format) << ", " << rows.rows
                                               << " rows, depth " << panel.depth << ", at " << i << ": " << sums[i]
                                               << ", not " << expected[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(products_have_the_scalar_ones_bits_for_every_number_of_rows) {
  for (const weight_format format : formats)
    for (uint32_t rows = 1; rows <= 2 * block_rows_max + 1; ++rows)
      for (const std::vector<uint32_t>& segments :
           {std::vector<uint32_t>{1}, {7}, {128}, {128, 128, 43}, {21, 22, 21, 22}, {96, 96}})
        for (const uint32_t group : {32U, 128U}) {
          const panel_example panel(format, segments, is_integer(format) ? group : 128, 5, 1);
          compare(panel, rows_example(rows, panel.depth, 2));
        }
}

BOOST_AUTO_TEST_CASE(products_of_what_is_very_small_or_no_number_have_the_scalar_ones_bits) {
  for (const weight_format format : formats) {
    // Products and sums below the smallest normal number, and activations below it.
    for (const float width : {1e-38F, 1e-30F, 1e-20F}) {
      const panel_example panel(format, {128, 64}, 64, 7, width < 1e-35F ? 1.0F : 1e-18F);
      compare(panel, rows_example(5, panel.depth, width));
      rows_example mixed(6, panel.depth, 1);
      for (size_t i = 0; i < mixed.x.size(); i += 3) mixed.x[i] *= width;
      compare(panel, mixed);
    }
    const panel_example panel(format, {128, 64}, 64, 7, 1);
    for (const float odd : {INFINITY, -INFINITY, std::nanf(""), 0.0F, -0.0F, 1e-45F, 3e38F}) {
      rows_example rows(4, panel.depth, 1);
      rows.x[3] = rows.x[rows.stride + 150] = rows.x[2 * rows.stride] = odd;
      std::fill_n(rows.x.begin() + static_cast<std::ptrdiff_t>(3 * rows.stride), 128, odd);
      compare(panel, rows);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_scalar_products_are_right) {
  for (const weight_format format : formats) {
    const panel_example panel(format, {128, 128, 43}, 32, 5, 1);
    const rows_example rows(3, panel.depth, 2);
    const std::vector<float> sums = multiply(kernel_of(scalar_products(), format), panel, rows);
    // What one step of rounding the activations may make of a product of this size.
    const double unit = is_integer(format) ? 1.0 / 254 : (format == weight_format::bf16 ? 1.0 / 256 : 1e-6);
    double largest = 0;
    for (uint32_t r = 0; r < rows.rows; ++r)
      for (uint32_t n = 0; n < panel_columns; ++n) {
        double sum = random_value(3, size_t{r} * panel_columns + n);
        double size = 0;
        for (const k_group& group : panel.groups)
          for (uint32_t k = 0; k < group.count; ++k) {
            const double x = rows.x[r * rows.stride + group.begin + k];
            sum += x * panel.weight(group, n, k);
            size += std::abs(panel.weight(group, n, k)) * (is_integer(format) ? 2.0 : std::abs(x));
          }
        largest = std::max(largest, std::abs(sums[r * panel_columns + n] - sum) / (size * unit));
      }
    BOOST_TEST(largest < 1, "format " << static_cast<int>(format) << ": " << largest);
    BOOST_TEST(largest > 0);
  }
}

}  // namespace
}  // namespace troupe
