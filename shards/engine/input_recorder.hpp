// What each matrix of a model is multiplied with while a text goes through it: the sums of squares that pruning by
// activations needs (shards/model/prune_model.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "shards/engine/backend_decorator.hpp"
#include "shards/engine/text_reader.hpp"
#include "shards/model/prune_model.hpp"

namespace troupe {

/// Adds up the squares of the inputs of every product, in f64 and in the order of the rows: the same bits whatever the
/// threads. Of a matrix with several tensors (q, k and v; gate and up) each has the same inputs. For models that are
/// not split: columns are those of the tensors.
class input_recorder final : public backend_decorator {
 public:
  /// `squares` must outlive the backend.
  input_recorder(std::unique_ptr<backend> inner, input_squares& squares)
      : backend_decorator(std::move(inner)), squares_(squares) {}

  result<std::unique_ptr<matrix>> load_matrix(const matrix_source& source) override;
  void linear(const matrix& weights, rows_view x, uint32_t rows, rows_view out) override;

 private:
  input_squares& squares_;
  /// Where each matrix's sums are in squares_.
  std::unordered_map<const matrix*, std::vector<std::vector<double>*>> sums_of_;
};

/// Of all matrices, over the text. `progress` as of likelihood_of(). Errors: those of text_reader.
result<input_squares> record_inputs(
    std::span<const token_id> tokens, const text_reader_options& options,
    const std::function<void(uint64_t done)>& progress = [](uint64_t) {});

}  // namespace troupe
