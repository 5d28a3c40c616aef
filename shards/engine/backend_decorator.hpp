// A backend that hands everything on to another one: for those that look at some operations on the way.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "shards/engine/backend.hpp"

namespace troupe {

class backend_decorator : public backend {
 public:
  explicit backend_decorator(std::unique_ptr<backend> inner) : inner_(std::move(inner)) {}

  std::string fingerprint() const override { return inner_->fingerprint(); }
  std::string description() const override { return inner_->description(); }

  worker_pool& threads() override { return inner_->threads(); }
  idle_work& meanwhile() override { return inner_->meanwhile(); }

  result<float_buffer> allocate(size_t floats) override { return inner_->allocate(floats); }
  uint64_t matrix_bytes(const matrix_source& source) const override { return inner_->matrix_bytes(source); }
  result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) override {
    return inner_->load_matrix(source);
  }
  uint64_t rows_bytes(std::span<const matrix_source> sources, uint32_t rows) const override {
    return inner_->rows_bytes(sources, rows);
  }
  result<void> reserve_rows(uint32_t rows) override { return inner_->reserve_rows(rows); }
  uint64_t kv_page_bytes(const kv_shape& shape) const override { return inner_->kv_page_bytes(shape); }
  result<std::unique_ptr<kv_memory>> make_kv_memory(const kv_shape& shape) override {
    return inner_->make_kv_memory(shape);
  }

  void embed(const tensor_view& rows, float scale, rows_view out) override { inner_->embed(rows, scale, out); }
  void add_rmsnorm(const sublayer_sum& added, rows_view residual, const float* weight, float eps, uint32_t rows,
                   size_t width, rows_view out) override {
    inner_->add_rmsnorm(added, residual, weight, eps, rows, width, out);
  }
  void linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) override {
    inner_->linear(weights, x, rows, out);
  }
  void attention(const attention_shape& shape, const head_norms& norms, const rotary_view& rotary, rows_view qkv,
                 std::span<const row_place> rows, kv_memory& kv, uint32_t layer, rows_view out) override {
    inner_->attention(shape, norms, rotary, qkv, rows, kv, layer, out);
  }
  void soft_cap(rows_view x, uint32_t rows, size_t width, float cap) override { inner_->soft_cap(x, rows, width, cap); }
  void route(rows_view logits, uint32_t rows, uint32_t experts, uint32_t used, bool normalised,
             std::span<expert_use> uses) override {
    inner_->route(logits, rows, experts, used, normalised, uses);
  }
  void gather(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view out) override {
    inner_->gather(x, rows, width, out);
  }
  void add_weighted(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view sums) override {
    inner_->add_weighted(x, rows, width, sums);
  }
  void clear(rows_view x, uint32_t rows, size_t width) override { inner_->clear(x, rows, width); }
  void add_shards(rows_view x, uint32_t rows, uint32_t shards, size_t width, rows_view out) override {
    inner_->add_shards(x, rows, shards, width, out);
  }

 private:
  std::unique_ptr<backend> inner_;
};

}  // namespace troupe
