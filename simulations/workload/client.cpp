#include "simulations/workload/client.hpp"

#include "shards/tokenizer/tokenizer.hpp"
#include "simulations/seams/hash_model.hpp"

namespace troupe::simulation {

/// What comes back of one request.
class client::answer final : public answer_sink {
 public:
  answer(client& of, generate_request request, std::string name)
      : of_(&of), request_(std::move(request)), name_(std::move(name)), ids_(request_.prompt) {}
  ~answer() override {
    // The request's last writer has gone without a word: the connection ends, and the client sees that.
    if (of_ != nullptr && !ended_) close("cut");
  }

  /// The client is not interested any more.
  void forget() { of_ = nullptr; }

  bool on_delta(const answer_delta& delta) override {
    if (of_ == nullptr) return true;
    if (ended_) violation("I1: a delta after the end");
    for (const char letter : delta.text) check(letter);
    return true;
  }
  void on_end(const answer_usage& usage) override {
    if (of_ == nullptr) return;
    if (ended_) return violation("I1: a second end");
    const size_t got = ids_.size() - request_.prompt.size();
    if (got != request_.tokens_max) violation("I2: an end after " + std::to_string(got) + " tokens");
    if (usage.completion_tokens != got || usage.prompt_tokens != request_.prompt.size())
      violation("I8: the usage is not what came");
    close("complete");
  }
  void on_error(const error& why) override {
    if (of_ == nullptr) return;
    if (ended_) return violation("I1: an error after the end");
    ++of_->tally_.errors[std::string(troupe::name(why.code))];
    close(troupe::name(why.code));
  }

 private:
  void violation(const std::string& what) { of_->tally_.violations.push_back(name_ + ": " + what); }

  void check(char letter) {
    const cluster& where = of_->cluster_;
    const auto right = hash_model::next(ids_, request_.sampling.seed, where.vocab_size());
    ids_.push_back(right);
    ++of_->tally_.tokens;
    if (where.letter(right) != letter) {
      violation("I3: token " + std::to_string(ids_.size() - request_.prompt.size() - 1) + " is " + letter +
                " instead of " + where.letter(right));
    }
  }

  void close(std::string_view how) {
    ended_ = true;
    client& of = *of_;
    ++(how == "complete" ? of.tally_.complete : of.tally_.failed);
    of.cluster_.where().note(
        "clients", "request.ended",
        {{"request", name_}, {"how", how}, {"tokens", uint64_t{ids_.size() - request_.prompt.size()}}});
    of.answer_ = nullptr;
    of.ask_later();
  }

  client* of_;
  generate_request request_;
  std::string name_;
  /// The prompt and what has to follow, as far as it came.
  std::vector<token_id> ids_;
  bool ended_ = false;
};

client::client(cluster& of, tally& to, const client_habits& habits, uint64_t number)
    : cluster_(of),
      tally_(to),
      habits_(habits),
      owner_(of.where().new_owner()),
      random_(of.where().seed(), drawn_by::clients, number),
      keys_(number << 32) {
  ask_later();
}

client::~client() {
  cluster_.where().forget(owner_);
  if (answer_ != nullptr) answer_->forget();
}

void client::ask_later() {
  cluster_.where().after(random_.between(duration{}, habits_.think_max), owner_, [this] { ask(); });
}

generate_request client::make_request() {
  generate_request request;
  request.model = habits_.model;
  request.request_id = std::to_string(++keys_);
  request.prompt.resize(1 + random_.below(habits_.prompt_max));
  for (token_id& id : request.prompt) id = static_cast<token_id>(random_.below(cluster_.vocab_size()));
  request.tokens_max = 1 + static_cast<uint32_t>(random_.below(habits_.tokens_max));
  request.sampling.seed = random_.next();
  request.timeout = habits_.timeout;
  return request;
}

void client::ask() {
  if (stopped_) return;
  gateway_process* gateway = cluster_.any_gateway(random_);
  if (gateway == nullptr) return ask_later();
  auto request = make_request();
  const uint64_t key = keys_;
  const node_name name = gateway->name();
  cluster_.where().note("clients", "request.begun",
                        {{"request", request.request_id},
                         {"gateway", name},
                         {"prompt", uint64_t{request.prompt.size()}},
                         {"tokens", request.tokens_max}});
  ++tally_.begun;
  const auto made = std::make_shared<answer>(*this, request, request.request_id);
  answer_ = made.get();
  if (random_.chance(habits_.leaves)) {
    cluster_.where().after(random_.between(duration{}, duration(std::chrono::seconds(1))), owner_, [this, key, name] {
      if (answer_ == nullptr || keys_ != key) return;
      cluster_.where().note("clients", "request.left", {{"request", key}});
      ++tally_.left;
      answer_->forget();
      answer_ = nullptr;
      if (auto* still = cluster_.gateway(name)) still->leave(key);
      ask_later();
    });
  }
  gateway->begin(key, std::move(request), made);
}

}  // namespace troupe::simulation
