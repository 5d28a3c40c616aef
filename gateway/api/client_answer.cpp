#include "gateway/api/client_answer.hpp"

#include <utility>

namespace troupe {

result<void> check_position(const answer_form& form, const std::optional<stream_position>& sent) {
  if (!sent || (form.stream && sent->choices.size() == form.echo.size())) return {};
  return error{errc::invalid_argument, "the Last-Event-ID belongs to another stream than this request's"};
}

client_answer::client_answer(const answer_form& form, std::shared_ptr<http_exchange> exchange,
                             const std::optional<stream_position>& sent)
    : exchange_(std::move(exchange)),
      form_(form),
      events_(form.identity),
      collected_(form.identity, form.echo),
      progress_(form.echo.size()),
      sent_(sent) {
  if (!sent_) return;
  for (size_t i = 0; i < progress_.size(); ++i) events_.resume(progress_[i], sent_->choices[i], form_.echo[i]);
}

client_answer::taken client_answer::take(uint32_t choice, const answer_delta& delta) {
  if (ended_) return taken::unseen;
  if (form_.stream) return stream(choice, delta);
  collected_.add(choice, delta);
  if (collected_.bytes() > form_.collected_bytes_max) {
    fail({errc::payload_too_large, "the answer is larger than the " + std::to_string(form_.collected_bytes_max) +
                                       " bytes that are sent at once; ask for it with stream: true"});
  }
  return taken::yes;
}

client_answer::taken client_answer::stream(uint32_t choice, const answer_delta& delta) {
  const choice_progress before = progress_[choice];
  scratch_.clear();
  std::optional<answer_delta> rest;
  if (sent_) {
    auto skipped = events_.skip(progress_[choice], sent_->choices[choice], delta);
    if (!skipped) {
      fail(skipped.err());
      return taken::yes;
    }
    rest = std::move(*skipped);
  }
  events_.append_delta(scratch_, choice, progress_, rest ? *rest : delta, form_.echo[choice]);
  if (scratch_.empty()) return taken::unseen;
  if (!exchange_->write_events(scratch_)) {
    progress_[choice] = before;
    return taken::no;
  }
  streaming_ = true;
  return taken::yes;
}

void client_answer::end(const answer_usage& usage) {
  if (std::exchange(ended_, true)) return;
  if (form_.stream) {
    scratch_.clear();
    events_.append_end(scratch_, usage);
    exchange_->end_events(scratch_, usage, std::nullopt);
  } else {
    exchange_->respond({.body = collected_.text(usage), .usage = usage});
  }
}

void client_answer::fail(const error& why, const answer_usage& usage) {
  if (std::exchange(ended_, true)) return;
  if (!streaming_) {
    exchange_->respond(error_response(why));
    return;
  }
  scratch_.clear();
  answer_events::append_error(scratch_, why);
  exchange_->end_events(scratch_, usage, why);
}

}  // namespace troupe
