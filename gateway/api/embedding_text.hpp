// Embeddings as OpenAI writes them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// How the numbers of an embedding are written: as JSON numbers, or as the base64 of little-endian f32.
enum class embedding_format : uint8_t { numbers, base64 };

/// What one number takes at most in an answer, in bytes.
constexpr size_t bytes_per_number(embedding_format format) { return format == embedding_format::numbers ? 16 : 6; }

/// {"object":"embedding","index":…,"embedding":…}
void append_embedding(std::string& out, size_t index, std::span<const float> values, embedding_format format);
/// The head and the end of the answer, between which the embeddings stand with commas.
std::string_view embeddings_head();
void append_embeddings_end(std::string& out, std::string_view model, uint32_t prompt_tokens);

}  // namespace troupe
