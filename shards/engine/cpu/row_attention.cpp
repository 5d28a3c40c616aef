#include "shards/engine/cpu/row_attention.hpp"

#include <algorithm>

namespace troupe {

struct row_attention::job {
  const attention_shape& shape;
  rows_view qkv;
  std::span<const row_place> rows;
  const cpu_kv_memory& kv;
  uint32_t layer;
  rows_view out;

  /// Query heads [begin, end) read a key/value head; they lie side by side.
  uint32_t heads_begin(uint32_t kv_head) const {
    return static_cast<uint32_t>(std::ranges::lower_bound(shape.kv_of_head, kv_head) - shape.kv_of_head.begin());
  }

  attention_query query(uint32_t row, uint32_t head) const {
    const uint32_t positions = rows[row].position + 1;
    return {.query = qkv.data + row * qkv.stride + size_t{head} * shape.head_dim,
            .out = out.data + row * out.stride + size_t{head} * shape.head_dim,
            .first = shape.window == 0 || positions <= shape.window ? 0 : positions - shape.window,
            .positions = positions};
  }
};

void row_attention::run(const attention_shape& shape, rows_view qkv, std::span<const row_place> rows,
                        const cpu_kv_memory& kv, uint32_t layer, rows_view out) {
  const job work{shape, qkv, rows, kv, layer, out};
  const uint32_t heads_together = std::max(1U, shape.heads / shape.kv_heads);
  cut_rows(rows, std::max(1U, kernels_.attention_queries / heads_together));
  pool_.run(blocks_.size() * shape.kv_heads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      attend(work, blocks_[i / shape.kv_heads], static_cast<uint32_t>(i % shape.kv_heads));
  });
}

void row_attention::cut_rows(std::span<const row_place> rows, uint32_t rows_max) {
  blocks_.clear();
  for (uint32_t row = 0; row < rows.size(); ++row) {
    const bool goes_on = !blocks_.empty() && blocks_.back().count < rows_max && rows[row].pages == rows[row - 1].pages;
    if (goes_on) {
      ++blocks_.back().count;
    } else {
      blocks_.push_back({row, 1});
    }
  }
}

void row_attention::attend(const job& work, const row_block& block, uint32_t kv_head) const {
  attention_task task{.queries = {},
                      .count = 0,
                      .head_dim = work.shape.head_dim,
                      .scale = work.shape.scale,
                      .softcap = work.shape.softcap,
                      .pool = work.kv.head(work.layer, kv_head),
                      .bf16 = work.kv.bf16(),
                      .page_elements = work.kv.page_elements(),
                      .value_offset = work.kv.value_offset(),
                      .value_stride = work.kv.value_stride(),
                      .pages = work.rows[block.first].pages};
  const auto flush = [&] {
    if (task.count > 0) kernels_.attend(&task);
    task.count = 0;
  };
  for (uint32_t row = block.first; row < block.first + block.count; ++row)
    for (uint32_t head = work.heads_begin(kv_head); head < work.heads_begin(kv_head + 1); ++head) {
      task.queries[task.count++] = work.query(row, head);
      if (task.count == kernels_.attention_queries) flush();
    }
  flush();
}

}  // namespace troupe
