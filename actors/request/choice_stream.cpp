#include "actors/request/choice_stream.hpp"

#include <algorithm>

#include "base/planted_bug.hpp"

namespace troupe {
namespace {

// Where the prompt shows no text, the answer begins one: a tokenizer that writes a space before the first word of a
// text takes it away again there.
decode_from place_of(const generate_request& request, const tokenizer& tokens) {
  if (request.keep_special_tokens) return decode_from::middle;
  bool shows_nothing =
      std::all_of(request.prompt.begin(), request.prompt.end(), [&](token_id id) { return tokens.is_special(id); });
  return shows_nothing ? decode_from::start : decode_from::middle;
}

}  // namespace

choice_stream::choice_stream(uint32_t choice, const generate_request& request, std::shared_ptr<const tokenizer> tokens)
    : wants_logprobs_(request.sampling.top_logprobs >= 0),
      tokens_(std::move(tokens)),
      decoder_(tokens_, !request.keep_special_tokens, place_of(request, *tokens_)),
      stops_(request.stop) {
  delta_.choice = choice;
}

choice_stream::verdict choice_stream::accept(const stream_token& token) {
  if (finished()) return verdict::late;
  if (token.index < committed_.size() && !makes(planted_bug::accept_repeated_token)) return verdict::repeated;
  if (token.index > committed_.size() && !makes(planted_bug::accept_gap)) return verdict::gap;
  committed_.push_back(token.id);
  if (wants_logprobs_) delta_.logprobs.push_back(describe(token));
  append(decoder_.push(token.id));
  if (!finished() && token.finish != finish_reason::none) {
    append(decoder_.finish());
    if (!finished()) {
      delta_.text += stops_.finish();
      end(token.finish);
    }
  }
  return verdict::accepted;
}

choice_stream::verdict choice_stream::accept(const stream_embedding& embedding) {
  if (finished()) return verdict::late;
  delta_.embedding = embedding.values;
  end(finish_reason::stop);
  return verdict::accepted;
}

void choice_stream::append(std::string_view text) {
  auto piece = stops_.push(text);
  delta_.text += piece.text;
  if (piece.stopped) end(finish_reason::stop);
}

void choice_stream::end(finish_reason why) {
  finish_ = why;
  delta_.finish = why;
}

void choice_stream::delta_taken() {
  sent_finish_ = finished();
  delta_.text.clear();
  delta_.logprobs.clear();
  delta_.embedding.clear();
}

token_logprob choice_stream::describe(const stream_token& token) const {
  token_logprob out;
  out.id = token.id;
  out.bytes = tokens_->token_bytes(token.id);
  out.logprob = token.logprob;
  for (const auto& likely : token.top) {
    out.top.push_back({likely.id, std::string(tokens_->token_bytes(likely.id)), likely.logprob});
  }
  return out;
}

}  // namespace troupe
