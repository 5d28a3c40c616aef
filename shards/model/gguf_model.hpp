// A model in a GGUF file, in the terms of a model folder: its config.json, its tensors, its tokenizer_config.json. From
// there on nothing knows which of the two it came from.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "shards/model/gguf.hpp"
#include "shards/model/tensor.hpp"

namespace troupe {

struct model_config;

/// Errors: not_supported (an architecture or a feature that we do not compute), corrupt; they name the key.
result<model_config> gguf_model_config(const gguf_contents& file);

/// The tensors under the names of transformers, in the order of their data; what has no name there keeps its own.
/// Errors: not_supported, corrupt (names the tensor).
result<std::vector<tensor_view>> gguf_model_tensors(const gguf_contents& file, const model_config& config);

/// bos_token, eos_token, unk_token and pad_token as texts, and chat_template (a text, or a list of name and template),
/// where the file has them. Errors: corrupt.
result<boost::json::object> gguf_tokenizer_config(const gguf_contents& file);

/// "gpt2, llama-bpe": the kind of tokenizer, and how it splits words, or "none".
result<std::string> gguf_tokenizer_kind(const gguf_contents& file);

}  // namespace troupe
