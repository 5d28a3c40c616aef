// The tensor operations that a forward pass is made of, for one rank. The CPU implements them (cpu/); its scalar
// kernels are the definition of right.
//
// Words for shapes: T rows of a step (one row is one token), H hidden, Hq and Hkv this rank's query and key/value
// heads, D the size of a head. Activations are f32 in the backend's memory, row-major.
//
// What every implementation keeps to, so that the same bits come out of any batch, chunking and number of threads and
// ranks: each row is computed without regard to the others, and
//   linear     one chain of fused multiply-adds per output, from zero, in the order of k; then the bias. A matrix that
//   is
//              split by rows over the ranks (epilogue `partial`) has one chain for each of the 8 shards of K, with
//              bounds floor(K s / 8), added as ((0+1)+(2+3))+((4+5)+(6+7)): this rank's shards here, the rest between
//              the ranks.
//   add_rmsnorm, attention   see cpu/cpu_kernels.hpp: fixed lanes, fixed trees, blocks of 64 absolute positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// The width of the reduction tree: the number of shards of K, and the largest number of ranks.
inline constexpr uint32_t reduction_shards = 8;

/// Memory of the backend; zeroed when it is made. Copies share it.
struct float_buffer {
  std::shared_ptr<void> owner;
  float* data = nullptr;
  size_t size = 0;
};

/// A block of rows inside a buffer: row r begins at data + r * stride.
struct rows_view {
  float* data = nullptr;
  size_t stride = 0;
};

/// Rows of an activation begin 16 floats after a multiple of a power of two, usually: else the rows of one product
/// would all fall into the same set of the first cache.
constexpr size_t padded(size_t width) { return width + 16; }
/// A buffer of padded rows.
inline rows_view rows_of(const float_buffer& buffer, size_t width) { return {buffer.data, padded(width)}; }

enum class epilogue : uint8_t {
  /// The product, plus the bias where the matrix has one.
  none,
  /// The two parts are gate and up, with N rows each: silu(gate) * up, N columns; or gelu(gate) * up, with the tanh.
  silu_mul,
  gelu_mul,
  /// The chains over this rank's shards of K, added in the tree; the ranks' sums are to be added by all_reduce_tree.
  partial,
  /// The same chains side by side, not added: (shards, N) columns.
  shards,
};

constexpr bool is_gated(epilogue finish) { return finish == epilogue::silu_mul || finish == epilogue::gelu_mul; }

/// Rows [row_begin, row_end) of a tensor (rows, columns), with columns [column_begin, column_end) of each.
struct weight_part {
  const tensor_view* tensor = nullptr;
  uint64_t row_begin = 0, row_end = 0;
};

/// A matrix as it is loaded: parts one below the other; all with the same columns.
struct matrix_source {
  std::vector<weight_part> parts = {};
  uint64_t column_begin = 0, column_end = 0;
  /// For `none`: one tensor (rows) for each part, or empty; the same rows are taken.
  std::vector<const tensor_view*> biases = {};
  epilogue finish = epilogue::none;
  /// Loaded as f32 whatever the tensors are, so that nothing is rounded before the product.
  bool as_f32 = false;
  /// For `partial` and `shards`: the bounds of this rank's shards of K, relative to column_begin; from 0 to the number
  /// of columns.
  std::vector<uint64_t> shard_bounds = {};
};

/// Loaded weights in the backend's own arrangement.
class matrix {
 public:
  virtual ~matrix() = default;
  /// Columns of the result; of each shard, with `shards`.
  virtual uint64_t outputs() const = 0;
  /// Columns of the input.
  virtual uint64_t inputs() const = 0;
};

/// The paged memory of keys and values, of all layers of this rank.
class kv_memory {
 public:
  virtual ~kv_memory() = default;
};

struct kv_shape {
  uint32_t layers = 0, pages = 0, kv_heads = 0, head_dim = 0;
  /// Kept as bf16, else as f32.
  bool bf16 = false;
};

/// Where a row's token is in its sequence.
struct row_place {
  uint32_t position = 0;
  /// pages[p / 16] holds position p.
  const uint32_t* pages = nullptr;
};

/// What a layer's attention or MLP adds to the residual.
struct sublayer_sum {
  const float* x = nullptr;     // (rows, width), contiguous; nullptr: nothing is added
  const float* bias = nullptr;  // (width), or nullptr
  const float* norm = nullptr;  // (width), or nullptr: the RMSNorm that x + bias goes through first
};

/// Rotary tables (positions, pairs): pair i of a head is its numbers i and i + pairs.
struct rotary_view {
  const float* cosines = nullptr;
  const float* sines = nullptr;
  uint32_t pairs = 0;
};

/// Norms of each head's query and key before they are rotated; or none.
struct head_norms {
  const float* query = nullptr;  // (D)
  const float* key = nullptr;    // (D)
  float eps = 0;
};

