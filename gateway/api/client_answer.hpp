// An answer on its way to one client: its events as they come, or one object at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/answer_text.hpp"
#include "gateway/api/generation_call.hpp"
#include "gateway/api/http_exchange.hpp"

namespace troupe {

/// How the answers of a call look.
struct answer_form {
  answer_identity identity;
  bool stream = false;
  /// Of each choice, over all prompts: what stands before it.
  std::vector<std::string> echo;
  /// Of an answer that is not streamed.
  size_t collected_bytes_max = 64 << 20;
};

/// Whether a stream of this form can have come so far. Errors: invalid_argument.
result<void> check_position(const answer_form& form, const std::optional<stream_position>& sent);

/// One call at a time.
class client_answer {
 public:
  /// `sent`: what the client of a stream has of it, from an earlier connection; checked.
  client_answer(const answer_form& form, std::shared_ptr<http_exchange> exchange,
                const std::optional<stream_position>& sent = std::nullopt);

  enum class taken : uint8_t {
    /// The client's buffer is full, and nothing was taken.
    no,
    /// There was nothing to show in it.
    unseen,
    yes
  };
  /// What this client cannot be given ends its answer with an error.
  taken take(uint32_t choice, const answer_delta& delta);
  void end(const answer_usage& usage);
  /// `usage`: for the log.
  void fail(const error& why, const answer_usage& usage = {});
  /// Nothing more is to come.
  bool ended() const { return ended_; }

 private:
  taken stream(uint32_t choice, const answer_delta& delta);

  const std::shared_ptr<http_exchange> exchange_;
  const answer_form form_;
  const answer_events events_;
  collected_answer collected_;
  std::vector<choice_progress> progress_;
  std::optional<stream_position> sent_;
  std::string scratch_;
  bool streaming_ = false;
  bool ended_ = false;
};

}  // namespace troupe
