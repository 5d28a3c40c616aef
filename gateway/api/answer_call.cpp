#include "gateway/api/answer_call.hpp"

#include <utility>

namespace troupe {
namespace {

std::string make_id(std::string_view prefix, random_source& random) {
  std::string id(prefix);
  constexpr char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ__";
  uint64_t bits = 0;
  for (int i = 0; i < 29; ++i) {
    if (i % 10 == 0) bits = random.next();
    id += letters[bits & 63];
    bits >>= 6;
  }
  return id;
}

class answer_call final : public prompts_answer {
 public:
  answer_call(const answer_call_config& config, const answer_form& form, const generation_call& call, const clock& time,
              gateway_metrics& metrics, const std::shared_ptr<http_exchange>& exchange)
      : prompts_answer(config.which, config.arrived, call, time, metrics), client_(form, exchange) {}

 private:
  bool take(uint32_t choice, const answer_delta& delta) override {
    const client_answer::taken taken = client_.take(choice, delta);
    if (taken == client_answer::taken::yes) note_shown();
    if (client_.ended()) note_ended();
    return taken != client_answer::taken::no;
  }
  void end(const answer_usage& usage) override { client_.end(usage); }
  void fail(const error& why, const answer_usage& usage) override { client_.fail(why, usage); }

  client_answer client_;
};

}  // namespace

answer_form form_of(const answer_call_config& config, const generation_call& call, const clock& time,
                    random_source& random) {
  const bool chat = config.which == route::chat_completions;
  answer_form form{
      .identity = {.chat = chat,
                   .id = make_id(chat ? "chatcmpl-" : "cmpl-", random),
                   .created = std::chrono::floor<std::chrono::seconds>(time.wall_now()).time_since_epoch().count(),
                   .model = call.model->id,
                   .logprobs = call.logprobs,
                   .include_usage = call.include_usage},
      .stream = call.stream,
      .echo = {},
      .collected_bytes_max = config.collected_bytes_max};
  for (size_t i = 0; i < call.requests.size(); ++i)
    form.echo.insert(form.echo.end(), call.requests[i].choices, call.echo[i]);
  return form;
}

void start_answer(const answer_call_config& config, generation_call call, cluster_client& cluster, const clock& time,
                  random_source& random, gateway_metrics& metrics, const std::shared_ptr<http_exchange>& exchange) {
  const auto answer =
      std::make_shared<answer_call>(config, form_of(config, call, time, random), call, time, metrics, exchange);
  exchange->started(answer->start(std::move(call.requests), cluster));
}

}  // namespace troupe
