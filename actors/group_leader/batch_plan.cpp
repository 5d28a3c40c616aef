// The batch's plans: who starts, who makes room, what goes into the next step.
#include <algorithm>

#include "actors/group_leader/batch.hpp"
#include "actors/group_leader/prompt_shares.hpp"
#include "base/buggify.hpp"
#include "base/check.hpp"
#include "base/planted_bug.hpp"

namespace troupe {

// ---- waiting ------------------------------------------------------------------------------------------------------

// Lets waiting streams in, in their turn, while there is a slot and room for all that they have to prefill.
void batch::start_waiting(instant now) {
  while (!waiting_.empty()) {
    auto& s = **waiting_.begin();
    if (!try_start(s)) return;
    if (s.starts++ == 0) queue_times_.add(now - s.admitted);
    if (s.uses_cache()) counted_.prefix_tokens_queried += s.length();
    note_found(s, s.computed);
    s.running = true;
    waiting_.erase(&s);
    running_.insert(&s);
  }
}

bool batch::try_start(sequence& s) {
  const bool has_slot = running_.size() < limits_.sequences_max + (makes(planted_bug::run_one_too_many) ? 1 : 0);
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
    const size_t slots = limits_.sequences_max + (makes(planted_bug::run_one_too_many) ? 1 : 0);
    if (running == 0 || (running < slots && pages >= need + running)) return running_.size() - running;
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
  const uint32_t computed = s.computed;
  release(s);
  if (makes(planted_bug::keep_computed_of_preempted)) s.computed = computed;
  running_.erase(&s);
  s.running = false;
  if (!makes(planted_bug::forget_preempted)) waiting_.insert(&s);
  next_deadline_ = std::min(next_deadline_, s.deadline);
  ++counted_.preemptions;
}

// ---- pages --------------------------------------------------------------------------------------------------------

// Goes on behind what others have computed. The last id is always computed, for its logits or its row.
void batch::find_cached(sequence& s) {
  if (!limits_.prefix_cache || !s.uses_cache() || buggify(buggify_point::prefix_not_found)) return;
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
  if (!limits_.prefix_cache || !s.uses_cache()) return;
  const uint32_t early = makes(planted_bug::know_page_too_early) ? 1 : 0;
  while ((s.known_pages + 1) * kv_page_positions <= s.computed + early) {
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
  s.pooled.clear();
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
  const bool is_last = tokens == s.to_compute();
  part p{&s, s.key, s.admission, tokens, {}, is_last && !s.is_embedding(), 0};
  if (s.pooling == pooling_kind::mean) p.pooled_rows = tokens;
  if (s.pooling == pooling_kind::last) p.pooled_rows = is_last ? 1 : 0;
  parts_.push_back(std::move(p));
  s.planned = true;
}

void batch::plan_decodes(uint32_t& budget) {
  for (auto at = running_.begin(); at != running_.end() && budget > 0;) {
    auto& s = **at;
    if (s.to_compute() != 1 || s.is_embedding()) {
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
  uint32_t embeddings = 0;
  for (size_t i = 0; i < streams.size(); ++i) {
    if (prompts[i].tokens == 0) continue;
    const bool ends = streams[i]->is_embedding() && prompts[i].tokens == streams[i]->to_compute();
    if (ends && ++embeddings > limits_.embeddings_max) continue;
    add_part(*streams[i], prompts[i].tokens);
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
  // Made here, not for streams that wait: the index of a long one has some hundred kilobytes.
  if (!s.drafts) {
    s.drafts.emplace(limits_.draft_match_min, limits_.draft_tokens_max, s.prompt_tokens + s.tokens_max);
  }
  s.drafts->guess(*s.ids, most, p.guesses);
  if (buggify(buggify_point::wrong_guess))
    for (token_id& id : p.guesses) id = (id + 1) % limits_.vocab_size;
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
    auto& s = *p.stream;
    const auto begin = s.ids->begin() + s.computed;
    sequence_step step;
    step.first_position = s.computed;
    step.tokens.reserve(p.tokens + p.guesses.size());
    step.tokens.assign(begin, begin + p.tokens);
    step.tokens.insert(step.tokens.end(), p.guesses.begin(), p.guesses.end());
    const auto positions = s.computed + static_cast<uint32_t>(step.tokens.size());
    step.pages.assign(s.pages.begin(), s.pages.begin() + pages_for(positions));
    const auto index = static_cast<uint32_t>(request.plan.sequences.size());
    if (p.is_last) {
      step.wants_logits = static_cast<uint32_t>(1 + p.guesses.size());
      request.sampling.push_back({index, s.params, s.ids, s.prompt_tokens});
    }
    step.wants_hidden = p.pooled_rows;
    if (p.pooled_rows > 0) request.pooling.push_back({index, std::exchange(s.pooled, {})});
    request.plan.sequences.push_back(std::move(step));
  }
  return request;
}

std::optional<step_request> batch::plan(instant now) {
  if (step_running_) return std::nullopt;
  expire(now);
  start_waiting(now);
  if (running_.size() > 1 && buggify(buggify_point::needless_preemption)) preempt(**running_.rbegin());
  parts_.clear();
  constexpr uint32_t few = 3;
  uint32_t budget = limits_.step_tokens_max;
  if (buggify(buggify_point::small_step)) budget = std::min(budget, few);
  plan_decodes(budget);
  plan_prompts(budget);
  if (parts_.empty()) return std::nullopt;
  plan_guesses();
  step_running_ = true;
  return write_plan();
}

}  // namespace troupe
