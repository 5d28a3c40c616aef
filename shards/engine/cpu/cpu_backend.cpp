#include "shards/engine/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cstring>

#include "shards/engine/cpu/cpu_kernels.hpp"
#include "shards/engine/cpu/cpu_kv_memory.hpp"
#include "shards/engine/cpu/packed_matrix.hpp"
#include "shards/engine/step.hpp"
#include "shards/engine/worker_pool.hpp"

namespace troupe {
namespace {

static_assert(page_rows == kv_page_positions);

/// The sums of one panel for a block of rows: (rows, 32).
struct tile {
  alignas(64) float sums[product_rows_max * panel_columns];
};

class cpu_backend final : public backend {
 public:
  cpu_backend(const cpu_kernels& kernels, uint32_t threads) : kernels_(kernels), pool_(threads) {}

  // The instruction set is left out on purpose: all of them give the same bits. The number at the end changes when the
  // definition of any result does.
  std::string fingerprint() const override { return "cpu-f32-fma/1"; }

  std::string description() const override {
    return std::string(kernels_.name) + ", " + std::to_string(pool_.threads()) + " threads";
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
    TROUPE_ASSIGN(std::unique_ptr<packed_matrix> packed, packed_matrix::pack(source));
    return std::unique_ptr<matrix>(std::move(packed));
  }

  uint64_t kv_page_bytes(const kv_shape& shape) const override { return cpu_kv_memory::page_bytes(shape); }

  result<std::unique_ptr<kv_memory>> make_kv_memory(const kv_shape& shape) override {
    TROUPE_ASSIGN(std::unique_ptr<cpu_kv_memory> kv, cpu_kv_memory::make(shape));
    return std::unique_ptr<kv_memory>(std::move(kv));
  }

  void embed(const tensor_view& table, std::span<const token_id> ids, rows_view out) override {
    const size_t width = table.shape.back();
    for (size_t t = 0; t < ids.size(); ++t)
      read_f32(table, ids[t] * width, std::span(out.data + t * out.stride, width));
  }

  void add_rmsnorm(const float* x, const float* bias, rows_view residual, const float* weight, float eps, uint32_t rows,
                   size_t width, rows_view out) override {
    pool_.run(rows, [&](size_t begin, size_t end) {
      for (size_t r = begin; r < end; ++r) {
        float* sum = residual.data + r * residual.stride;
        if (x != nullptr) {
          const float* row = x + r * width;
          for (size_t i = 0; i < width; ++i) sum[i] += bias == nullptr ? row[i] : row[i] + bias[i];
        }
        kernels_.rms_norm(sum, weight, eps, width, out.data + r * out.stride);
      }
    });
  }

  void linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) override {
    const auto& packed = static_cast<const packed_matrix&>(weights);
    pool_.run(packed.panels(), [&](size_t begin, size_t end) {
      for (size_t panel = begin; panel < end; ++panel) {
        // All rows of the step for one panel, before the next: the panel comes from memory once.
        for (uint32_t row = 0; row < rows; row += product_rows_max) {
          const uint32_t count = std::min(product_rows_max, rows - row);
          linear_tile(packed, panel, {x.data + row * x.stride, x.stride}, count,
                      {out.data + row * out.stride, out.stride});
        }
      }
    });
  }

  void rope_kv_write(const attention_shape& shape, rows_view qkv, std::span<const row_place> rows, const float* cosines,
                     const float* sines, kv_memory& kv, uint32_t layer) override {
    auto& memory = static_cast<cpu_kv_memory&>(kv);
    const size_t dim = shape.head_dim;
    const size_t half = dim / 2;
    pool_.run(rows.size(), [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const row_place& place = rows[t];
        float* query = qkv.data + t * qkv.stride;
        float* key = query + shape.heads * dim;
        const float* value = key + shape.kv_heads * dim;
        for (uint32_t h = 0; h < shape.heads + shape.kv_heads; ++h)
          kernels_.rotate(query + h * dim, cosines + place.position * half, sines + place.position * half, half);
        const uint32_t page = place.pages[place.position / kv_page_positions];
        for (uint32_t h = 0; h < shape.kv_heads; ++h)
          memory.store(layer, h, page, place.position % kv_page_positions, key + h * dim, value + h * dim);
      }
    });
  }

