#include "shards/engine/expert_mixture.hpp"

#include <algorithm>
namespace troupe {
namespace {

// The sums of a row take shards x hidden floats: 64 KiB where hidden is 2048. So only some rows at a time; so many that
// reading the experts' weights again costs little.
constexpr uint32_t block_rows_max = 256;
/// Of one expert at a time.
constexpr uint32_t expert_rows_max = 64;

size_t sums_width(const mixture_shape& shape) { return shape.shards * shape.hidden; }

}  // namespace

uint64_t expert_mixture::floats(const mixture_shape& shape, uint32_t rows_max) {
  const uint64_t block = std::min(rows_max, block_rows_max), group = std::min(rows_max, expert_rows_max);
  return block * (padded(shape.experts.count) + padded(sums_width(shape))) +
         group * (padded(shape.hidden) + padded(shape.inner) + padded(sums_width(shape)));
}

result<expert_mixture> expert_mixture::make(const mixture_shape& shape, uint32_t rows_max, backend& device) {
  const size_t block = std::min(rows_max, block_rows_max);
  const size_t group = std::min(rows_max, expert_rows_max);
  expert_mixture mixture;
  mixture.shape_ = shape;
  mixture.device_ = &device;
  TROUPE_ASSIGN(mixture.logits_, device.allocate(block * padded(shape.experts.count)));
  TROUPE_ASSIGN(mixture.sums_, device.allocate(block * padded(sums_width(shape))));
  TROUPE_ASSIGN(mixture.gathered_, device.allocate(group * padded(shape.hidden)));
  TROUPE_ASSIGN(mixture.inner_, device.allocate(group * padded(shape.inner)));
  TROUPE_ASSIGN(mixture.products_, device.allocate(group * padded(sums_width(shape))));
  mixture.uses_.resize(block * shape.experts.used);
  mixture.grouped_.resize(block * shape.experts.used);
  mixture.first_of_.resize(shape.experts.count + size_t{1});
  return mixture;
}

void expert_mixture::run(const layer_weights& weights, rows_view x, uint32_t rows, rows_view out) {
  for (uint32_t first = 0; first < rows; first += block_rows_max) {
    run_block(weights, {x.data + first * x.stride, x.stride}, std::min(block_rows_max, rows - first),
              {out.data + first * out.stride, out.stride});
  }
}

void expert_mixture::run_block(const layer_weights& weights, rows_view x, uint32_t rows, rows_view out) {
  const rows_view logits = rows_of(logits_, shape_.experts.count);
  const rows_view sums = rows_of(sums_, sums_width(shape_));
  device_->linear(*weights.router, x, rows, logits);
  device_->route(logits, rows, shape_.experts.count, shape_.experts.used, shape_.experts.normalised,
                 std::span(uses_).first(size_t{rows} * shape_.experts.used));
  group_rows(rows);
  device_->clear(sums, rows, sums_width(shape_));
  for (uint32_t expert = 0; expert < shape_.experts.count; ++expert) {
    for (uint32_t first = first_of_[expert]; first < first_of_[expert + 1]; first += expert_rows_max) {
      const uint32_t count = std::min(expert_rows_max, first_of_[expert + 1] - first);
      run_expert(weights.mlps[expert], x, std::span(grouped_).subspan(first, count));
    }
  }
  device_->add_shards(sums, rows, shape_.shards, shape_.hidden, out);
}

/// Sorts the uses by expert, and those of one by row.
void expert_mixture::group_rows(uint32_t rows) {
  const uint32_t used = shape_.experts.used;
  std::ranges::fill(first_of_, 0U);
  for (uint32_t i = 0; i < rows * used; ++i) ++first_of_[uses_[i].expert + 1];
  for (size_t expert = 1; expert < first_of_.size(); ++expert) first_of_[expert] += first_of_[expert - 1];
  for (uint32_t i = 0; i < rows * used; ++i) grouped_[first_of_[uses_[i].expert]++] = {i / used, uses_[i].weight};
  // Each is now where the next expert's begins.
  for (size_t expert = first_of_.size() - 1; expert > 0; --expert) first_of_[expert] = first_of_[expert - 1];
  first_of_[0] = 0;
}

void expert_mixture::run_expert(const mlp_weights& weights, rows_view x, std::span<const weighted_row> rows) {
  const auto count = static_cast<uint32_t>(rows.size());
  const rows_view gathered = rows_of(gathered_, shape_.hidden);
  const rows_view inner = rows_of(inner_, shape_.inner);
  const rows_view products = rows_of(products_, sums_width(shape_));
  device_->gather(x, rows, shape_.hidden, gathered);
  device_->linear(*weights.gate_up, gathered, count, inner);
  device_->linear(*weights.down, inner, count, products);
  device_->add_weighted(products, rows, sums_width(shape_), rows_of(sums_, sums_width(shape_)));
}

}  // namespace troupe
