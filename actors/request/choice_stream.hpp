// One choice of one request: its committed tokens and the text made of them, or its embedding. Pure; the request actor
// moves tokens in and deltas out. A committed token never changes; whatever group it came from, the index decides
// whether it is the next.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/request/answer.hpp"
#include "actors/request/stop_matcher.hpp"
#include "schemas/request.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {

class choice_stream {
 public:
  choice_stream(uint32_t choice, const generate_request& request, std::shared_ptr<const tokenizer> tokens);

  enum class verdict : uint8_t {
    accepted,
    /// An index that is committed already.
    repeated,
    /// An index beyond the next: something in between was lost.
    gap,
    /// The choice has finished.
    late,
  };
  verdict accept(const stream_token& token);
  /// The whole answer of a stream with pooling. `accepted`, or `late`.
  verdict accept(const stream_embedding& embedding);

  const std::vector<token_id>& committed() const { return committed_; }
  bool finished() const { return finish_ != finish_reason::none; }

  /// Whether there is something that the sink has not taken.
  bool has_delta() const { return !sent_finish_ && (!delta_.text.empty() || finished()); }
  /// Text and logprobs since delta_taken(), and the finish if it came.
  const answer_delta& delta() const { return delta_; }
  void delta_taken();

 private:
  void append(std::string_view text);
  void end(finish_reason why);
  token_logprob describe(const stream_token& token) const;

  bool wants_logprobs_;
  std::shared_ptr<const tokenizer> tokens_;
  stream_decoder decoder_;
  stop_matcher stops_;
  std::vector<token_id> committed_;
  answer_delta delta_;
  finish_reason finish_ = finish_reason::none;
  bool sent_finish_ = false;
};

}  // namespace troupe
