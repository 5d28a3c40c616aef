// One rank's slice of a model's weights, loaded into a backend.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "shards/engine/backend.hpp"
#include "shards/engine/communicator.hpp"

namespace troupe {

struct model_config;
struct rank_slice;
class weight_files;

struct mlp_weights {
  std::unique_ptr<matrix> gate_up;  // (I, hidden), silu_mul or gelu_mul
  std::unique_ptr<matrix> down;     // (hidden, I), partial; of an expert, shards
};

/// Buffers of what a model does not have are empty.
struct layer_weights {
  float_buffer input_norm;         // (hidden)
  std::unique_ptr<matrix> qkv;     // (Hq D + 2 Hkv D, hidden)
  float_buffer query_norm;         // (D)
  float_buffer key_norm;           // (D)
  std::unique_ptr<matrix> output;  // (hidden, Hq D), partial
  float_buffer output_bias;        // (hidden); added once, after the sum over the ranks
  float_buffer output_norm;        // (hidden); of what attention adds
  float_buffer mlp_norm;           // (hidden)
  std::unique_ptr<matrix> router;  // (experts, hidden), on every rank
  std::vector<mlp_weights> mlps;   // one for each expert, or one
  float_buffer down_norm;          // (hidden); of what the MLP adds
};

struct model_weights {
  /// (vocab, hidden), left in its file: a rank needs any row of it, but few at a time.
  const tensor_view* embedding = nullptr;
  const weight_files* files = nullptr;
  std::vector<layer_weights> layers;
  float_buffer final_norm;       // (hidden)
  std::unique_ptr<matrix> head;  // (this rank's vocabulary, hidden)
};

struct model_weights_sizes {
  /// What load_model_weights() would take in the backend.
  uint64_t bytes = 0;
  /// What a step's rows take: what reserve_rows() would.
  uint64_t rows_bytes = 0;
};

/// `rows`: of a step. Errors: corrupt (names the tensor).
result<model_weights_sizes> sizes_of_model_weights(const model_config& config, const rank_slice& slice, uint32_t tp,
                                                   uint32_t rank, const weight_files& files, const backend& device,
                                                   uint32_t rows);

/// `files` must outlive the result. Gives up between layers when the group has ended.
/// Errors: corrupt (names the tensor), out_of_memory, the communicator's.
result<model_weights> load_model_weights(const model_config& config, const rank_slice& slice, uint32_t tp,
                                         uint32_t rank, const weight_files& files, backend& device,
                                         communicator& group);

}  // namespace troupe
