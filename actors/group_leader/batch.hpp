// Continuous batching: which streams run, which wait, what goes into the next step, what came out of the last. Pure:
// the group leader's actor brings streams and results in and carries plans and tokens out.
//
//   admit ──▶ waiting ──▶ running ──▶ finished          a stream that has to make room waits again, and is prefilled
//               ▲            │                          anew (preemption by recompute: same bits, so nobody can tell)
//               └────────────┘ preempted
//
// Turns. A stream's turn is its number of admission plus 64 times its priority; the lowest turn goes first, and the
// highest makes room first. So a stream is overtaken by at most 64 (p - q) later ones of priority q, where its own is
// p: none waits for ever. For a slot or pages of a stream that runs, only a stream of lower priority that comes later
// is preempted; the one whose turn is the lowest is never.
//
// A step has one token for each stream that decodes, in their turn; then chunks of prompts (prompt_shares.hpp); then,
// while it is small, tokens that were guessed (draft_source.hpp), which it verifies.
//
// A stream with pooling is a prompt and nothing more: its rows are added up step by step, and it ends with its last
// chunk. One that has to make room begins its sum anew.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "actors/group_leader/sequence.hpp"
#include "actors/group_leader/step_times.hpp"
#include "actors/seams/compute.hpp"
#include "base/result.hpp"
#include "schemas/cluster.hpp"
#include "schemas/request.hpp"

namespace troupe {

struct batch_limits {
  /// Positions of the longest stream.
  uint32_t context_max = 0;
  uint32_t vocab_size = 0;
  uint32_t kv_pages = 0;
  /// Streams in one step.
  uint32_t sequences_max = 32;
  uint32_t waiting_max = 256;
  /// Tokens in one step.
  uint32_t step_tokens_max = 256;
  /// Whether pages of streams that ended or made room are kept for those that begin alike.
  bool prefix_cache = true;
  /// The longest guess for one stream in one step; 0: no speculation.
  uint32_t draft_tokens_max = 0;
  /// So many ids must have occurred together before what followed them is guessed again.
  uint32_t draft_match_min = 3;
  /// Embeddings that one step may finish: what it has to send stays small.
  uint32_t embeddings_max = 32;
};

/// Guesses fill up a step to so many tokens: about as many as cost no more than the weights' way through the memory.
inline constexpr uint32_t draft_step_tokens_max = 16;
/// Of the embeddings that one step finishes: how many that are, depends on the model's width.
inline constexpr uint32_t embedding_step_bytes_max = 1 << 20;
/// How many later streams one step of priority lets through.
inline constexpr int64_t turns_per_priority = 64;

class batch {
 public:
  explicit batch(const batch_limits& limits);

  /// Takes a stream into the waiting queue. After `deadline` it will not begin to run. Errors: invalid_argument (an id
  /// outside the vocabulary, nothing left to generate, a stream that is here already), context_length_exceeded,
  /// out_of_memory (it could never fit), overloaded.
  result<void> admit(const stream_key& key, generate request, instant now = {}, instant deadline = instant::max());

  /// Whether it waits or runs here.
  bool has(const stream_key& key) const { return streams_.contains(key); }
  /// Frees the stream's pages and slot at once, also while a step that contains it is running (its pages then stay
  /// unused until that ends). False where unknown.
  bool cancel(const stream_key& key);
  /// Cancels all of one gateway incarnation's; how many there were.
  size_t cancel_all(const node_name& gateway, uint64_t incarnation);

  /// The next step; nothing while one is running or where there is nothing to do.
  std::optional<step_request> plan(instant now = {});
  /// Streams whose deadline passed while they waited; they are gone. Since the last call.
  std::vector<stream_key> take_expired() { return std::exchange(expired_, {}); }

  struct token_for {
    stream_key key;
    stream_token token;
  };
  /// The tokens of the step that plan() gave last, without those of streams cancelled meanwhile.
  std::vector<token_for> apply(const step_result& result);

  struct embedding_for {
    stream_key key;
    stream_embedding embedding;
  };
  /// Of streams that ended with it; they are gone. Since the last call.
  std::vector<embedding_for> take_embeddings() { return std::exchange(embeddings_, {}); }

  /// Streams of all gateways: those that run and those that wait.
  size_t size() const { return streams_.size(); }
  /// What is known of the load here; the fields about steps are the actor's to fill.
  group_load load() const;
  const page_pool& pages() const { return cache_.pages(); }

 private:
  using in_turn = std::set<sequence*, by_turn>;

  /// What the running step does for one stream, in the order of its plan.
  struct part {
    sequence* stream = nullptr;
    /// The stream's, for it may be gone when the step ends.
    stream_key key;
    uint64_t admission = 0;
    uint32_t tokens = 0;
    std::vector<token_id> guesses;
    /// Whether a token is drawn after it.
    bool is_last = false;
    /// Of how many of the last tokens the rows are pooled.
    uint32_t pooled_rows = 0;
  };
  /// How much of a step's result has been given out.
  struct result_cursor {
    size_t sampled = 0, pooled = 0;
  };

  result<void> check(const generate& request) const;

  // Waiting.
  void expire(instant now);
  void start_waiting(instant now);
  bool try_start(sequence& s);
  void note_found(sequence& s, uint32_t positions);
  std::optional<size_t> displaced_for(const sequence& s, uint32_t need) const;
  void preempt(sequence& s);
  void end(sequence& s);

  // Pages.
  void find_cached(sequence& s);
  void make_known(sequence& s);
  void release(sequence& s);
  bool make_room(sequence& s, uint32_t positions);

  // The step.
  void add_part(sequence& s, uint32_t tokens);
  void plan_decodes(uint32_t& budget);
  void plan_prompts(uint32_t budget);
  void plan_guesses();
  void guess(part& p, uint32_t most);
  step_request write_plan();
  sequence* stream_of(const part& p) const;
  void apply_part(const part& p, const step_result& result, result_cursor& next, std::vector<token_for>& tokens);
  stream_token next_token(sequence& s, const sampled_token& sampled);
  void end_embedding(sequence& s);

  const batch_limits limits_;
  prefix_cache cache_;
  std::map<stream_key, std::unique_ptr<sequence>> streams_;
  in_turn running_;
  in_turn waiting_;
  /// No waiting stream's deadline is before it.
  instant next_deadline_ = instant::max();
  std::vector<stream_key> expired_;
  std::vector<embedding_for> embeddings_;
  /// The stream for which there was no room the last time, and how many pages there were.
  uint64_t blocked_admission_ = 0;
  uint32_t blocked_pages_ = 0;

  std::vector<part> parts_;
  bool step_running_ = false;
  uint64_t step_number_ = 0;
  uint64_t admissions_ = 0;
  /// Pages of streams cancelled while their step runs: the device may still write there.
  std::vector<std::vector<uint32_t>> held_pages_;

  /// What load() counts.
  group_load counted_;
  step_times queue_times_;
};

}  // namespace troupe
