// The weights of a model: model.safetensors of its folder, or model.safetensors.index.json and its shards, or a GGUF
// file, mapped read-only.
// Pages come from the page cache when they are read, so each rank costs memory for its slice alone, and a restarted one
// finds them there.
//
// Sizes are checked when the files are opened. Truncating a file that is being loaded raises SIGBUS in the reader.
// Later a rank reads rows of the embedding alone, and finds an error where the file has been cut off; overwriting it in
// place changes them: replace a model by renaming, or in a folder of its own.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

class mapped_file;
struct model_config;

/// Moves keep the views valid. Reading from several threads is fine.
class weight_files {
 public:
  /// Opens and checks all headers; reads no weights. With both a single file and an index, the index is used only when
  /// there is no model.safetensors. Of a GGUF file (gguf_file.hpp has what `folder` may be) the tensors get the names
  /// of transformers. Errors name the file: io_failed, corrupt, not_supported.
  static result<weight_files> open(const std::string& folder);

  weight_files(weight_files&&) noexcept;
  weight_files& operator=(weight_files&&) noexcept;
  ~weight_files();

  /// nullptr when there is none of that name. The view lives as long as this object.
  const tensor_view* find(std::string_view name) const;
  /// A tensor to compute with. Errors (corrupt) name the tensor: missing, another shape, or no weight's dtype.
  result<const tensor_view*> weight(std::string_view name, std::span<const uint64_t> shape) const;
  /// All of them, sorted by name.
  std::vector<std::string_view> names() const;
  /// Of the data of all tensors.
  uint64_t bytes() const { return bytes_; }
  /// Gives the memory of what has been read back; the views stay valid. For a rank that has made its own copy.
  void forget() const;
  /// Copies `wanted`, a part of a tensor's data, as mapped_file::read does. Errors: io_failed.
  result<void> read(std::span<const std::byte> wanted, std::byte* to) const;

  /// One file of the folder. Its tensors are in the order of their data.
  struct part {
    /// Of a GGUF file, which may be called anything, "gguf".
    std::string file_name;
    std::span<const std::byte> bytes;
    /// Of all before the data.
    uint64_t header_bytes = 0;
    std::vector<tensor_view> tensors;
  };
  /// Sorted by file name.
  std::span<const part> parts() const { return parts_; }

 private:
  weight_files();
  result<void> add(const std::string& folder, const std::string& file_name);
  result<void> add_gguf(const std::string& path);
  result<void> index(const std::string& path);

  std::vector<std::unique_ptr<mapped_file>> files_;
  std::vector<part> parts_;
  std::map<std::string_view, const tensor_view*> by_name_;
  uint64_t bytes_ = 0;
};

struct expected_tensor {
  std::string name;
  std::vector<uint64_t> shape;
};

/// Every tensor that the model has, in the names and shapes of transformers: linear layers are (outputs, inputs).
std::vector<expected_tensor> expected_tensors(const model_config& config);

/// The number of weights; tied ones count once.
uint64_t parameter_count(const model_config& config);

/// Whether `files` holds the weights of `config`: all of them, with their shapes, in dtypes that we read, and none that
/// we would silently leave out (a q_norm, a bias). The error (corrupt) names the first that is wrong:
/// "model.layers.3.mlp.up_proj.weight has shape [640, 255], expected [640, 256]".
result<void> check_weights(const model_config& config, const weight_files& files);

}  // namespace troupe