/// One of the experts that a row goes through, and the weight of what comes out.
struct expert_use {
  uint32_t expert = 0;
  float weight = 0;
};

/// One of a group of rows, and its weight.
struct weighted_row {
  uint32_t row = 0;
  float weight = 0;
};

struct attention_shape {
  uint32_t heads = 0, kv_heads = 0, head_dim = 0;
  /// Query head h reads key/value head kv_of_head[h].
  std::vector<uint32_t> kv_of_head;
  /// A score is the product of query and key times this, usually 1 / sqrt(D) ...
  float scale = 0;
  /// ... and then softcap * tanh(score / softcap); 0: as it is.
  float softcap = 0;
  /// A row attends to so many positions, its own the last of them; 0: to all before it.
  uint32_t window = 0;
};

class idle_work;
class worker_pool;

class backend {
 public:
  virtual ~backend() = default;

  /// Which arithmetic this is: backends with equal names give equal bits.
  virtual std::string fingerprint() const = 0;
  /// For people: "avx512, 2 threads".
  virtual std::string description() const = 0;

  /// This rank's threads, for what a step needs beside the operations below.
  virtual worker_pool& threads() = 0;

  /// What the thread that runs the steps may do while it waits for other ranks, as thread 0. It lives as long as this.
  virtual idle_work& meanwhile() = 0;

  /// Errors: out_of_memory.
  virtual result<float_buffer> allocate(size_t floats) = 0;
  /// What load_matrix would take.
  virtual uint64_t matrix_bytes(const matrix_source& source) const = 0;
  /// The backend must outlive the result. Errors: out_of_memory.
  virtual result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) = 0;
  /// What reserve_rows() would take once these are loaded.
  virtual uint64_t rows_bytes(std::span<const matrix_source> sources, uint32_t rows) const = 0;
  /// Room for steps of so many rows; after the matrices are loaded, before the first operation. Errors: out_of_memory.
  virtual result<void> reserve_rows(uint32_t rows) = 0;
  /// What one page of all layers takes.
  virtual uint64_t kv_page_bytes(const kv_shape& shape) const = 0;
  /// Errors: out_of_memory.
  virtual result<std::unique_ptr<kv_memory>> make_kv_memory(const kv_shape& shape) = 0;

  /// out = rows * scale.   rows: (T, H), of the embedding.   out: (T, H).
  virtual void embed(const tensor_view& rows, float scale, rows_view out) = 0;
  /// residual += added; out = residual / rms(residual) * weight. Zhang & Sennrich 2019.   weight: (width).
  virtual void add_rmsnorm(const sublayer_sum& added, rows_view residual, const float* weight, float eps, uint32_t rows,
                           size_t width, rows_view out) = 0;
  /// out = finish(x * weights^T).   x: (rows, inputs).   out: (rows, outputs).
  virtual void linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) = 0;
  /// Norms queries and keys where there are norms, rotates them by their positions (Su et al. 2021), stores keys and
  /// values; then each row attends to the positions up to its own, or to the last of them as the window says.
  ///   qkv: (T, Hq + 2 Hkv, D), changed in place.   rows: those of one sequence side by side; no sequence attends to
  ///   what another stores here.   out: (T, Hq, D).
  virtual void attention(const attention_shape& shape, const head_norms& norms, const rotary_view& rotary,
                         rows_view qkv, std::span<const row_place> rows, kv_memory& kv, uint32_t layer,
                         rows_view out) = 0;
  /// x = cap * tanh(x / cap).   x: (rows, width).
  virtual void soft_cap(rows_view x, uint32_t rows, size_t width, float cap) = 0;

  /// Chooses `used` experts for each row: those of the largest probabilities, the first of equals, where the
  /// probabilities are the softmax of the row's logits. Their weights are the probabilities, or with `normalised` these
  /// divided by their sum, which is taken from the largest on.
  ///   logits: (rows, experts), overwritten.   uses: (rows, used), a row's by ascending expert.
  virtual void route(rows_view logits, uint32_t rows, uint32_t experts, uint32_t used, bool normalised,
                     std::span<expert_use> uses) = 0;
  /// out[i] = x[rows[i].row].
  virtual void gather(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view out) = 0;
  /// sums[rows[i].row] = fma(rows[i].weight, x[i], sums[rows[i].row]); no row twice.
  virtual void add_weighted(rows_view x, std::span<const weighted_row> rows, size_t width, rows_view sums) = 0;
  /// x = 0.   x: (rows, width).
  virtual void clear(rows_view x, uint32_t rows, size_t width) = 0;
  /// The tree over the shards: out[r] = ((x[r][0] + x[r][1]) + ...).   x: (rows, shards, width), a power of two of
  /// them.
  virtual void add_shards(rows_view x, uint32_t rows, uint32_t shards, size_t width, rows_view out) = 0;
};

}  // namespace troupe
