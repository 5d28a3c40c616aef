#include "simulations/workload/client.hpp"

#include <algorithm>

namespace troupe::simulation {
namespace {

constexpr uint64_t shared_texts = 4;

/// One of the texts with which prompts begin: `number`, of a cluster of that seed.
std::vector<token_id> shared_text(uint64_t seed, uint64_t number, uint32_t longest, uint32_t vocab_size) {
  seeded_random random(seed, drawn_by::shared_texts, number);
  std::vector<token_id> text(1 + random.below(longest));
  for (token_id& id : text) id = static_cast<token_id>(random.below(vocab_size));
  return text;
}

}  // namespace

/// What comes back of one request.
class client::answer final : public answer_sink {
 public:
  answer(client& of, std::string name) : of_(&of), lives_(of.lives_), name_(std::move(name)) {}
  ~answer() override {
    // The request's last writer has gone without a word: the connection ends, and the client sees that.
    if (!ended_) close("cut", {});
  }

  /// The client is not interested any more.
  void forget() { of_ = nullptr; }

  bool on_delta(const answer_delta& delta) override {
    if (nobody_reads()) return true;
    if (!ended_ && of_->random_.chance(of_->habits_.pauses)) {
      of_->go_on_later();
      return false;
    }
    of_->tally_.tokens += delta.text.size();
    note("request.delta", {{"request", name_}, {"choice", delta.choice}, {"text", delta.text}});
    return true;
  }
  void on_end(const answer_usage& usage) override { close("complete", usage); }
  void on_error(const error& why) override { close(troupe::name(why.code), {}); }

 private:
  void note(std::string_view what, std::initializer_list<log_field> fields) {
    of_->cluster_.where().note("clients", what, fields);
  }

  void close(std::string_view how, const answer_usage& usage) {
    if (nobody_reads()) return;
    note("request.ended", {{"request", name_},
                           {"how", how},
                           {"prompt_tokens", usage.prompt_tokens},
                           {"tokens", usage.completion_tokens}});
    // Whatever still comes is for checkers to see.
    if (std::exchange(ended_, true)) return;
    ++(how == "complete" ? of_->tally_.complete : of_->tally_.failed);
    of_->answer_ = nullptr;
    of_->go_on();
  }

  bool nobody_reads() const { return of_ == nullptr || !*lives_; }

  client* of_;
  std::shared_ptr<const bool> lives_;
  std::string name_;
  bool ended_ = false;
};

client::client(cluster& of, tally& to, const client_habits& habits, uint64_t number, request_size only,
               std::function<void()> over)
    : cluster_(of),
      tally_(to),
      habits_(habits),
      owner_(of.where().new_owner()),
      random_(of.where().seed(), drawn_by::clients, number),
      key_(number << 32),
      only_(only),
      over_(std::move(over)) {
  if (over_) {
    cluster_.where().soon(owner_, [this] { ask(); });
  } else {
    ask_later();
  }
}

client::~client() {
  cluster_.where().forget(owner_);
  *lives_ = false;
}

void client::ask_later() {
  cluster_.where().after(random_.between(duration{}, habits_.think_max), owner_, [this] { ask(); });
}

void client::go_on() {
  if (over_) {
    over_();
  } else {
    ask_later();
  }
}

generate_request client::make_request() {
  generate_request request;
  request.model = habits_.models[random_.below(habits_.models.size())];
  request.request_id = std::to_string(++key_);
  if (random_.chance(habits_.shares)) {
    request.prompt =
        shared_text(cluster_.where().seed(), random_.below(shared_texts), habits_.shared_max, cluster_.vocab_size());
  }
  uint64_t own = 1 + random_.below(habits_.prompt_max);
  if (only_.prompt > 0) {
    request.prompt.resize(std::min<size_t>(request.prompt.size(), only_.prompt - 1));
    own = only_.prompt - request.prompt.size();
  }
  for (; own > 0; --own) request.prompt.push_back(static_cast<token_id>(random_.below(cluster_.vocab_size())));
  request.tokens_max = only_.tokens > 0 ? only_.tokens : 1 + static_cast<uint32_t>(random_.below(habits_.tokens_max));
  request.choices = 1 + static_cast<uint32_t>(random_.below(habits_.choices_max));
  request.priority = static_cast<int32_t>(random_.below(3)) - 1;
  request.sampling.seed = random_.next();
  request.timeout = habits_.timeout;
  return request;
}

void client::ask() {
  if (stopped_) return;
  gateway_process* gateway = cluster_.any_gateway(random_);
  if (gateway == nullptr) return ask_later();
  auto request = make_request();
  gateway_ = gateway->name();
  std::string prompt;
  for (const token_id id : request.prompt) prompt += cluster_.letter(id);
  cluster_.where().note("clients", "request.begun",
                        {{"request", request.request_id},
                         {"gateway", gateway_},
                         {"model", request.model},
                         {"prompt", prompt},
                         {"seed", uint64_t{request.sampling.seed}},
                         {"choices", request.choices},
                         {"tokens", request.tokens_max}});
  ++tally_.begun;
  const auto made = std::make_shared<answer>(*this, request.request_id);
  answer_ = made.get();
  if (random_.chance(habits_.leaves)) leave_later(gateway_);
  gateway->begin(key_, std::move(request), made);
}

void client::leave_later(const node_name& gateway) {
  const duration after = random_.between(duration{}, duration(std::chrono::seconds(1)));
  cluster_.where().after(after, owner_, [this, key = key_, gateway] {
    if (answer_ == nullptr || key_ != key) return;
    cluster_.where().note("clients", "request.left", {{"request", std::to_string(key)}});
    ++tally_.left;
    answer_->forget();
    answer_ = nullptr;
    if (auto* still = cluster_.gateway(gateway)) still->leave(key);
    go_on();
  });
}

void client::go_on_later() {
  const duration after = random_.between(duration{}, duration(std::chrono::seconds(2)));
  cluster_.where().after(after, owner_, [this, key = key_] {
    if (answer_ == nullptr || key_ != key) return;
    if (auto* still = cluster_.gateway(gateway_)) still->resume(key);
  });
}

}  // namespace troupe::simulation
