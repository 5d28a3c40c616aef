#include "shards/engine/cpu/linear_products.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

/// Rows of the sums that one thread keeps at a time: with the panel they stay in the second-level cache.
constexpr uint32_t tile_rows_max = 96;
/// Words of a column that go through all rows before the next: 2 * 32 * 1024 words are 128 KiB of a panel.
constexpr uint32_t chunk_words = 1024;
/// Segments that are packed by one thread before it takes others.
constexpr uint32_t packed_segments = 16;

}  // namespace

/// The sums of one panel for some rows: (rows, 32).
struct linear_products::tile {
  alignas(64) float sums[tile_rows_max * panel_columns];
};

void linear_products::row_needs::add(const packed_depth& depth, const product_kernels& products) {
  const product_kernel& kernel = products.of[static_cast<uint32_t>(depth.format)];
  words = std::max(words, uint64_t{depth.words} * kernel.x_per_word);
  starts = std::max<uint64_t>(starts, depth.groups);
  scales = std::max<uint64_t>(scales, depth.segments);
}

uint64_t linear_products::rows_bytes(std::span<const matrix_source> sources, uint32_t rows) const {
  row_needs needs;
  for (const matrix_source& source : sources) needs.add(packed_matrix::depth(source), products_);
  return (needs.words + needs.starts + needs.scales) * sizeof(uint32_t) * rows;
}

result<void> linear_products::reserve(uint32_t rows) {
  const auto bytes = [&](uint64_t of_row) { return checked_product(of_row * sizeof(uint32_t), rows); };
  TROUPE_ASSIGN(const size_t words, bytes(needs_.words));
  TROUPE_ASSIGN(const size_t starts, bytes(needs_.starts));
  TROUPE_ASSIGN(const size_t scales, bytes(needs_.scales));
  TROUPE_ASSIGN(words_, mapped_memory::make(words));
  TROUPE_ASSIGN(starts_, mapped_memory::make(starts));
  TROUPE_ASSIGN(scales_, mapped_memory::make(scales));
  rows_max_ = rows;
  return {};
}

void linear_products::run(const packed_matrix& weights, rows_view x, uint32_t rows, rows_view out) {
  TROUPE_CHECK(rows <= rows_max_);
  const product_kernel& kernel = products_.of[static_cast<uint32_t>(weights.format())];
  const job work{weights, kernel, x, rows, (rows + kernel.block_rows - 1) / kernel.block_rows, out};
  pack(work);
  upcoming_.begins(weights);
  pool_.run(weights.panels(), [work, this](size_t begin, size_t end) {
    for (size_t panel = begin; panel < end; ++panel) multiply_panel(work, panel);
  });
}

/// Where the block that begins with `row` is packed.
packed_rows linear_products::place_of(const job& work, uint32_t row) const {
  return {static_cast<uint32_t*>(words_.data()) + size_t{row} * work.weights.words() * work.kernel.x_per_word,
          static_cast<int32_t*>(starts_.data()) + size_t{row} * work.weights.groups(),
          static_cast<float*>(scales_.data()) + size_t{row} * work.weights.segments()};
}

void linear_products::pack(const job& work) {
  const uint32_t segments = work.weights.segments();
  const uint32_t parts = (segments + packed_segments - 1) / packed_segments;
  pool_.run(size_t{work.blocks} * parts, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const row_range rows = work.block(static_cast<uint32_t>(i / parts));
      const auto first = static_cast<uint32_t>(i % parts) * packed_segments;
      const pack_task task{.x = work.x.data + rows.begin * work.x.stride,
                           .x_stride = work.x.stride,
                           .rows = rows.size(),
                           .cut = work.weights.cut(),
                           .first = first,
                           .last = std::min(first + packed_segments, segments),
                           .to = place_of(work, rows.begin)};
      work.kernel.pack(&task);
    }
  });
}

/// All rows for one panel before the next: it comes from memory once.
void linear_products::multiply_panel(const job& work, uint64_t panel) const {
  const std::span<const uint32_t> bounds = work.weights.shard_segments();
  const auto shards = static_cast<uint32_t>(bounds.size()) - 1;
  const bool keeps_shards = work.weights.finish() == epilogue::shards;
  if (work.blocks == 1 && shards * work.rows <= tile_rows_max) {
    tile sums;
    multiply_shards(work, panel, sums);
    for (uint32_t shard = 0; shard < (keeps_shards ? shards : 1); ++shard)
      finish(work, panel, {0, 1}, sums.sums + size_t{shard} * work.rows * panel_columns,
             shard * work.weights.outputs());
    return;
  }
  const uint32_t tile_blocks = tile_rows_max / work.kernel.block_rows;
  for (uint32_t block = 0; block < work.blocks; block += tile_blocks) {
    const row_range blocks{block, std::min(block + tile_blocks, work.blocks)};
    tile sums;
    if (keeps_shards) {
      for (uint32_t shard = 0; shard < shards; ++shard) {
        sum_segments(work, panel, blocks, bounds[shard], bounds[shard + 1], sums);
        finish(work, panel, blocks, sums.sums, shard * work.weights.outputs());
      }
    } else {
      sum_shards(work, panel, blocks, 0, shards, sums);
      finish(work, panel, blocks, sums.sums, 0);
    }
  }
}

