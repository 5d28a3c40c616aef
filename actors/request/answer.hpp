// What a client asked, once it cannot be invalid any more, and where the answer goes: the border between the gateway's
// HTTP side and the request actor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ids.hpp"
#include "schemas/request.hpp"

namespace troupe {

/// A request whose every field was checked against the model: the prompt fits the context, ids exist, ranges hold.
struct generate_request {
  /// As in the x-request-id header.
  std::string request_id;
  /// The deployment's model id.
  std::string model;
  std::vector<token_id> prompt;
  /// How many independent answers: choice i samples with stream = i.
  uint32_t choices = 1;
  /// Its seed is set, by the client or by the gateway.
  sampling_params sampling;
  /// Per choice; prompt + tokens_max is at most the context.
  uint32_t tokens_max = 0;
  /// An answer ends before the first of these; they are not sent.
  std::vector<std::string> stop;
  /// generate::priority and generate::cache_salt.
  int32_t priority = 0;
  std::string cache_salt;
  /// generate::pooling. Not none: one choice, no tokens; the prompt alone is at most the context.
  pooling_kind pooling = pooling_kind::none;
  /// Text of special tokens is part of the answer (it is not, usually).
  bool keep_special_tokens = false;
  /// From arrival to the last token.
  duration timeout = std::chrono::minutes(10);
};

struct token_logprob {
  token_id id = 0;
  /// The token's own bytes, which need not be valid UTF-8.
  std::string bytes;
  float logprob = 0;
  struct alternative {
    token_id id = 0;
    std::string bytes;
    float logprob = 0;
  };
  std::vector<alternative> top;
};

/// A piece of one choice's answer: valid UTF-8, possibly empty while logprobs or a finish are carried.
struct answer_delta {
  uint32_t choice = 0;
  std::string text;
  /// Of the tokens since the last delta of this choice, where logprobs were asked for.
  std::vector<token_logprob> logprobs;
  /// stream_embedding::values, where there is pooling: the whole answer.
  std::vector<float> embedding{};
  /// Not `none` in the last delta of a choice.
  finish_reason finish = finish_reason::none;
};

struct answer_usage {
  uint32_t prompt_tokens = 0;
  /// Over all choices.
  uint32_t completion_tokens = 0;
  /// Of the prompt, those that every choice found in its group's prefix cache.
  uint32_t cached_tokens = 0;
};

/// Where the request actor puts the answer. Implemented by the HTTP side; called from one actor at a time, on any
/// thread; must not block. After on_end or on_error nothing more comes.
///
/// Who writes an answer holds the last reference to its sink. So one that is destroyed without an end knows that nobody
/// is left to tell it one: the actor died, or the message that was to start it. Then it is the sink that ends the
/// answer, with an error.
class answer_sink {
 public:
  virtual ~answer_sink() = default;
  /// False: the buffer is full and the delta was NOT taken; the actor offers it again after running_request::resume().
  virtual bool on_delta(const answer_delta& delta) = 0;
  /// Every choice has finished.
  virtual void on_end(const answer_usage& usage) = 0;
  virtual void on_error(const error& why) = 0;
};

}  // namespace troupe
