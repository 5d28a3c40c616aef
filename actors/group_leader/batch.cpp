#include "actors/group_leader/batch.hpp"

#include <algorithm>

#include "actors/group_leader/prompt_shares.hpp"
#include "base/check.hpp"

namespace troupe {

batch::batch(const batch_limits& limits) : limits_(limits), cache_(limits.kv_pages) {}

// ---- coming and going ---------------------------------------------------------------------------------------------

result<void> batch::admit(const stream_key& key, generate request, instant now, instant deadline) {
  if (streams_.contains(key)) {
    return {errc::invalid_argument, "stream " + std::to_string(key.stream) + " is here already"};
  }
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
  if (pages_for(static_cast<uint32_t>(longest) - 1) > limits_.kv_pages) {
    return {errc::out_of_memory, std::to_string(longest) + " tokens can never fit a cache of " +
                                     std::to_string(uint64_t{limits_.kv_pages} * kv_page_positions) + " positions"};
  }
  if (waiting_.size() >= limits_.waiting_max) {
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
  s->ids = std::make_shared<std::vector<token_id>>(std::move(request.prompt));
  s->ids->insert(s->ids->end(), request.committed.begin(), request.committed.end());
  s->params = std::make_shared<const sampling_params>(std::move(request.sampling));
  s->tokens_max = request.tokens_max;
  s->eos = std::move(request.eos);
  s->cache_salt = std::move(request.cache_salt);
  if (limits_.draft_tokens_max > 0) {
    s->drafts.emplace(limits_.draft_match_min, limits_.draft_tokens_max, static_cast<uint32_t>(longest));
  }
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

// ---- waiting ------------------------------------------------------------------------------------------------------

// Lets waiting streams in, in their turn, while there is a slot and room for all that they have to prefill.
void batch::start_waiting(instant now) {
  while (!waiting_.empty()) {
    auto& s = **waiting_.begin();
    if (!try_start(s)) return;
    if (s.starts++ == 0) queue_times_.add(now - s.admitted);
    counted_.prefix_tokens_queried += s.length();
    note_found(s, s.computed);
    s.running = true;
    waiting_.erase(&s);
    running_.insert(&s);
  }
}

bool batch::try_start(sequence& s) {
  const bool has_slot = running_.size() < limits_.sequences_max;
  if (!has_slot && !may_displace(s, **running_.rbegin())) return false;
  // Looking for a long prompt's pages in each step would cost more than the step.
  if (!running_.empty() && s.admission == blocked_admission_ && cache_.available() <= blocked_pages_) return false;
  find_cached(s);
  const uint32_t need = pages_for(s.length()) - static_cast<uint32_t>(s.pages.size());
  while (true) {
    auto displaced = displaced_for(s, need);
    if (!displaced) break;
    if (*displaced == 0) {
      TROUPE_CHECK(cache_.take(need, s.pages));
      return true;
    }
    preempt(**running_.rbegin());
  }
  release(s);
  blocked_admission_ = s.admission;
  blocked_pages_ = cache_.available();
  return false;
}

// How many running streams must make room before `s`, which needs so many pages more, can run; nothing where that would
// not be enough. Pages that they share with others make it more in the end.
std::optional<size_t> batch::displaced_for(const sequence& s, uint32_t need) const {
  size_t pages = cache_.available(), running = running_.size();
  for (auto at = running_.rbegin();; ++at) {
    // A stream that runs alone may use everything; otherwise a page is kept per running stream, for its next token.
    if (running == 0 || (running < limits_.sequences_max && pages >= need + running)) return running_.size() - running;
    if (at == running_.rend() || !may_displace(s, **at)) return std::nullopt;
    pages += (*at)->pages.size();
    --running;
  }
}

void batch::note_found(sequence& s, uint32_t positions) {
  counted_.prefix_tokens_hit += positions;
  if (s.starts == 1) s.found += positions;
}

void batch::preempt(sequence& s) {
  release(s);
  running_.erase(&s);
  s.running = false;
  waiting_.insert(&s);
  next_deadline_ = std::min(next_deadline_, s.deadline);
  ++counted_.preemptions;
}

// ---- pages --------------------------------------------------------------------------------------------------------

// Goes on behind what others have computed. The last id is always computed, for its logits.
void batch::find_cached(sequence& s) {
  if (!limits_.prefix_cache) return;
  while (s.computed == s.known_pages * kv_page_positions && s.computed + kv_page_positions < s.length()) {
    auto page = cache_.find(s.cache_salt, s.last_known_page(), s.next_page_ids());
    if (!page) return;
    if (s.known_pages < s.pages.size()) {
      std::vector<uint32_t> own{std::exchange(s.pages[s.known_pages], *page)};
      cache_.give_back(own);
    } else {
      s.pages.push_back(*page);
    }
    ++s.known_pages;
    s.computed += kv_page_positions;
  }
}

void batch::make_known(sequence& s) {
  if (!limits_.prefix_cache) return;
  while ((s.known_pages + 1) * kv_page_positions <= s.computed) {
    auto& page = s.pages[s.known_pages];
    page = cache_.add(s.cache_salt, s.last_known_page(), s.next_page_ids(), page);
    ++s.known_pages;
  }
}

void batch::release(sequence& s) {
  if (step_running_ && s.planned) {
    held_pages_.push_back(std::exchange(s.pages, {}));
  } else {
    cache_.give_back(s.pages);
  }
  s.computed = s.known_pages = 0;
}

// Pages for the first `positions` positions of a running stream, if need be by preempting those after it. False where
// none is left that is not in the step already.
bool batch::make_room(sequence& s, uint32_t positions) {
  uint32_t need = pages_for(positions);
  auto have = static_cast<uint32_t>(s.pages.size());
  if (need <= have) return true;
  while (!cache_.take(need - have, s.pages)) {
    auto& last = **running_.rbegin();
    if (&last == &s || last.planned) return false;
    preempt(last);
  }
  return true;
}

// ---- the step -----------------------------------------------------------------------------------------------------

void batch::add_part(sequence& s, uint32_t tokens) {
  parts_.push_back({&s, s.key, s.admission, tokens, {}, tokens == s.to_compute()});
  s.planned = true;
}

void batch::plan_decodes(uint32_t& budget) {
  for (auto at = running_.begin(); at != running_.end() && budget > 0;) {
    auto& s = **at;
    if (s.to_compute() != 1) {
      ++at;
      continue;
    }
    bool fits = make_room(s, s.computed + 1);
    ++at;
    if (fits) {
      add_part(s, 1);
      --budget;
    } else {
      preempt(s);
    }
  }
}

void batch::plan_prompts(uint32_t budget) {
  std::vector<sequence*> streams;
  std::vector<prompt_share> prompts;
  for (auto* s : running_) {
    if (s->planned) continue;
    uint32_t before = s->computed;
    find_cached(*s);
    note_found(*s, s->computed - before);
    streams.push_back(s);
    prompts.push_back({s->computed, s->to_compute(), s->priority, 0});
  }
  share_budget(budget, prompts);
  for (size_t i = 0; i < streams.size(); ++i) {
    if (prompts[i].tokens > 0) add_part(*streams[i], prompts[i].tokens);
  }
}

void batch::plan_guesses() {
  if (limits_.draft_tokens_max == 0) return;
  const uint32_t most = std::min(draft_step_tokens_max, limits_.step_tokens_max);
  uint32_t tokens = 0;
  for (const auto& p : parts_) tokens += p.tokens;
  for (auto& p : parts_) {
    if (tokens >= most) return;
    if (p.tokens != 1 || !p.is_last) continue;
    guess(p, most - tokens);
    tokens += static_cast<uint32_t>(p.guesses.size());
  }
}

void batch::guess(part& p, uint32_t most) {
  auto& s = *p.stream;
  // The last token that it may have is drawn after all guesses.
  most = std::min({most, limits_.draft_tokens_max, s.tokens_max - s.generated() - 1});
  s.drafts->guess(*s.ids, most, p.guesses);
  auto end = std::find_if(p.guesses.begin(), p.guesses.end(), [&](token_id id) { return s.ends_with(id); });
  p.guesses.erase(end, p.guesses.end());
  // Nobody makes room for a guess.
  const size_t positions = size_t{s.computed} + 1 + p.guesses.size();
  if (positions > s.pages.size() * kv_page_positions && cache_.pages().free_pages() > 0) cache_.take(1, s.pages);
  const size_t room = s.pages.size() * kv_page_positions - s.computed - 1;
  p.guesses.resize(std::min(p.guesses.size(), room));
  counted_.drafted_tokens += p.guesses.size();
}

step_request batch::write_plan() {
  step_request request;
  request.plan.number = ++step_number_;
  for (const auto& p : parts_) {
    const auto& s = *p.stream;
    const auto begin = s.ids->begin() + s.computed;
    sequence_step step;
    step.first_position = s.computed;
    step.tokens.reserve(p.tokens + p.guesses.size());
    step.tokens.assign(begin, begin + p.tokens);
    step.tokens.insert(step.tokens.end(), p.guesses.begin(), p.guesses.end());
    const auto positions = s.computed + static_cast<uint32_t>(step.tokens.size());
    step.pages.assign(s.pages.begin(), s.pages.begin() + pages_for(positions));
    if (p.is_last) {
      step.wants_logits = static_cast<uint32_t>(1 + p.guesses.size());
      auto index = static_cast<uint32_t>(request.plan.sequences.size());
      request.sampling.push_back({index, s.params, s.ids, s.prompt_tokens});
    }
    request.plan.sequences.push_back(std::move(step));
  }
  return request;
}

std::optional<step_request> batch::plan(instant now) {
  if (step_running_) return std::nullopt;
  expire(now);
  start_waiting(now);
  parts_.clear();
  uint32_t budget = limits_.step_tokens_max;
  plan_decodes(budget);
  plan_prompts(budget);
  if (parts_.empty()) return std::nullopt;
  plan_guesses();
  step_running_ = true;
  return write_plan();
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

// `next` is the first of the step's tokens that belongs to this part or to one after it.
void batch::apply_part(const part& p, const std::vector<sampled_token>& sampled, size_t& next,
                       std::vector<token_for>& tokens) {
  size_t right = 0, drawn = 0;
  if (p.is_last) {
    while (right < p.guesses.size() && next + right < sampled.size() && sampled[next + right].id == p.guesses[right])
      ++right;
    drawn = right + 1;
    TROUPE_CHECK(next + drawn <= sampled.size());
  }
  const size_t first = std::exchange(next, next + drawn);
  auto* s = stream_of(p);
  if (s == nullptr) return;
  s->planned = false;
  if (p.tokens > 1 || !p.is_last) counted_.prefilled_tokens += p.tokens;
  counted_.accepted_tokens += right;
  if (s->drafts) s->drafts->learn(static_cast<uint32_t>(p.guesses.size()), static_cast<uint32_t>(right));
  for (size_t i = first; i < first + drawn; ++i) tokens.push_back({p.key, next_token(*s, sampled[i])});
  // What was computed for wrong guesses is written over.
  s->computed += p.tokens + static_cast<uint32_t>(right);
  make_known(*s);
  if (drawn > 0 && tokens.back().token.finish != finish_reason::none) end(*s);
}

std::vector<batch::token_for> batch::apply(const step_result& result) {
  TROUPE_CHECK(step_running_ && result.number == step_number_);
  step_running_ = false;
  std::vector<token_for> tokens;
  size_t next = 0;
  for (const auto& p : parts_) apply_part(p, result.sampled, next, tokens);
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
