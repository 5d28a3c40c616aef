#include "actors/group_leader/batch.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe {
namespace {

uint32_t pages_for(uint32_t positions) { return (positions + kv_page_positions - 1) / kv_page_positions; }

bool has_penalties(const sampling_params& p) {
  return p.presence_penalty != 0.0F || p.frequency_penalty != 0.0F || p.repetition_penalty != 1.0F;
}

}  // namespace

batch::batch(batch_limits limits) : limits_(limits), pages_(limits.kv_pages) {}

result<void> batch::admit(const stream_key& key, generate request) {
  if (index_.contains(key))
    return {errc::invalid_argument, "stream " + std::to_string(key.stream) + " is here already"};
  if (request.prompt.empty()) return {errc::invalid_argument, "the prompt is empty"};
  if (request.committed.size() >= request.tokens_max) return {errc::invalid_argument, "nothing is left to generate"};
  auto outside = [&](token_id id) { return id >= limits_.vocab_size; };
  if (std::any_of(request.prompt.begin(), request.prompt.end(), outside) ||
      std::any_of(request.committed.begin(), request.committed.end(), outside)) {
    return {errc::invalid_argument, "a token id is outside the vocabulary"};
  }
  uint64_t longest = uint64_t{request.prompt.size()} + request.tokens_max;
  if (longest > limits_.context_max) {
    return {errc::context_length_exceeded, "prompt and max_tokens are " + std::to_string(longest) +
                                               " tokens, the context is " + std::to_string(limits_.context_max)};
  }
  // The last token is never fed back, so it needs no place.
  if (pages_for(static_cast<uint32_t>(longest) - 1) > pages_.total()) {
    return {errc::out_of_memory, std::to_string(longest) + " tokens can never fit a cache of " +
                                     std::to_string(pages_.total() * kv_page_positions) + " positions"};
  }
  if (waiting_.size() >= limits_.waiting_max) {
    return {errc::overloaded, std::to_string(waiting_.size()) + " streams wait already"};
  }
  sequence s;
  s.key = key;
  s.params = std::make_shared<const sampling_params>(std::move(request.sampling));
  s.prompt = std::make_shared<const std::vector<token_id>>(std::move(request.prompt));
  s.generated = std::move(request.committed);
  s.tokens_max = request.tokens_max;
  s.admission = ++admissions_;
  s.eos = std::move(request.eos);
  waiting_.push_back(std::move(s));
  index_[key] = std::prev(waiting_.end());
  return {};
}

void batch::release(sequence& s) {
  if (step_running_ && s.planned) {
    held_pages_.insert(held_pages_.end(), s.pages.begin(), s.pages.end());
    s.pages.clear();
  } else {
    pages_.give_back(s.pages);
  }
}

bool batch::cancel(const stream_key& key) {
  auto at = index_.find(key);
  if (at == index_.end()) return false;
  auto it = at->second;
  release(*it);
  index_.erase(at);
  (it->running ? running_ : waiting_).erase(it);
  return true;
}

size_t batch::cancel_all(const node_name& gateway, uint64_t incarnation) {
  std::vector<stream_key> keys;
  for (const auto& [key, it] : index_) {
    if (key.gateway == gateway && key.incarnation == incarnation) keys.push_back(key);
  }
  for (const auto& key : keys) cancel(key);
  return keys.size();
}

void batch::preempt(sequences::iterator it) {
  pages_.give_back(it->pages);
  it->computed = 0;
  it->running = false;
  ++preemptions_;
  waiting_.splice(waiting_.begin(), running_, it);
}

// Pages for the first `positions` positions of a running stream, if need be by preempting the youngest ones. False
// where all that is younger is in the step already.
bool batch::make_room(sequences::iterator it, uint32_t positions) {
  uint32_t need = pages_for(positions);
  auto have = static_cast<uint32_t>(it->pages.size());
  if (need <= have) return true;
  while (!pages_.take(need - have, it->pages)) {
    auto youngest = std::prev(running_.end());
    if (youngest == it || youngest->planned) return false;
    preempt(youngest);
  }
  return true;
}

// Lets waiting streams in while there is a slot and room for all that they have to prefill, in order.
void batch::start_waiting() {
  while (!waiting_.empty() && running_.size() < limits_.sequences_max) {
    auto& next = waiting_.front();
    uint32_t need = pages_for(next.length());
    // A stream that runs alone may use everything; otherwise a page is kept per running stream, for its next token.
    auto reserve = static_cast<uint32_t>(running_.size());
    if (pages_.free_pages() < need + reserve && !running_.empty()) return;
    if (!pages_.take(std::min(need, pages_.free_pages()), next.pages)) return;
    next.running = true;
    running_.splice(running_.end(), waiting_, waiting_.begin());
  }
}

