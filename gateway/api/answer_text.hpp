// A completion's answer as OpenAI writes it: as server-sent events while it grows, or as one object when it is
// complete. Both are plain classes without a clock, lock or socket.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "actors/request/answer.hpp"
#include "gateway/api/api_error.hpp"
#include "gateway/api/logprobs_text.hpp"
#include "gateway/api/stream_position.hpp"

namespace troupe {

/// What all chunks of one answer say.
struct answer_identity {
  /// Else a text completion.
  bool chat = false;
  /// "chatcmpl-…", "cmpl-…"
  std::string id;
  /// Unix seconds.
  int64_t created = 0;
  std::string model;
  bool logprobs = false;
  bool include_usage = false;
  /// Each event of a stream has an id that says how far it has come (stream_position).
  bool resumable = false;
};

struct choice_progress {
  choice_position at;
  /// In the choice's text, for text_offset.
  uint64_t characters = 0;
};

/// Writes the events of a stream. Immutable.
class answer_events {
 public:
  explicit answer_events(const answer_identity& identity);

  /// Appends the events for `delta` of the choice `index`; none where it carries nothing to show. The first of a choice
  /// tells the role (chat) or repeats the prompt (`echo`). `all`: of every choice; that of `index` is moved on: take it
  /// back if the events are thrown away.
  void append_delta(std::string& out, uint32_t index, std::span<choice_progress> all, const answer_delta& delta,
                    std::string_view echo) const;
  /// A client that has had `sent` of a choice: without events.
  void resume(choice_progress& progress, const choice_position& sent, std::string_view echo) const;
  /// What is beyond `sent` of a delta, over the rest of which `progress` is moved on. Errors: as beyond().
  result<answer_delta> skip(choice_progress& progress, const choice_position& sent, const answer_delta& delta) const;
  /// The chunk with the usage, if it was asked for, and "[DONE]".
  void append_end(std::string& out, const answer_usage& usage) const;
  /// The error object, after which a stream ends without "[DONE]".
  static void append_error(std::string& out, const api_error& e);

 private:
  void begin_chunk(std::string& out) const { out += head_; }
  void begin_event(std::string& out, uint32_t index, std::span<const choice_progress> all) const;
  void end_choice(std::string& out, const answer_delta& delta, bool with_finish) const;

  bool chat_;
  bool logprobs_;
  bool include_usage_;
  bool resumable_;
  int64_t created_;
  std::string head_;  // From "data: " to the opening bracket of the choices.
  std::string tail_;  // From the closing bracket on.
};

/// Collects an answer that is sent whole.
class collected_answer {
 public:
  /// `echo`: per choice, what stands before it.
  collected_answer(const answer_identity& identity, const std::vector<std::string>& echo);

  void add(uint32_t index, const answer_delta& delta);
  /// Of everything added so far.
  size_t bytes() const { return bytes_; }
  /// OpenAI's object.
  std::string text(const answer_usage& usage) const;

 private:
  struct one_choice {
    std::string text;
    std::string chat_logprobs = {};
    completion_logprobs logprobs;
    finish_reason finish = finish_reason::none;
  };
  void append_choice(std::string& out, size_t index) const;

  answer_identity identity_;
  std::vector<one_choice> choices_;
  size_t bytes_ = 0;
};

}  // namespace troupe
