// Which pooling a model's makers want for its embeddings, where its files say so.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "schemas/request.hpp"

namespace troupe {

/// What a deployment does: `configured` is "mean", "last", or "auto": what the model's files say, and otherwise last,
/// as vLLM does for models that were made to generate. Errors: those of read_model_pooling.
result<pooling_kind> choose_pooling(std::string_view configured, const std::string& folder);

/// modules.json and the config.json of its pooling, as sentence-transformers writes them beside a model (without a
/// modules.json, 1_Pooling/config.json); of a GGUF file <architecture>.pooling_type, as llama.cpp numbers them. Nothing
/// where there is none of these. Errors: not_supported (another pooling; a layer after it), corrupt, io_failed; they
/// name the file.
result<std::optional<pooling_kind>> read_model_pooling(const std::string& folder);

/// The folder of the pooling in a parsed modules.json; empty where it lists none. Errors: not_supported (names a module
/// that we do not compute), corrupt.
result<std::string> parse_pooling_modules(const boost::json::value& modules);
/// A parsed config.json of a pooling, in the older form (a flag for each mode) or the newer ("pooling_mode"). Errors:
/// not_supported, corrupt.
result<pooling_kind> parse_pooling_config(const boost::json::value& config);

}  // namespace troupe
