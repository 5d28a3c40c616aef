// A model folder with the less important weights of its matrices set to zero, made from another; same types, same
// sizes. The engine computes with the zeros as with any weight: pruning is for studying a model, or for what comes
// after it, and makes nothing faster here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "shards/model/remake_model.hpp"

namespace troupe {

/// For each matrix of the layers, by its tensor's name: for each of its columns the sum of the squares of what it was
/// multiplied with.
using input_squares = std::map<std::string, std::vector<double>, std::less<>>;

struct prune_options {
  /// Of each row of a pruned matrix, the part that becomes zero; at least 0, less than 1.
  double sparsity = 0.5;
  /// Without: the weights of the smallest |w| go. With: those of the smallest |w_ij| ||x_j||, where x_j is input j over
  /// a text (Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models", section 3).
  const input_squares* inputs = nullptr;
  /// The bytes are the same with any number of them.
  uint32_t threads = 1;
  /// Called before each tensor, with how many there are.
  std::function<void(size_t done, size_t all)> progress = [](size_t, size_t) {};
};

struct prune_report {
  remake_report folder;
  /// Of the pruned matrices, afterwards.
  uint64_t zeros = 0, weights = 0;
};

/// Whether prune_model() could begin, but for what it would read of weights and inputs. Errors: invalid_argument (the
/// sparsity), and those of check_remake.
result<void> check_prune(const std::string& from, const std::string& to, double sparsity);

/// Prunes the attention's and the MLPs' matrices, those of experts too; not embedding, head, router, norms and biases.
/// Weights are compared within their row, that is, for each output alone, by both measures: outputs whose weights are
/// small as a whole keep as many of them as others. So the paper does it; and the number of zeros of each row is known:
/// columns * sparsity, to the nearest. Of equal scores the smaller |w| goes
/// first, then the first column. Takes as much memory as the matrices.
/// Errors: those of check_prune, read_model_config, check_weights and remake_model; invalid_argument (inputs that do
/// not fit the model), corrupt (a weight is no finite number); each names the file or tensor.
result<prune_report> prune_model(const std::string& from, const std::string& to, const prune_options& options);

}  // namespace troupe