void batch::add_to(step_request& request, sequences::iterator it, uint32_t tokens) {
  sequence_step step;
  step.first_position = it->computed;
  step.tokens.reserve(tokens);
  for (uint32_t i = 0; i < tokens; ++i) step.tokens.push_back(it->id_at(it->computed + i));
  step.pages.assign(it->pages.begin(), it->pages.begin() + pages_for(it->computed + tokens));
  bool is_last = tokens == it->to_compute();
  step.wants_logits = is_last ? 1 : 0;
  if (is_last) {
    sampling_task task;
    task.sequence = static_cast<uint32_t>(request.plan.sequences.size());
    task.params = it->params;
    task.prompt = it->prompt;
    // The sampler reads ids only for penalties; without them a long stream is not copied at each step.
    if (has_penalties(*it->params)) task.generated = it->generated;
    request.sampling.push_back(std::move(task));
  }
  it->planned = true;
  step_parts_.push_back({it->key, it->admission, tokens, is_last});
  request.plan.sequences.push_back(std::move(step));
}

std::optional<step_request> batch::plan() {
  if (step_running_) return std::nullopt;
  start_waiting();
  step_parts_.clear();
  step_request request;
  uint32_t budget = limits_.step_tokens_max;
  // Streams that decode go first: a long prompt may not make everybody wait. Then prompts, in order of admission.
  for (bool decoding : {true, false}) {
    for (auto it = running_.begin(); it != running_.end() && budget > 0;) {
      if ((it->to_compute() == 1) != decoding || it->planned) {
        ++it;
        continue;
      }
      uint32_t tokens = std::min(budget, it->to_compute());
      bool fits = make_room(it, it->computed + tokens);
      auto here = it++;
      if (fits) {
        add_to(request, here, tokens);
        budget -= tokens;
      } else {
        preempt(here);
      }
    }
  }
  if (request.plan.sequences.empty()) return std::nullopt;
  request.plan.number = ++step_number_;
  step_running_ = true;
  return request;
}

std::optional<stream_token> batch::take_token(sequences::iterator it, const sampled_token& sampled) {
  stream_token token;
  token.stream = it->key.stream;
  token.index = static_cast<uint32_t>(it->generated.size());
  token.id = sampled.id;
  token.logprob = sampled.logprob;
  token.top = sampled.top;
  it->generated.push_back(sampled.id);
  ++generated_tokens_;
  bool is_eos = std::find(it->eos.begin(), it->eos.end(), sampled.id) != it->eos.end();
  if (is_eos && !it->params->ignore_eos) {
    token.finish = finish_reason::stop;
  } else if (it->generated.size() >= it->tokens_max) {
    token.finish = finish_reason::length;
  }
  return token;
}

std::vector<batch::token_for> batch::apply(const step_result& result) {
  TROUPE_CHECK(step_running_ && result.number == step_number_);
  step_running_ = false;
  std::vector<token_for> tokens;
  size_t next_sampled = 0;
  for (const auto& p : step_parts_) {
    const sampled_token* sampled = nullptr;
    if (p.sampled) {
      TROUPE_CHECK(next_sampled < result.sampled.size());
      sampled = &result.sampled[next_sampled++];
    }
    auto at = index_.find(p.key);
    // Cancelled meanwhile, and perhaps come again.
    if (at == index_.end() || at->second->admission != p.admission) continue;
    auto it = at->second;
    it->planned = false;
    if (p.tokens > 1 || !sampled) prefilled_tokens_ += p.tokens;
    it->computed += p.tokens;
    if (!sampled) continue;
    auto token = take_token(it, *sampled);
    bool finished = token->finish != finish_reason::none;
    tokens.push_back({p.key, std::move(*token)});
    if (finished) {
      pages_.give_back(it->pages);
      index_.erase(at);
      running_.erase(it);
    }
  }
  step_parts_.clear();
  pages_.give_back(held_pages_);
  return tokens;
}

group_load batch::load() const {
  group_load l;
  l.running = static_cast<uint32_t>(running_.size());
  l.waiting = static_cast<uint32_t>(waiting_.size());
  for (const auto& s : running_) l.waiting_tokens += s.to_compute() > 1 ? s.to_compute() : 0;
  for (const auto& s : waiting_) l.waiting_tokens += s.to_compute();
  l.kv_pages_used = pages_.used_pages();
  l.kv_pages_total = pages_.total();
  l.sequences_max = limits_.sequences_max;
  l.waiting_max = limits_.waiting_max;
  l.steps = step_number_;
  l.prefilled_tokens = prefilled_tokens_;
  l.generated_tokens = generated_tokens_;
  l.preemptions = preemptions_;
  return l;
}

}  // namespace troupe
