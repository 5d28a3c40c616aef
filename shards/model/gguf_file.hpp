// A GGUF file on disk, and where a model may be one: every function that takes a model folder takes it too.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "shards/model/files.hpp"
#include "shards/model/gguf.hpp"

namespace troupe {

/// Mapped and parsed. Moves keep the views valid.
struct gguf_file {
  std::unique_ptr<mapped_file> file;
  gguf_contents contents;

  /// Errors: those of mapped_file and parse_gguf; they name the path.
  static result<gguf_file> open(const std::string& path);
};

/// The file that `model` means: its path where it ends in .gguf, or the one file of that ending in a folder without a
/// config.json. Nothing where `model` is a folder in Hugging Face layout, or not there at all.
/// Error (invalid_argument): such a folder with several GGUF files.
result<std::optional<std::string>> gguf_path(const std::string& model);

}  // namespace troupe
