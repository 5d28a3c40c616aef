#include "shards/model/prune_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>
#include <tuple>

#include "shards/model/model_config.hpp"
#include "shards/model/model_parts.hpp"
#include "shards/model/weight_files.hpp"

namespace troupe {
namespace {

using name_set = std::set<std::string, std::less<>>;

name_set pruned_names(const model_config& config) {
  name_set names;
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    const layer_parts parts = parts_of_layer(config, layer);
    for (const tensor_part* part : {&parts.query, &parts.key, &parts.value, &parts.output}) names.insert(part->name);
    for (const mlp_parts& mlp : parts.mlps)
      for (const tensor_part* part : {&mlp.gate, &mlp.up, &mlp.down}) names.insert(part->name);
  }
  return names;
}

error bad_inputs(const std::string& name, const std::string& what) {
  return {errc::invalid_argument, "what was recorded of the inputs of " + name + " " + what};
}

/// The norm of each column's input; all 1 without inputs.
result<std::vector<double>> input_norms(const tensor_view& tensor, const input_squares* inputs) {
  const uint64_t columns = tensor.shape[1];
  if (inputs == nullptr) return std::vector<double>(columns, 1.0);
  const auto found = inputs->find(tensor.name);
  if (found == inputs->end()) return bad_inputs(tensor.name, "is missing");
  if (found->second.size() != columns) {
    return bad_inputs(tensor.name,
                      "has " + std::to_string(found->second.size()) + " columns, not " + std::to_string(columns));
  }
  std::vector<double> norms;
  norms.reserve(columns);
  for (const double square : found->second) {
    if (!std::isfinite(square) || square < 0) return bad_inputs(tensor.name, "has a sum of squares that is none");
    norms.push_back(std::sqrt(square));
  }
  return norms;
}

/// Rows of one matrix.
class row_pruner {
 public:
  row_pruner(std::span<const double> norms, uint64_t zeros)
      : norms_(norms), zeros_(zeros), values_(norms.size()), order_(norms.size()) {}

  /// Sets elements of `row`, the bytes of row `index`, to zero. Returns how many are zero then.
  result<uint64_t> prune(const tensor_view& tensor, uint64_t index, std::span<std::byte> row) {
    TROUPE_TRY(read_finite_row(tensor, index, values_));
    std::iota(order_.begin(), order_.end(), size_t{0});
    const auto end = order_.begin() + static_cast<ptrdiff_t>(zeros_);
    std::nth_element(order_.begin(), end, order_.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    const size_t size = row.size() / values_.size();
    for (const size_t column : std::span(order_).first(zeros_)) {
      std::ranges::fill(row.subspan(column * size, size), std::byte{0});
      values_[column] = 0;
    }
    return static_cast<uint64_t>(std::ranges::count(values_, 0.0F));
  }

 private:
  std::tuple<double, double, size_t> key(size_t column) const {
    const double magnitude = std::abs(values_[column]);
    return {magnitude * norms_[column], magnitude, column};
  }

  std::span<const double> norms_;
  uint64_t zeros_;
  std::vector<float> values_;
  std::vector<size_t> order_;
};

result<remade_tensor> pruned(const tensor_view& tensor, const prune_options& options, prune_report& report) {
  const uint64_t rows = tensor.shape[0], columns = tensor.shape[1];
  TROUPE_ASSIGN(const std::vector<double> norms, input_norms(tensor, options.inputs));
  const auto zeros = static_cast<uint64_t>(std::llround(static_cast<double>(columns) * options.sparsity));
  remade_tensor made{tensor.name, tensor.type, tensor.shape, {tensor.data.begin(), tensor.data.end()}};
  const uint64_t row_bytes = made.bytes.size() / rows;
  std::vector<uint64_t> zeros_of_row(rows);
  const auto prune_rows = [&](uint64_t begin, uint64_t end) -> result<void> {
    row_pruner pruner(norms, zeros);
    for (uint64_t row = begin; row < end; ++row) {
      const std::span<std::byte> bytes = std::span(made.bytes).subspan(row * row_bytes, row_bytes);
      TROUPE_ASSIGN(zeros_of_row[row], pruner.prune(tensor, row, bytes));
    }
    return {};
  };
  TROUPE_TRY(for_row_ranges(rows, options.threads, prune_rows));
  report.zeros = std::accumulate(zeros_of_row.begin(), zeros_of_row.end(), report.zeros);
  report.weights += rows * columns;
  return made;
}

}  // namespace

result<void> check_prune(const std::string& from, const std::string& to, double sparsity) {
  if (sparsity >= 0 && sparsity < 1) return check_remake(from, to);
  return error{errc::invalid_argument, "sparsity must be at least 0 and less than 1, not " + std::to_string(sparsity)};
}

result<prune_report> prune_model(const std::string& from, const std::string& to, const prune_options& options) {
  TROUPE_TRY(check_prune(from, to, options.sparsity));
  TROUPE_ASSIGN(const model_config config, read_model_config(from));
  TROUPE_ASSIGN(const weight_files files, weight_files::open(from));
  TROUPE_TRY(check_weights(config, files));
  const name_set names = pruned_names(config);
  prune_report report;
  const auto remake = [&](const tensor_view& tensor) -> result<std::optional<remade_tensor>> {
    if (!names.contains(tensor.name)) return std::optional<remade_tensor>();
    TROUPE_ASSIGN(remade_tensor made, pruned(tensor, options, report));
    return std::optional(std::move(made));
  };
  TROUPE_ASSIGN(report.folder, remake_model(from, to, {.remake = remake, .progress = options.progress}));
  return report;
}

}  // namespace troupe
