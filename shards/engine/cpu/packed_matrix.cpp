#include "shards/engine/cpu/packed_matrix.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "shards/engine/cpu/weight_words.hpp"

namespace troupe {
namespace {

/// K is cut into groups, and these into segments. Both end at the bounds of the shards and else at multiples, counted
/// from the beginning of the whole K: so every rank, and every number of ranks, cuts alike.
struct cutting {
  uint64_t group, segment;
};

cutting cutting_of(const weight_type& type) {
  // A float's group is only so long that the words of 32 columns stay in the first-level cache while they are packed.
  if (!is_integer(type.format)) return {256, 256};
  return {type.group, segment_depth_max};
}

uint64_t next_multiple(uint64_t k, uint64_t of) { return (k / of + 1) * of; }

uint32_t words_of(weight_format format, uint64_t count) {
  const uint32_t per_word = values_per_word(format);
  return static_cast<uint32_t>((count + per_word - 1) / per_word);
}

struct cut_lists {
  std::vector<k_group> groups;
  std::vector<k_segment> segments;
  std::vector<uint32_t> shard_segments;
  uint64_t panel_bytes = 0;
};

cut_lists cut_k(const matrix_source& source, const weight_type& type) {
  const cutting at = cutting_of(type);
  std::vector<uint64_t> bounds = source.shard_bounds;
  if (bounds.empty()) bounds = {0, source.column_end - source.column_begin};
  cut_lists cut;
  uint32_t words = 0;
  for (size_t shard = 0; shard + 1 < bounds.size(); ++shard) {
    cut.shard_segments.push_back(static_cast<uint32_t>(cut.segments.size()));
    const uint64_t shard_end = source.column_begin + bounds[shard + 1];
    for (uint64_t k = source.column_begin + bounds[shard]; k < shard_end;) {
      const uint64_t segment_end = std::min(shard_end, next_multiple(k, at.segment));
      k_segment segment{.first_group = static_cast<uint32_t>(cut.groups.size()), .last_group = 0};
      while (k < segment_end) {
        const uint64_t group_end = std::min(segment_end, next_multiple(k, at.group));
        const k_group group{.begin = static_cast<uint32_t>(k - source.column_begin),
                            .count = static_cast<uint32_t>(group_end - k),
                            .words = words_of(type.format, group_end - k),
                            .words_before = words,
                            .panel_offset = cut.panel_bytes};
        words += group.words;
        cut.panel_bytes += (is_integer(type.format) ? panel_scale_bytes : 0) + uint64_t{group.words} * panel_word_bytes;
        cut.groups.push_back(group);
        k = group_end;
      }
      segment.last_group = static_cast<uint32_t>(cut.groups.size());
      cut.segments.push_back(segment);
    }
  }
  cut.shard_segments.push_back(static_cast<uint32_t>(cut.segments.size()));
  return cut;
}

struct packed_shape {
  uint64_t outputs = 0, panels = 0;
};

packed_shape shape_of(const matrix_source& source) {
  packed_shape shape;
  for (const weight_part& part : source.parts) shape.outputs += part.row_end - part.row_begin;
  uint64_t per_panel = panel_columns;
  // Gate and up share panels: 32 rows of weights make 16 outputs.
  if (is_gated(source.finish)) {
    shape.outputs /= 2;
    per_panel /= 2;
  }
  shape.panels = (shape.outputs + per_panel - 1) / per_panel;
  return shape;
}

weight_type type_of(const matrix_source& source) {
  if (source.as_f32) return {};
  weight_type type = weight_type_of(*source.parts.front().tensor);
  for (const weight_part& part : source.parts)
    if (weight_type_of(*part.tensor) != type) return {};
  return type;
}

weight_row find_row(const matrix_source& source, uint64_t row) {
  for (const weight_part& part : source.parts) {
    const uint64_t rows = part.row_end - part.row_begin;
    if (row < rows) return {part.tensor, part.row_begin + row, source.column_begin};
    row -= rows;
  }
  return {};
}

void check_source(const matrix_source& source) {
  TROUPE_CHECK(!source.parts.empty());
  if (is_gated(source.finish)) {
    TROUPE_CHECK(source.parts.size() == 2);
    TROUPE_CHECK(source.parts[0].row_end - source.parts[0].row_begin ==
                 source.parts[1].row_end - source.parts[1].row_begin);
  }
  if (source.finish == epilogue::partial || source.finish == epilogue::shards) {
    TROUPE_CHECK(source.shard_bounds.size() >= 2);
    TROUPE_CHECK(source.shard_bounds.front() == 0 &&
                 source.shard_bounds.back() == source.column_end - source.column_begin);
  }
  TROUPE_CHECK(source.biases.empty() ||
               (source.finish == epilogue::none && source.biases.size() == source.parts.size()));
}

std::vector<float> read_biases(const matrix_source& source, uint64_t outputs) {
  std::vector<float> bias(source.biases.empty() ? 0 : outputs);
  size_t at = 0;
  for (size_t i = 0; i < source.biases.size(); ++i) {
    const weight_part& part = source.parts[i];
    const size_t rows = part.row_end - part.row_begin;
    read_f32(*source.biases[i], part.row_begin, std::span(bias).subspan(at, rows));
    at += rows;
  }
  return bias;
}

}  // namespace

uint64_t packed_matrix::bytes(const matrix_source& source) {
  return shape_of(source).panels * cut_k(source, type_of(source)).panel_bytes;
}

packed_depth packed_matrix::depth(const matrix_source& source) {
  const weight_type type = type_of(source);
  const cut_lists cut = cut_k(source, type);
  return {type.format, words_of(cut.groups), static_cast<uint32_t>(cut.groups.size()),
          static_cast<uint32_t>(cut.segments.size())};
}

result<std::unique_ptr<packed_matrix>> packed_matrix::pack(const matrix_source& source, worker_pool& pool,
                                                           memory_arena& memory) {
  check_source(source);
  const packed_shape shape = shape_of(source);
  const weight_type type = type_of(source);
  cut_lists cut = cut_k(source, type);
  auto packed = std::make_unique<packed_matrix>();
  packed->outputs_ = shape.outputs;
  packed->inputs_ = source.column_end - source.column_begin;
  packed->panels_ = shape.panels;
  packed->panel_bytes_ = cut.panel_bytes;
  packed->finish_ = source.finish;
  packed->type_ = type;
  packed->groups_ = std::move(cut.groups);
  packed->segments_ = std::move(cut.segments);
  packed->shard_segments_ = std::move(cut.shard_segments);
  packed->bias_ = read_biases(source, shape.outputs);
  TROUPE_ASSIGN(void* const data, memory.take(shape.panels * cut.panel_bytes));
  packed->data_ = static_cast<uint8_t*>(data);
  pool.run(shape.panels, [&](size_t begin, size_t end) {
    for (size_t panel = begin; panel < end; ++panel) packed->fill_panel(source, panel);
  });
  return packed;
}

void packed_matrix::fill_panel(const matrix_source& source, uint64_t panel) {
  std::array<weight_row, panel_columns> rows;
  for (uint64_t column = 0; column < panel_columns; ++column) {
    uint64_t output = panel * panel_outputs() + column % panel_outputs();
    if (output >= outputs_) continue;
    if (column >= panel_outputs()) output += outputs_;  // The row of `up` that belongs to this row of `gate`.
    rows[column] = find_row(source, output);
  }
  column_words words;
  for (std::span<const k_group> left = groups_; !left.empty();) {
    const std::span<const k_group> some = left.first(groups_that_fit(left));
    left = left.subspan(some.size());
    // What comes after them, or at the end the same place in the rows of the next panel.
    const std::span<const k_group> next = left.empty() ? groups_ : left;
    const uint64_t further = left.empty() ? panel_outputs() : 0;
    for (uint32_t column = 0; column < panel_columns; ++column) {
      const weight_row& row = rows[column];
      prefetch_words({row.tensor, row.row + further, row.first_column}, next.first(groups_that_fit(next)));
      read_words(row, some, type_, column, words);
    }
    turn_words(words, some, is_integer(type_.format), data_ + panel * panel_bytes_);
  }
}

}  // namespace troupe
