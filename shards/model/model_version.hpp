// The immutable id of a model: what it is made from decides it, not where it lies. Groups of one version may take over
// each other's streams.
#pragma once

#include <string>

#include "base/result.hpp"

namespace troupe {

class weight_files;

/// Up to so many bytes of weights every byte is hashed (0.05 to 0.2 s); beyond it, a sample.
inline constexpr uint64_t model_version_full_bytes_max = 64 << 20;

/// "sha256-<32 hex digits>": SHA-256, cut to 128 bits, over name, size and bytes of config.json,
/// generation_config.json, tokenizer.json, tokenizer.model, tokenizer_config.json and chat_template.jinja (those that
/// exist) and of the weight files. A GGUF file is hashed by itself, without its name.
///
/// Large models, for which reading everything would take minutes at each start, get "sampled-<32 hex digits>": of each
/// weight file the size, the whole header and the first and the last 4096 bytes of each tensor. Two trainings differ in
/// these; damage in the middle of a tensor is not seen.
/// Errors: io_failed.
result<std::string> model_version(const std::string& folder, const weight_files& files);

}  // namespace troupe
