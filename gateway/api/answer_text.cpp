#include "gateway/api/answer_text.hpp"

#include <utility>

#include "base/log.hpp"
#include "gateway/api/json_text.hpp"

namespace troupe {
namespace {

void append_finish(std::string& out, finish_reason finish) {
  switch (finish) {
    case finish_reason::none: out += "null"; break;
    case finish_reason::stop: out += R"("stop")"; break;
    case finish_reason::length: out += R"("length")"; break;
  }
}

void append_usage(std::string& out, const answer_usage& usage) {
  out += R"({"prompt_tokens":)";
  append_json_integer(out, usage.prompt_tokens);
  out += R"(,"completion_tokens":)";
  append_json_integer(out, usage.completion_tokens);
  out += R"(,"total_tokens":)";
  append_json_integer(out, int64_t{usage.prompt_tokens} + usage.completion_tokens);
  out += R"(,"prompt_tokens_details":{"cached_tokens":)";
  append_json_integer(out, usage.cached_tokens);
  out += "}}";
}

void append_identity(std::string& out, const answer_identity& identity, std::string_view object) {
  out += R"({"id":)";
  append_json_string(out, identity.id);
  out += R"(,"object":")";
  out += object;
  out += R"(","created":)";
  append_json_integer(out, identity.created);
  out += R"(,"model":)";
  append_json_string(out, identity.model);
  out += R"(,"choices":[)";
}

}  // namespace

answer_events::answer_events(const answer_identity& identity)
    : chat_(identity.chat),
      logprobs_(identity.logprobs),
      include_usage_(identity.include_usage),
      resumable_(identity.resumable),
      created_(identity.created),
      head_("data: "),
      tail_(identity.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n") {
  append_identity(head_, identity, chat_ ? "chat.completion.chunk" : "text_completion");
}

void answer_events::begin_event(std::string& out, uint32_t index, std::span<const choice_progress> all) const {
  if (resumable_) {
    out += "id: ";
    append_json_integer(out, created_);
    for (const choice_progress& choice : all) {
      out += ';';
      append_position(out, choice.at);
    }
    out += '\n';
  }
  begin_chunk(out);
  out += R"({"index":)";
  append_json_integer(out, index);
}

// After the delta or the text: the logprobs, the finish and the end of the event.
void answer_events::end_choice(std::string& out, const answer_delta& delta, bool with_finish) const {
  out += R"(,"finish_reason":)";
  append_finish(out, with_finish ? delta.finish : finish_reason::none);
  out += '}';
  out += tail_;
}

void answer_events::append_delta(std::string& out, uint32_t index, std::span<choice_progress> all,
                                 const answer_delta& delta, std::string_view echo) const {
  bool has_logprobs = logprobs_ && !delta.logprobs.empty();
  bool finished = delta.finish != finish_reason::none;
  if (delta.text.empty() && !has_logprobs && !finished) return;
  choice_progress& progress = all[index];
  auto begin = [&](std::string_view then) {
    begin_event(out, index, all);
    out += then;
  };
  bool first = !std::exchange(progress.at.begun, true);
  const uint64_t tokens = has_logprobs ? delta.logprobs.size() : 0;
  if (chat_) {
    if (first) {
      begin(R"(,"delta":{"role":"assistant","content":""},"logprobs":null)");
      end_choice(out, delta, false);
    }
    if (!delta.text.empty() || has_logprobs) {
      progress.at.add(delta.text, tokens);
      begin(R"(,"delta":{"content":)");
      append_json_string(out, delta.text);
      out += R"(},"logprobs":)";
      if (has_logprobs) {
        out += R"({"content":[)";
        append_chat_logprobs(out, delta.logprobs);
        out += R"(],"refusal":null})";
      } else {
        out += "null";
      }
      end_choice(out, delta, false);
    }
    if (finished) {
      progress.at.finished = true;
      begin(R"(,"delta":{},"logprobs":null)");
      end_choice(out, delta, true);
    }
    return;
  }
  progress.at.add(delta.text, tokens);
  progress.at.finished = finished;
  begin(R"(,"text":")");
  if (first) {
    append_json_escaped(out, echo);
    progress.characters = characters_begun(echo);
  }
  append_json_escaped(out, delta.text);
  out += R"(","logprobs":)";
  if (has_logprobs) {
    completion_logprobs columns(progress.characters);
    columns.add(delta.logprobs);
    columns.append_to(out);
    progress.characters = columns.characters();
  } else {
    out += "null";
  }
  end_choice(out, delta, true);
}

