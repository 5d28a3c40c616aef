#include "actors/group_leader/batch.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/planted_bug.hpp"
#include "shards/pooling/pooling.hpp"

namespace troupe {

batch::batch(const batch_limits& limits) : limits_(limits), cache_(limits.kv_pages) {}

// ---- coming and going ---------------------------------------------------------------------------------------------

// Whether it is well-formed and would fit if it were alone.
result<void> batch::check(const generate& request) const {
  if (request.prompt.empty()) return {errc::invalid_argument, "the prompt is empty"};
  const bool embeds = request.pooling != pooling_kind::none;
  if (embeds && (request.tokens_max > 0 || !request.committed.empty()))
    return {errc::invalid_argument, "nothing is generated where there is pooling"};
  if (!embeds && request.committed.size() >= request.tokens_max)
    return {errc::invalid_argument, "nothing is left to generate"};
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
  // The last token that is generated is never fed back, so it needs no place.
  if (pages_for(static_cast<uint32_t>(longest) - (embeds ? 0 : 1)) > limits_.kv_pages) {
    return {errc::out_of_memory, std::to_string(longest) + " tokens can never fit a cache of " +
                                     std::to_string(uint64_t{limits_.kv_pages} * kv_page_positions) + " positions"};
  }
  return {};
}

result<void> batch::admit(const stream_key& key, generate request, instant now, instant deadline) {
  if (streams_.contains(key)) {
    return {errc::invalid_argument, "stream " + std::to_string(key.stream) + " is here already"};
  }
  TROUPE_TRY(check(request));
  if (waiting_.size() >= limits_.waiting_max && !makes(planted_bug::wait_without_limit)) {
    return {errc::overloaded, std::to_string(waiting_.size()) + " streams wait already"};
  }
  auto s = std::make_unique<sequence>();
  s->key = key;
  s->admission = ++admissions_;
  s->priority = request.priority;
  s->turn = static_cast<int64_t>(s->admission) + turns_per_priority * request.priority;
  s->admitted = now;
  s->deadline = deadline;
  s->prompt_tokens = static_cast<uint32_t>(request.prompt.size());
  if (makes(planted_bug::resume_index_from_zero)) s->prompt_tokens += static_cast<uint32_t>(request.committed.size());
  s->ids = std::make_shared<std::vector<token_id>>(std::move(request.prompt));
  s->ids->insert(s->ids->end(), request.committed.begin(), request.committed.end());
  s->params = std::make_shared<const sampling_params>(std::move(request.sampling));
  s->tokens_max = request.tokens_max;
  s->eos = std::move(request.eos);
  s->cache_salt = std::move(request.cache_salt);
  s->pooling = request.pooling;
  next_deadline_ = std::min(next_deadline_, deadline);
  waiting_.insert(s.get());
  streams_.emplace(key, std::move(s));
  return {};
}

void batch::end(sequence& s) {
  (s.running ? running_ : waiting_).erase(&s);
  release(s);
  streams_.erase(streams_.find(s.key));
}

bool batch::cancel(const stream_key& key) {
  auto at = streams_.find(key);
  if (at == streams_.end()) return false;
  if (makes(planted_bug::leak_pages)) at->second->pages.clear();
  end(*at->second);
  return true;
}

size_t batch::cancel_all(const node_name& gateway, uint64_t incarnation) {
  std::vector<stream_key> keys;
  for (auto at = streams_.lower_bound({gateway, incarnation, 0}); at != streams_.end(); ++at) {
    if (at->first.gateway != gateway || at->first.incarnation != incarnation) break;
    keys.push_back(at->first);
  }
  for (const auto& key : keys) cancel(key);
  return keys.size();
}

void batch::expire(instant now) {
  if (now < next_deadline_) return;
  next_deadline_ = instant::max();
  std::vector<sequence*> late;
  for (auto* s : waiting_) {
    if (s->deadline <= now) {
      late.push_back(s);
    } else {
      next_deadline_ = std::min(next_deadline_, s->deadline);
    }
  }
  for (auto* s : late) {
    expired_.push_back(s->key);
    end(*s);
  }
}

// ---- its result ---------------------------------------------------------------------------------------------------

sequence* batch::stream_of(const part& p) const {
  auto at = streams_.find(p.key);
  // Cancelled meanwhile, and perhaps come again.
  return at == streams_.end() || at->second->admission != p.admission ? nullptr : at->second.get();
}

stream_token batch::next_token(sequence& s, const sampled_token& sampled) {
  stream_token token;
  token.stream = s.key.stream;
  token.index = s.generated();
  token.id = sampled.id;
  token.logprob = sampled.logprob;
  token.top = sampled.top;
  if (!std::exchange(s.told_found, true)) token.cached = std::min(s.found, s.prompt_tokens);
  s.ids->push_back(sampled.id);
  ++counted_.generated_tokens;
  if (s.ends_with(sampled.id)) {
    token.finish = finish_reason::stop;
  } else if (s.generated() >= s.tokens_max) {
    token.finish = finish_reason::length;
  }
  return token;
}

void batch::end_embedding(sequence& s) {
  stream_embedding embedding;
  embedding.stream = s.key.stream;
  embedding.values = unit_vector(s.pooled);
  embedding.cached = std::min(s.found, s.prompt_tokens);
  embeddings_.push_back({s.key, std::move(embedding)});
  end(s);
}

// `next`: the first of the step's tokens and sums that belong to this part or to one after it.
void batch::apply_part(const part& p, const step_result& result, result_cursor& next, std::vector<token_for>& tokens) {
  const auto& sampled = result.sampled;
  size_t right = 0, drawn = 0;
  if (p.is_last) {
    while (right < p.guesses.size() && next.sampled + right < sampled.size() &&
           sampled[next.sampled + right].id == p.guesses[right])
      ++right;
    drawn = right + 1;
    TROUPE_CHECK(next.sampled + drawn <= sampled.size());
  }
  const size_t first = std::exchange(next.sampled, next.sampled + drawn);
  const size_t sum = std::exchange(next.pooled, next.pooled + (p.pooled_rows > 0 ? 1 : 0));
  TROUPE_CHECK(next.pooled <= result.pooled.size());
  auto* s = stream_of(p);
  if (s == nullptr) return;
  s->planned = false;
  if (p.tokens > 1 || !p.is_last) counted_.prefilled_tokens += p.tokens;
  counted_.accepted_tokens += right;
  if (s->drafts) s->drafts->learn(static_cast<uint32_t>(p.guesses.size()), static_cast<uint32_t>(right));
  for (size_t i = first; i < first + drawn; ++i) tokens.push_back({p.key, next_token(*s, sampled[i])});
  // What was computed for wrong guesses is written over.
  s->computed += p.tokens + static_cast<uint32_t>(right);
  if (makes(planted_bug::count_wrong_guess) && right < p.guesses.size()) ++s->computed;
  make_known(*s);
  if (p.pooled_rows > 0) s->pooled = result.pooled[sum];
  if (s->is_embedding() && s->to_compute() == 0) return end_embedding(*s);
  if (drawn > 0 && tokens.back().token.finish != finish_reason::none) end(*s);
}

std::vector<batch::token_for> batch::apply(const step_result& result) {
  TROUPE_CHECK(step_running_ && result.number == step_number_);
  step_running_ = false;
  std::vector<token_for> tokens;
  result_cursor next;
  for (const auto& p : parts_) apply_part(p, result, next, tokens);
  parts_.clear();
  for (auto& pages : held_pages_) cache_.give_back(pages);
  held_pages_.clear();
  TROUPE_CHECK(pages().conserved());
  return tokens;
}

group_load batch::load() const {
  group_load l = counted_;
  l.running = static_cast<uint32_t>(running_.size());
  l.waiting = static_cast<uint32_t>(waiting_.size());
  for (const auto* s : running_) l.waiting_tokens += s->to_compute() > 1 ? s->to_compute() : 0;
  for (const auto* s : waiting_) l.waiting_tokens += s->to_compute();
  l.kv_pages_used = pages().used_pages();
  l.kv_pages_cached = pages().kept_pages();
  l.kv_pages_total = pages().total();
  l.sequences_max = limits_.sequences_max;
  l.waiting_max = limits_.waiting_max;
  l.steps = step_number_;
  l.prefix_pages_evicted = cache_.evictions();
  l.queue_us_p50 = queue_times_.percentile_us(0.5);
  l.queue_us_p99 = queue_times_.percentile_us(0.99);
  return l;
}

}  // namespace troupe
