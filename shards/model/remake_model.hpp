// A model folder made from another: some tensors changed, the rest and the files beside them as they were.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

/// A text in a model's folder that it was not trained with: what it is measured by where no other is named.
inline constexpr const char* held_out_file = "held_out.txt";

struct remade_tensor {
  std::string name;
  dtype type = dtype::f32;
  std::vector<uint64_t> shape;
  std::vector<std::byte> bytes;
};

struct model_change {
  /// What becomes of a tensor; nothing: it stays as it is.
  std::function<result<std::optional<remade_tensor>>(const tensor_view&)> remake;
  /// What is written into config.json beside what it says.
  boost::json::object described = {};
  /// Called before each tensor, with how many there are, and after the last.
  std::function<void(size_t done, size_t all)> progress = [](size_t, size_t) {};
};

struct remake_report {
  uint64_t bytes_before = 0, bytes_after = 0;
  size_t changed = 0, kept = 0;
};

/// Whether remake_model() could begin. Errors: conflict (`to` holds a model), not_supported (`from` is quantised or a
/// GGUF file), io_failed, corrupt.
result<void> check_remake(const std::string& from, const std::string& to);

/// Reads the folder `from` (Hugging Face layout, weights of f32, f16 or bf16) and makes the folder `to`. Takes as much
/// memory as the changed tensors. Errors: those of check_remake and of the change; io_failed names the file.
result<remake_report> remake_model(const std::string& from, const std::string& to, const model_change& change);

/// Calls `work(begin, end)` for ranges that cover [0, rows), each on a thread of its own, and returns the error of the
/// first range that has one: for equal errors of equal rows, whatever `threads`.
result<void> for_row_ranges(uint64_t rows, uint32_t threads,
                            const std::function<result<void>(uint64_t begin, uint64_t end)>& work);

/// The elements of one row as f32. Errors: corrupt (one is no finite number; names tensor and row).
result<void> read_finite_row(const tensor_view& tensor, uint64_t row, std::span<float> values);

}  // namespace troupe
