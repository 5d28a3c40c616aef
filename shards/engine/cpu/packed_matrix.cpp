#include "shards/engine/cpu/packed_matrix.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace troupe {
namespace {

struct packed_shape {
  uint64_t outputs = 0, inputs = 0, panels = 0, element_bytes = 0;
  uint64_t bytes() const { return panels * inputs * panel_columns * element_bytes; }
};

packed_shape shape_of(const matrix_source& source) {
  packed_shape shape;
  bool all_bf16 = true;
  for (const weight_part& part : source.parts) {
    shape.outputs += part.row_end - part.row_begin;
    all_bf16 = all_bf16 && part.tensor->type == dtype::bf16;
  }
  shape.inputs = source.column_end - source.column_begin;
  // Gate and up share panels: 32 rows of weights make 16 outputs.
  if (source.finish == epilogue::silu_mul) {
    shape.outputs /= 2;
    shape.panels = (shape.outputs + panel_columns / 2 - 1) / (panel_columns / 2);
  } else {
    shape.panels = (shape.outputs + panel_columns - 1) / panel_columns;
  }
  shape.element_bytes = all_bf16 ? sizeof(uint16_t) : sizeof(float);
  return shape;
}

/// A row of weights that one column of a panel holds; no tensor where the column only fills the panel up.
struct source_row {
  const tensor_view* tensor = nullptr;
  uint64_t row = 0;
};

source_row find_row(const matrix_source& source, uint64_t row) {
  for (const weight_part& part : source.parts) {
    const uint64_t rows = part.row_end - part.row_begin;
    if (row < rows) return {part.tensor, part.row_begin + row};
    row -= rows;
  }
  return {};
}

}  // namespace

uint64_t packed_matrix::bytes(const matrix_source& source) { return shape_of(source).bytes(); }

result<std::unique_ptr<packed_matrix>> packed_matrix::pack(const matrix_source& source) {
  const packed_shape shape = shape_of(source);
  auto packed = std::make_unique<packed_matrix>();
  packed->outputs_ = shape.outputs;
  packed->inputs_ = shape.inputs;
  packed->panels_ = shape.panels;
  packed->finish_ = source.finish;
  packed->is_bf16_ = shape.element_bytes == sizeof(uint16_t);
  packed->shard_bounds_ = source.shard_bounds;
  if (source.finish == epilogue::silu_mul) {
    TROUPE_CHECK(source.parts.size() == 2);
    TROUPE_CHECK(source.parts[0].row_end - source.parts[0].row_begin ==
                 source.parts[1].row_end - source.parts[1].row_begin);
  }
  if (source.finish == epilogue::partial) {
    TROUPE_CHECK(source.shard_bounds.size() >= 2);
    TROUPE_CHECK(source.shard_bounds.front() == 0 && source.shard_bounds.back() == shape.inputs);
  }
  TROUPE_ASSIGN(packed->memory_, mapped_memory::make(shape.bytes()));
  for (uint64_t panel = 0; panel < shape.panels; ++panel) packed->fill_panel(source, panel);

  if (!source.biases.empty()) {
    TROUPE_CHECK(source.finish == epilogue::none && source.biases.size() == source.parts.size());
    packed->bias_.resize(shape.outputs);
    size_t at = 0;
    for (size_t i = 0; i < source.parts.size(); ++i) {
      const weight_part& part = source.parts[i];
      const size_t rows = part.row_end - part.row_begin;
      read_f32(*source.biases[i], part.row_begin, std::span(packed->bias_).subspan(at, rows));
      at += rows;
    }
  }
  return packed;
}

void packed_matrix::fill_panel(const matrix_source& source, uint64_t panel) {
  std::vector<float> row_values(is_bf16_ ? 0 : inputs_);
  for (uint64_t column = 0; column < panel_columns; ++column) {
    uint64_t output = panel * panel_outputs() + column % panel_outputs();
    if (output >= outputs_) continue;                   // The memory is zero already.
    if (column >= panel_outputs()) output += outputs_;  // The row of `up` that belongs to this row of `gate`.
    const source_row from = find_row(source, output);
    const uint64_t first = from.row * from.tensor->shape.back() + source.column_begin;
    if (is_bf16_) {
      auto* to = static_cast<uint16_t*>(memory_.data()) + panel * inputs_ * panel_columns + column;
      const std::byte* elements = from.tensor->row(from.row).data() + source.column_begin * sizeof(uint16_t);
      for (uint64_t k = 0; k < inputs_; ++k)
        std::memcpy(to + k * panel_columns, elements + k * sizeof(uint16_t), sizeof(uint16_t));
    } else {
      auto* to = static_cast<float*>(memory_.data()) + panel * inputs_ * panel_columns + column;
      read_f32(*from.tensor, first, row_values);
      for (uint64_t k = 0; k < inputs_; ++k) to[k * panel_columns] = row_values[k];
    }
  }
}

void packed_matrix::add_products(const cpu_kernels& kernels, uint64_t panel, const float* x, size_t x_stride,
                                 uint32_t rows, uint64_t k_begin, uint64_t k_end, float* sums) const {
  const uint64_t first = (panel * inputs_ + k_begin) * panel_columns;
  const size_t depth = k_end - k_begin;
  if (is_bf16_) {
    kernels.products_bf16(x + k_begin, x_stride, rows, static_cast<const uint16_t*>(memory_.data()) + first, depth,
                          sums);
  } else {
    kernels.products_f32(x + k_begin, x_stride, rows, static_cast<const float*>(memory_.data()) + first, depth, sums);
  }
}

}  // namespace troupe