void answer_events::resume(choice_progress& progress, const choice_position& sent, std::string_view echo) const {
  progress.at.begun = sent.begun;
  if (sent.begun) progress.characters = characters_begun(echo);
}

result<answer_delta> answer_events::skip(choice_progress& progress, const choice_position& sent,
                                         const answer_delta& delta) const {
  const uint64_t tokens = progress.at.tokens;
  TROUPE_ASSIGN(answer_delta rest, beyond(sent, progress.at, delta));
  completion_logprobs had(progress.characters);
  had.add(std::span(delta.logprobs).first(progress.at.tokens - tokens));
  progress.characters = had.characters();
  return rest;
}

void answer_events::append_end(std::string& out, const answer_usage& usage) const {
  if (include_usage_) {
    begin_chunk(out);
    out += R"(],"usage":)";
    append_usage(out, usage);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
}

void answer_events::append_error(std::string& out, const api_error& e) {
  out += "data: ";
  out += error_object(e);
  out += "\n\n";
}

collected_answer::collected_answer(const answer_identity& identity, const std::vector<std::string>& echo)
    : identity_(identity) {
  choices_.reserve(echo.size());
  for (const auto& before : echo) {
    choices_.push_back({.text = before, .logprobs = completion_logprobs(characters_begun(before))});
    bytes_ += before.size();
  }
}

void collected_answer::add(uint32_t index, const answer_delta& delta) {
  auto& choice = choices_.at(index);
  choice.text += delta.text;
  bytes_ += delta.text.size();
  if (delta.finish != finish_reason::none) choice.finish = delta.finish;
  if (!identity_.logprobs || delta.logprobs.empty()) return;
  if (identity_.chat) {
    size_t before = choice.chat_logprobs.size();
    if (before > 0) choice.chat_logprobs += ',';
    append_chat_logprobs(choice.chat_logprobs, delta.logprobs);
    bytes_ += choice.chat_logprobs.size() - before;
  } else {
    size_t before = choice.logprobs.size();
    choice.logprobs.add(delta.logprobs);
    bytes_ += choice.logprobs.size() - before;
  }
}

void collected_answer::append_choice(std::string& out, size_t index) const {
  const auto& choice = choices_[index];
  out += R"({"index":)";
  append_json_integer(out, static_cast<int64_t>(index));
  if (identity_.chat) {
    out += R"(,"message":{"role":"assistant","content":)";
    append_json_string(out, choice.text);
    out += R"(,"refusal":null})";
  } else {
    out += R"(,"text":)";
    append_json_string(out, choice.text);
  }
  out += R"(,"logprobs":)";
  if (!identity_.logprobs) {
    out += "null";
  } else if (identity_.chat) {
    out += R"({"content":[)";
    out += choice.chat_logprobs;
    out += R"(],"refusal":null})";
  } else {
    choice.logprobs.append_to(out);
  }
  out += R"(,"finish_reason":)";
  append_finish(out, choice.finish);
  out += '}';
}

std::string collected_answer::text(const answer_usage& usage) const {
  std::string out;
  out.reserve(bytes_ + bytes_ / 8 + 512);
  append_identity(out, identity_, identity_.chat ? "chat.completion" : "text_completion");
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (i > 0) out += ',';
    append_choice(out, i);
  }
  out += R"(],"usage":)";
  append_usage(out, usage);
  out += '}';
  return out;
}

}  // namespace troupe