/// The sums of a few rows over all shards, in one call: (shards, rows, 32). Where they are added up, the tree of
/// sum_shards, the first has the sum.
void linear_products::multiply_shards(const job& work, uint64_t panel, tile& sums) const {
  const std::span<const uint32_t> bounds = work.weights.shard_segments();
  const auto shards = static_cast<uint32_t>(bounds.size()) - 1;
  const size_t of_shard = size_t{work.rows} * panel_columns;
  std::memset(sums.sums, 0, shards * of_shard * sizeof(float));
  const product_task task{.x = place_of(work, 0),
                          .rows = work.rows,
                          .cut = work.weights.cut(),
                          .bounds = bounds.data(),
                          .parts = shards,
                          .panel = work.weights.panel(panel),
                          .sums = sums.sums};
  work.kernel.multiply(&task);
  if (work.weights.finish() == epilogue::shards) return;
  for (size_t apart = of_shard; apart < shards * of_shard; apart *= 2)
    for (size_t at = 0; at < shards * of_shard; at += 2 * apart)
      for (size_t i = at; i < at + of_shard; ++i) sums.sums[i] += sums.sums[i + apart];
}

/// The tree over `count` shards, a power of two, from `shard` on.
void linear_products::sum_shards(const job& work, uint64_t panel, row_range blocks, uint32_t shard, uint32_t count,
                                 tile& sums) const {
  const std::span<const uint32_t> bounds = work.weights.shard_segments();
  if (count == 1) {
    sum_segments(work, panel, blocks, bounds[shard], bounds[shard + 1], sums);
    return;
  }
  tile right;
  sum_shards(work, panel, blocks, shard, count / 2, sums);
  sum_shards(work, panel, blocks, shard + count / 2, count / 2, right);
  const uint32_t rows = work.block(blocks.end - 1).end - work.block(blocks.begin).begin;
  for (size_t i = 0; i < size_t{rows} * panel_columns; ++i) sums.sums[i] += right.sums[i];
}

void linear_products::sum_segments(const job& work, uint64_t panel, row_range blocks, uint32_t first, uint32_t last,
                                   tile& sums) const {
  const uint32_t first_row = work.block(blocks.begin).begin;
  const uint32_t rows = work.block(blocks.end - 1).end - first_row;
  std::memset(sums.sums, 0, size_t{rows} * panel_columns * sizeof(float));
  const k_cut cut = work.weights.cut();
  for (uint32_t segment = first; segment < last;) {
    uint32_t end = segment;
    for (uint32_t words = 0; end < last && words < chunk_words; ++end)
      for (uint32_t g = cut.segments[end].first_group; g < cut.segments[end].last_group; ++g)
        words += cut.groups[g].words;
    const std::array bounds{segment, end};
    for (uint32_t block = blocks.begin; block < blocks.end; ++block) {
      const row_range of_block = work.block(block);
      const product_task task{.x = place_of(work, of_block.begin),
                              .rows = of_block.size(),
                              .cut = cut,
                              .bounds = bounds.data(),
                              .parts = 1,
                              .panel = work.weights.panel(panel),
                              .sums = sums.sums + size_t{of_block.begin - first_row} * panel_columns};
      work.kernel.multiply(&task);
    }
    segment = end;
  }
}

void linear_products::finish(const job& work, uint64_t panel, row_range blocks, const float* from,
                             uint64_t first_column) const {
  const packed_matrix& weights = work.weights;
  const uint64_t first = panel * weights.panel_outputs();
  const size_t width = std::min(weights.panel_outputs(), weights.outputs() - first);
  for (uint32_t row = work.block(blocks.begin).begin; row < work.block(blocks.end - 1).end;
       ++row, from += panel_columns) {
    float* to = work.out.data + row * work.out.stride + first_column + first;
    if (is_gated(weights.finish())) {
      const auto gate = weights.finish() == epilogue::silu_mul ? kernels_.silu_mul : kernels_.gelu_mul;
      gate(from, from + weights.panel_outputs(), width, to);
    } else if (!weights.bias().empty()) {
      for (size_t n = 0; n < width; ++n) to[n] = from[n] + weights.bias()[first + n];
    } else {
      std::memcpy(to, from, width * sizeof(float));
    }
  }
}

}  // namespace troupe
