#include "shards/model/quantise_model.hpp"

#include <optional>
#include <span>
#include <vector>

#include "shards/model/quantise.hpp"
#include "shards/model/quantised_blocks.hpp"

namespace troupe {
namespace {

bool is_matrix(const tensor_view& tensor) {
  // The router of a mixture of experts is small and decides much.
  return tensor.shape.size() == 2 && !has_blocks(tensor.type) && tensor.name.ends_with(".weight") &&
         !tensor.name.ends_with(".mlp.gate.weight") && !tensor.name.ends_with(".block_sparse_moe.gate.weight");
}

bool is_head(const tensor_view& tensor) {
  return tensor.name == "lm_head.weight" || tensor.name.ends_with("embed_tokens.weight");
}

std::optional<dtype> block_type(const tensor_view& tensor, const quantise_options& options) {
  if (!is_matrix(tensor)) return std::nullopt;
  const uint64_t columns = tensor.shape[1];
  if (columns % 32 != 0) return std::nullopt;
  const bool wide = options.group == 128 && columns % 128 == 0;
  const uint32_t bits = is_head(tensor) ? options.head_bits : options.bits;
  if (bits == 8) return wide ? dtype::q8_128 : dtype::q8_0;
  return wide ? dtype::q4_128 : dtype::q4_0;
}

void quantise_row(std::span<const float> values, dtype type, std::byte* to) {
  const size_t elements = block_elements(type);
  for (size_t column = 0; column < values.size(); column += elements, to += block_bytes(type)) {
    const std::span<const float> block = values.subspan(column, elements);
    if (type == dtype::q8_0 || type == dtype::q8_128) {
      quantise_int8(block, to);
    } else {
      quantise_int4(block, {}, to);
    }
  }
}

result<remade_tensor> quantised(const tensor_view& tensor, dtype type, uint32_t threads) {
  const uint64_t rows = tensor.shape[0], columns = tensor.shape[1];
  const uint64_t row_bytes = columns / block_elements(type) * block_bytes(type);
  std::vector<std::byte> bytes(rows * row_bytes);
  const auto quantise_rows = [&](uint64_t begin, uint64_t end) -> result<void> {
    std::vector<float> values(columns);
    for (uint64_t row = begin; row < end; ++row) {
      TROUPE_TRY(read_finite_row(tensor, row, values));
      quantise_row(values, type, bytes.data() + row * row_bytes);
    }
    return {};
  };
  TROUPE_TRY(for_row_ranges(rows, threads, quantise_rows));
  return remade_tensor{tensor.name + "#" + std::string(name(type)), dtype::u8, {rows, row_bytes}, std::move(bytes)};
}

result<void> check_options(const quantise_options& options) {
  const auto known = [](uint32_t bits) { return bits == 8 || bits == 4; };
  if (!known(options.bits) || !known(options.head_bits))
    return error{errc::invalid_argument, "weights are quantised to 8 or 4 bits"};
  if (options.group != 32 && options.group != 128)
    return error{errc::invalid_argument, "groups have 32 or 128 weights, not " + std::to_string(options.group)};
  return {};
}

}  // namespace

result<remake_report> quantise_model(const std::string& from, const std::string& to, const quantise_options& options) {
  TROUPE_TRY(check_options(options));
  const auto remake = [&](const tensor_view& tensor) -> result<std::optional<remade_tensor>> {
    const auto type = block_type(tensor, options);
    if (!type) return std::optional<remade_tensor>();
    TROUPE_ASSIGN(remade_tensor made, quantised(tensor, *type, options.threads));
    return std::optional(std::move(made));
  };
  return remake_model(
      from, to,
      {.remake = remake,
       .described = {{"quantization_config",
                      {{"quant_method", "troupe"}, {"version", quantised_version}, {"bits", options.bits}}}},
       .progress = options.progress});
}

}  // namespace troupe