  void attention(const attention_shape& shape, rows_view qkv, std::span<const row_place> rows, const kv_memory& kv,
                 uint32_t layer, rows_view out) override {
    const auto& memory = static_cast<const cpu_kv_memory&>(kv);
    const size_t dim = shape.head_dim;
    pool_.run(rows.size() * shape.heads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const size_t t = i / shape.heads;
        const size_t h = i % shape.heads;
        const attention_task task{
            .query = qkv.data + t * qkv.stride + h * dim,
            .out = out.data + t * out.stride + h * dim,
            .head_dim = shape.head_dim,
            .scale = shape.scale,
            .softcap = shape.softcap,
            .pool = memory.head(layer, shape.kv_of_head[h]),
            .page_floats = memory.page_floats(),
            .value_offset = memory.value_offset(),
            .value_stride = memory.value_stride(),
            .pages = rows[t].pages,
            .first = shape.window == 0 || rows[t].position < shape.window ? 0 : rows[t].position + 1 - shape.window,
            .positions = rows[t].position + 1,
        };
        kernels_.attend(&task);
      }
    });
  }

 private:
  void linear_tile(const packed_matrix& packed, uint64_t panel, rows_view x, uint32_t rows, rows_view out) const {
    tile block;
    if (packed.finish() == epilogue::partial) {
      sum_shards(packed, panel, x, rows, 0, packed.shard_bounds().size() - 1, block);
    } else {
      sum_range(packed, panel, x, rows, 0, packed.inputs(), block);
    }
    const uint64_t first = panel * packed.panel_outputs();
    const size_t width = std::min(packed.panel_outputs(), packed.outputs() - first);
    for (uint32_t r = 0; r < rows; ++r) {
      const float* sums = block.sums + size_t{r} * panel_columns;
      float* to = out.data + r * out.stride + first;
      if (packed.finish() == epilogue::silu_mul) {
        kernels_.silu_mul(sums, sums + packed.panel_outputs(), width, to);
      } else if (!packed.bias().empty()) {
        for (size_t n = 0; n < width; ++n) to[n] = sums[n] + packed.bias()[first + n];
      } else {
        std::copy(sums, sums + width, to);
      }
    }
  }

  void sum_range(const packed_matrix& packed, uint64_t panel, rows_view x, uint32_t rows, uint64_t k_begin,
                 uint64_t k_end, tile& block) const {
    std::memset(block.sums, 0, size_t{rows} * panel_columns * sizeof(float));
    packed.add_products(kernels_, panel, x.data, x.stride, rows, k_begin, k_end, block.sums);
  }

  /// The tree over `count` shards, a power of two, from `shard` on.
  void sum_shards(const packed_matrix& packed, uint64_t panel, rows_view x, uint32_t rows, size_t shard, size_t count,
                  tile& block) const {
    if (count == 1) {
      sum_range(packed, panel, x, rows, packed.shard_bounds()[shard], packed.shard_bounds()[shard + 1], block);
      return;
    }
    tile right;
    sum_shards(packed, panel, x, rows, shard, count / 2, block);
    sum_shards(packed, panel, x, rows, shard + count / 2, count / 2, right);
    for (size_t i = 0; i < size_t{rows} * panel_columns; ++i) block.sums[i] += right.sums[i];
  }

  const cpu_kernels& kernels_;
  worker_pool pool_;
};

#if defined(TROUPE_X86_KERNELS)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() { return has_avx2() && __builtin_cpu_supports("avx512f"); }
#endif

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
  const bool any = choice == cpu_backend_choice::automatic;
#if defined(TROUPE_X86_KERNELS)
  if (choice == cpu_backend_choice::avx512 || (any && has_avx512())) {
    if (!has_avx512()) return error{errc::not_supported, "this processor has no AVX-512F"};
    return std::unique_ptr<backend>(std::make_unique<cpu_backend>(avx512_kernels(), threads));
  }
  if (choice == cpu_backend_choice::avx2 || (any && has_avx2())) {
    if (!has_avx2()) return error{errc::not_supported, "this processor has no AVX2 with FMA"};
    return std::unique_ptr<backend>(std::make_unique<cpu_backend>(avx2_kernels(), threads));
  }
#else
  if (!any && choice != cpu_backend_choice::scalar)
    return error{errc::not_supported, "this build is not for x86-64: it has the scalar CPU backend alone"};
#endif
  return std::unique_ptr<backend>(std::make_unique<cpu_backend>(scalar_kernels(), threads));
}

}  // namespace troupe
