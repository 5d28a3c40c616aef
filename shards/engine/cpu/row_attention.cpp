#include "shards/engine/cpu/row_attention.hpp"

#include <algorithm>

#include "shards/engine/step.hpp"

namespace troupe {
namespace {

static_assert(page_rows == kv_page_positions);

/// Query heads that read a key/value head; they lie side by side.
struct head_range {
  uint32_t begin, end;
};

head_range heads_of(const attention_shape& shape, uint32_t kv_head) {
  const auto [begin, end] = std::equal_range(shape.kv_of_head.begin(), shape.kv_of_head.end(), kv_head);
  return {static_cast<uint32_t>(begin - shape.kv_of_head.begin()),
          static_cast<uint32_t>(end - shape.kv_of_head.begin())};
}

attention_query query_of(const attention_job& job, uint32_t row, uint32_t head) {
  const uint32_t positions = job.rows[row].position + 1;
  const uint32_t window = job.shape.window;
  return {.query = job.qkv.data + row * job.qkv.stride + size_t{head} * job.shape.head_dim,
          .out = job.out.data + row * job.out.stride + size_t{head} * job.shape.head_dim,
          .first = window == 0 || positions <= window ? 0 : positions - window,
          .positions = positions};
}

}  // namespace

/// Whoever stores a key attends to it, mostly, and in the next step again: it stays in the caches of one core.
void row_attention::run(const attention_job& job) {
  const uint32_t kv_heads = job.shape.kv_heads;
  const uint32_t heads_together = std::max(1U, job.shape.heads / kv_heads);
  cut_rows(job.rows, std::max(1U, kernels_.attention_queries / heads_together));
  const auto for_all = [&](const auto& visit) {
    pool_.run(blocks_.size() * kv_heads, [job, this, visit](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        visit(*this, job, blocks_[i / job.shape.kv_heads], static_cast<uint32_t>(i % job.shape.kv_heads));
    });
  };
  if (!std::ranges::all_of(blocks_, &row_block::alone))
    for_all([](const row_attention& self, const attention_job& of, const row_block& block, uint32_t kv_head) {
      if (!block.alone) self.store(of, block, kv_head);
    });
  for_all([](const row_attention& self, const attention_job& of, const row_block& block, uint32_t kv_head) {
    if (block.alone) self.store(of, block, kv_head);
    self.attend(of, block, kv_head);
  });
}

void row_attention::cut_rows(std::span<const row_place> rows, uint32_t rows_max) {
  blocks_.clear();
  for (uint32_t row = 0; row < rows.size(); ++row) {
    const bool goes_on = row > 0 && rows[row].pages == rows[row - 1].pages;
    if (goes_on && blocks_.back().count < rows_max) {
      ++blocks_.back().count;
      continue;
    }
    if (goes_on) blocks_.back().alone = false;
    blocks_.push_back({row, 1, !goes_on});
  }
}

void row_attention::store(const attention_job& job, const row_block& block, uint32_t kv_head) const {
  const size_t dim = job.shape.head_dim;
  for (uint32_t row = block.first; row < block.first + block.count; ++row) {
    const row_place& place = job.rows[row];
    float* const heads = job.qkv.data + row * job.qkv.stride;
    const float* cosines = job.rotary.cosines + size_t{place.position} * job.rotary.pairs;
    const float* sines = job.rotary.sines + size_t{place.position} * job.rotary.pairs;
    const auto turn = [&](uint32_t at, const float* norm) {
      float* head = heads + at * dim;
      if (norm != nullptr) kernels_.rms_norm(head, norm, job.norms.eps, dim, head);
      kernels_.rotate(head, cosines, sines, job.rotary.pairs);
    };
    const head_range queries = heads_of(job.shape, kv_head);
    for (uint32_t head = queries.begin; head < queries.end; ++head) turn(head, job.norms.query);
    const uint32_t key = job.shape.heads + kv_head;
    turn(key, job.norms.key);
    job.kv.store(job.layer, kv_head, place.pages[place.position / kv_page_positions],
                 place.position % kv_page_positions, heads + key * dim, heads + (key + job.shape.kv_heads) * dim);
  }
}

void row_attention::attend(const attention_job& job, const row_block& block, uint32_t kv_head) const {
  attention_task task{.queries = {},
                      .count = 0,
                      .head_dim = job.shape.head_dim,
                      .scale = job.shape.scale,
                      .softcap = job.shape.softcap,
                      .pool = job.kv.head(job.layer, kv_head),
                      .bf16 = job.kv.bf16(),
                      .page_elements = job.kv.page_elements(),
                      .value_offset = job.kv.value_offset(),
                      .value_stride = job.kv.value_stride(),
                      .pages = job.rows[block.first].pages};
  const auto flush = [&] {
    if (task.count > 0) kernels_.attend(&task);
    task.count = 0;
  };
  const head_range heads = heads_of(job.shape, kv_head);
  for (uint32_t row = block.first; row < block.first + block.count; ++row)
    for (uint32_t head = heads.begin; head < heads.end; ++head) {
      task.queries[task.count++] = query_of(job, row, head);
      if (task.count == kernels_.attention_queries) flush();
    }
  flush();
}

}  // namespace troupe
