// What a gateway and a group say to each other about one stream of tokens, or one embedding: the plain structs.
// The wire form is in envelope.capnp, the conversion envelope_codec.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"

namespace troupe {

/// How the next token is chosen. The defaults change nothing: plain sampling from the model's distribution.
struct sampling_params {
  /// 0: the most likely token. Else logits are divided by it. In [0, 2].
  float temperature = 1.0F;
  /// Keep the smallest set of candidates whose probabilities reach it. In (0, 1]; 1 keeps all.
  float top_p = 1.0F;
  /// Keep the most likely so many; 0 keeps all.
  uint32_t top_k = 0;
  /// Keep candidates at least so likely relative to the most likely one. In [0, 1].
  float min_p = 0.0F;
  /// Subtracted from the logit of each token generated so far, once; times its count. In [-2, 2].
  float presence_penalty = 0.0F;
  float frequency_penalty = 0.0F;
  /// Divides positive and multiplies negative logits of tokens of the prompt and the output. In (0, 10]; 1 changes
  /// nothing.
  float repetition_penalty = 1.0F;
  /// Added to these logits; at most 1024 entries, each id once.
  std::vector<std::pair<token_id, float>> logit_bias{};
  /// The generator's key; `stream` tells apart the choices of one request. Draws depend on (seed, stream, position)
  /// alone.
  uint64_t seed = 0;
  uint32_t stream = 0;
  /// Go on when the model says it is done.
  bool ignore_eos = false;
  /// How many of the most likely tokens to report beside the chosen one: -1 none and no logprob at all, 0 only the
  /// chosen one's logprob, at most 20.
  int32_t top_logprobs = -1;

  friend bool operator==(const sampling_params&, const sampling_params&) = default;
};

/// Whether the ids so far change the logits.
constexpr bool has_penalties(const sampling_params& p) {
  return p.presence_penalty != 0.0F || p.frequency_penalty != 0.0F || p.repetition_penalty != 1.0F;
}

/// The range of generate::priority.
inline constexpr int32_t priority_least = -100;
inline constexpr int32_t priority_most = 100;

inline constexpr size_t cache_salt_bytes_max = 256;

/// What an embedding is made of: rows of the prompt, as they are after the model's last norm.
enum class pooling_kind : uint8_t {
  /// No embedding: tokens are generated.
  none,
  /// The last token's row.
  last,
  /// The mean of all rows.
  mean,
};

/// Asks a group to continue a stream. Sent again, with more committed tokens, to another group after a failure.
struct generate {
  stream_id stream = 0;
  /// For logs.
  std::string request_id{};
  std::vector<token_id> prompt{};
  /// Tokens that this stream already has, in order: they are prefilled, never sampled again.
  std::vector<token_id> committed{};
  sampling_params sampling{};
  /// Of the whole stream, committed ones included.
  uint32_t tokens_max = 0;
  /// The stream ends after one of these unless sampling.ignore_eos.
  std::vector<token_id> eos{};
  /// Lower goes first; see batch.hpp for what that means.
  int32_t priority = 0;
  /// Streams find each other's prefixes in the cache only where their salts are equal. At most cache_salt_bytes_max.
  std::string cache_salt{};
  /// Not none: the answer is one stream_embedding. Nothing is generated: `committed` is empty, tokens_max 0.
  pooling_kind pooling = pooling_kind::none;

  friend bool operator==(const generate&, const generate&) = default;
};

/// Frees the stream's slot and pages. Unknown streams are ignored.
struct cancel_stream {
  stream_id stream = 0;
  friend bool operator==(const cancel_stream&, const cancel_stream&) = default;
};

enum class finish_reason : uint8_t { none, stop, length };

struct likely_token {
  token_id id = 0;
  float logprob = 0;
  friend bool operator==(const likely_token&, const likely_token&) = default;
};

/// One new token of one stream.
struct stream_token {
  stream_id stream = 0;
  /// Counts the stream's tokens from 0, committed ones included: a gap or a repetition is seen.
  uint32_t index = 0;
  token_id id = 0;
  float logprob = 0;
  std::vector<likely_token> top{};
  finish_reason finish = finish_reason::none;
  /// With the first token that a group makes: how many of the prompt's tokens it found in its prefix cache.
  uint32_t cached = 0;
  friend bool operator==(const stream_token&, const stream_token&) = default;
};

/// The whole answer of a stream with pooling.
struct stream_embedding {
  stream_id stream = 0;
  /// (hidden), of length one; all zero where what was pooled is.
  std::vector<float> values{};
  /// As stream_token::cached.
  uint32_t cached = 0;
  friend bool operator==(const stream_embedding&, const stream_embedding&) = default;
};

/// A stream that the group will not continue. The error says whether another group may.
struct stream_refused {
  stream_id stream = 0;
  error why{};
  friend bool operator==(const stream_refused&, const stream_refused&) = default;
};

/// All that one step of one group has for one gateway.
struct step_tokens {
  uint64_t step = 0;
  std::vector<stream_token> tokens{};
  std::vector<stream_refused> refused{};
  std::vector<stream_embedding> embeddings{};
  friend bool operator==(const step_tokens&, const step_tokens&) = default;
};

}  // namespace troupe
