// The tokenizer in a GGUF file's metadata: tokens, their kinds, and merges (gpt2: byte-level BPE) or scores (llama:
// SentencePiece). It becomes a tokenizer.json, so that all of tokenizer.hpp holds for it too.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "shards/model/gguf.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {

/// Errors: not_supported (a kind of tokenizer, or a way to split words, that we do not know, by its name), corrupt;
/// they name the key or the token.
result<std::shared_ptr<const tokenizer>> tokenizer_from_gguf(const gguf_contents& file);

}  // namespace troupe
