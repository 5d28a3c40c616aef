#include "shards/engine/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cstring>

#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/cpu_kv_memory.hpp"
#include "shards/engine/cpu/expert_rows.hpp"
#include "shards/engine/cpu/instruction_sets.hpp"
#include "shards/engine/cpu/linear_products.hpp"
#include "shards/engine/cpu/packed_matrix.hpp"
#include "shards/engine/cpu/row_attention.hpp"
#include "shards/engine/step.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {
namespace {

class cpu_backend final : public backend {
 public:
  cpu_backend(cpu_tables tables, uint32_t threads)
      : tables_(std::move(tables)),
        upcoming_(threads),
        pool_(threads, &upcoming_),
        products_(tables_.products, kernels_, pool_, upcoming_),
        attention_(kernels_, pool_) {}

  // The instruction set is left out on purpose: all of them give the same bits. The number at the end changes when the
  // definition of any result does.
  std::string fingerprint() const override { return "cpu/2"; }

  std::string description() const override {
    return tables_.name + ", " + std::to_string(pool_.threads()) + " threads";
  }

  result<float_buffer> allocate(size_t floats) override {
    TROUPE_ASSIGN(const size_t bytes, checked_product(floats, sizeof(float)));
    TROUPE_ASSIGN(mapped_memory memory, mapped_memory::make(bytes));
    auto owner = std::make_shared<mapped_memory>(std::move(memory));
    auto* data = static_cast<float*>(owner->data());
    return float_buffer{std::move(owner), data, floats};
  }

  uint64_t matrix_bytes(const matrix_source& source) const override { return packed_matrix::bytes(source); }

  result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) override {
    TROUPE_ASSIGN(std::unique_ptr<packed_matrix> packed, packed_matrix::pack(source, pool_, weights_));
    products_.add(*packed);
    return std::unique_ptr<matrix>(std::move(packed));
  }

  uint64_t rows_bytes(std::span<const matrix_source> sources, uint32_t rows) const override {
    return products_.rows_bytes(sources, rows);
  }

  result<void> reserve_rows(uint32_t rows) override { return products_.reserve(rows); }

  uint64_t kv_page_bytes(const kv_shape& shape) const override { return cpu_kv_memory::page_bytes(shape); }

  result<std::unique_ptr<kv_memory>> make_kv_memory(const kv_shape& shape) override {
    TROUPE_ASSIGN(std::unique_ptr<cpu_kv_memory> kv, cpu_kv_memory::make(shape));
    return std::unique_ptr<kv_memory>(std::move(kv));
  }

  worker_pool& threads() override { return pool_; }
  idle_work& meanwhile() override { return upcoming_; }

  void embed(const tensor_view& rows, float scale, rows_view out) override {
    const size_t width = rows.shape.back();
    pool_.run(rows.shape.front(), [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const std::span row(out.data + t * out.stride, width);
        read_f32(rows, t * width, row);
        for (float& value : row) value *= scale;
      }
    });
  }

  void add_rmsnorm(const sublayer_sum& added, rows_view residual, const float* weight, float eps, uint32_t rows,
                   size_t width, rows_view out) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        float* sum = residual.data + r * residual.stride;
        float* to = out.data + r * out.stride;
        if (added.x != nullptr) {
          const float* row = added.x + r * width;
          if (added.bias != nullptr) {
            for (size_t i = 0; i < width; ++i) to[i] = row[i] + added.bias[i];
            row = to;
          }
          if (added.norm != nullptr) {
            kernels_.rms_norm(row, added.norm, eps, width, to);
            row = to;
          }
          for (size_t i = 0; i < width; ++i) sum[i] += row[i];
        }
        kernels_.rms_norm(sum, weight, eps, width, to);
      }
    });
  }

  void linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) override {
    products_.run(static_cast<const packed_matrix&>(weights), x, rows, out);
  }

  void attention(const attention_shape& shape, const head_norms& norms, const rotary_view& rotary, rows_view qkv,
                 std::span<const row_place> rows, kv_memory& kv, uint32_t layer, rows_view out) override {
    attention_.run({shape, norms, rotary, qkv, rows, static_cast<const cpu_kv_memory&>(kv), layer, out});
  }

  void soft_cap(rows_view x, uint32_t rows, size_t width, float cap) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        float* row = x.data + r * x.stride;
        kernels_.soft_cap(row, cap, width, row);
      }
    });
  }

  void route(rows_view logits, uint32_t rows, uint32_t experts, uint32_t used, bool normalised,
             std::span<expert_use> uses) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        float* row = logits.data + r * logits.stride;
        kernels_.softmax(row, experts, row);
        choose_experts({row, experts}, normalised, uses.subspan(r * used, used));
      }
    });
  }

  void gather(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view out) override {
    pool_.run(rows.size(), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        std::copy_n(x.data + rows[i].row * x.stride, width, out.data + i * out.stride);
    });
  }

  void add_weighted(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view sums) override {
    pool_.run(rows.size(), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i)
        kernels_.add_scaled(x.data + i * x.stride, rows[i].weight, width, sums.data + rows[i].row * sums.stride);
    });
  }

  void clear(rows_view x, uint32_t rows, size_t width) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) std::fill_n(x.data + r * x.stride, width, 0.0F);
    });
  }

  void add_shards(rows_view x, uint32_t rows, uint32_t shards, size_t width, rows_view out) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r)
        add_shards_of_row(x.data + r * x.stride, shards, width, out.data + r * out.stride);
    });
  }

 private:
  cpu_tables tables_;
  const cpu_kernels& kernels_ = *tables_.kernels;
  upcoming_weights upcoming_;
  worker_pool pool_;
  memory_arena weights_;
  linear_products products_;
  row_attention attention_;
};

}  // namespace

result<cpu_backend_choice> parse_cpu_backend_choice(std::string_view text) {
  if (text == "auto") return cpu_backend_choice::automatic;
  if (text == "scalar") return cpu_backend_choice::scalar;
  if (text == "avx2") return cpu_backend_choice::avx2;
  if (text == "avx512") return cpu_backend_choice::avx512;
  return error{errc::invalid_argument,
               "\"" + std::string(text) + "\" is no CPU backend: it must be auto, scalar, avx2 or avx512"};
}

result<std::unique_ptr<backend>> make_cpu_backend(cpu_backend_choice choice, uint32_t threads) {
  TROUPE_ASSIGN(cpu_tables tables, cpu_tables_for(choice));
  return std::unique_ptr<backend>(std::make_unique<cpu_backend>(std::move(tables), threads));
}

}  // namespace troupe
