#include "tests/unit/gateway/fake_cluster.hpp"

#include <cstdlib>

#include "base/check.hpp"
#include "shards/chat_template/chat_template.hpp"
#include "shards/tokenizer/tokenizer.hpp"

namespace troupe {
namespace {

constexpr std::chrono::seconds patience{30};

class fake_running final : public running_request {
 public:
  explicit fake_running(const std::shared_ptr<fake_stream>& stream) : stream_(stream) {}
  ~fake_running() override {
    if (auto stream = stream_.lock()) stream->note_cancelled();
  }
  void resume() override {
    if (auto stream = stream_.lock()) stream->note_resumed();
  }

 private:
  // As with real actors, what the client's side holds keeps nothing alive.
  std::weak_ptr<fake_stream> stream_;
};

}  // namespace

std::string source_folder() {
  const char* folder = std::getenv("TROUPE_SOURCE_DIR");
  return folder ? folder : ".";
}

bool fake_stream::say(std::string text, uint32_t choice, finish_reason finish) {
  return sink->on_delta({.choice = choice, .text = std::move(text), .logprobs = {}, .finish = finish});
}

void fake_stream::finish(uint32_t completion_tokens, finish_reason why) {
  for (uint32_t i = 0; i < request.choices; ++i) TROUPE_CHECK(say("", i, why));
  sink->on_end({.prompt_tokens = static_cast<uint32_t>(request.prompt.size()), .completion_tokens = completion_tokens});
}

void fake_stream::embed(std::vector<float> values, uint32_t cached_tokens) {
  answer_delta delta;
  delta.embedding = std::move(values);
  delta.finish = finish_reason::stop;
  TROUPE_CHECK(sink->on_delta(delta));
  sink->on_end({.prompt_tokens = static_cast<uint32_t>(request.prompt.size()), .cached_tokens = cached_tokens});
}

void fake_stream::wait_until_cancelled() {
  std::unique_lock lock(mutex_);
  TROUPE_CHECK(changed_.wait_for(lock, patience, [this] { return cancelled_; }));
}

void fake_stream::wait_until_resumed(size_t times) {
  std::unique_lock lock(mutex_);
  TROUPE_CHECK(changed_.wait_for(lock, patience, [&] { return resumed_ >= times; }));
}

bool fake_stream::cancelled() const {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

void fake_stream::note_cancelled() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

void fake_stream::note_resumed() {
  std::lock_guard lock(mutex_);
  ++resumed_;
  changed_.notify_all();
}

fake_cluster::fake_cluster() {
  std::string folder = source_folder() + "/models/troupe-tiny";
  auto tokens = tokenizer::load(folder);
  TROUPE_CHECK(tokens.has_value());
  auto chat = read_chat_template(folder);
  TROUPE_CHECK(chat.has_value());

  tiny = std::make_shared<served_model>();
  tiny->id = "tiny";
  tiny->aliases = {"default"};
  tiny->created = 1'690'000'000;
  tiny->context_max = 1024;
  tiny->vocab_size = static_cast<uint32_t>((*tokens)->vocab_size());
  tiny->hidden = 4;
  tiny->pooling = pooling_kind::mean;
  tiny->eos = {4};
  tiny->tokens = *tokens;
  tiny->chat = std::make_shared<const chat_template_set>(std::move(*chat));
  tiny->defaults.temperature = 0.75F;
  tiny->defaults.top_p = 0.5F;

  plain = std::make_shared<served_model>(*tiny);
  plain->id = "plain";
  plain->aliases.clear();
  plain->context_max = 32;
  plain->chat = nullptr;
  plain->pooling = pooling_kind::last;
  plain->defaults = {};
}

std::shared_ptr<const served_model> fake_cluster::find_model(std::string_view id) const {
  if (id == tiny->id || id == tiny->aliases[0]) return tiny;
  if (id == plain->id) return plain;
  return nullptr;
}

std::vector<std::shared_ptr<const served_model>> fake_cluster::models() const { return {tiny, plain}; }

std::unique_ptr<running_request> fake_cluster::generate(generate_request request, std::shared_ptr<answer_sink> sink) {
  if (instead) return instead(std::move(request), std::move(sink));
  auto stream = std::make_shared<fake_stream>(std::move(request), std::move(sink));
  {
    std::lock_guard lock(mutex_);
    streams_.push_back(stream);
    changed_.notify_all();
  }
  if (script) script(*stream);
  return std::make_unique<fake_running>(stream);
}

readiness fake_cluster::ready() const { return state; }

std::shared_ptr<fake_stream> fake_cluster::stream(size_t i) {
  std::unique_lock lock(mutex_);
  TROUPE_CHECK(changed_.wait_for(lock, patience, [&] { return streams_.size() > i; }));
  return streams_[i];
}

size_t fake_cluster::streams() const {
  std::lock_guard lock(mutex_);
  return streams_.size();
}

}  // namespace troupe
