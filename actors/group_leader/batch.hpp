// Continuous batching: which streams run, which wait, what goes into the next step, what came out of the last. Pure:
// the group leader's actor brings streams and results in and carries plans and tokens out.
//
//   admit ──▶ waiting ──▶ running ──▶ finished          a stream that has to make room goes back to the front of the
//               ▲            │                          waiting ones and is prefilled anew (preemption by recompute:
//               └────────────┘ preempted                same bits, so nobody can tell)
#pragma once

#include <compare>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "actors/group_leader/page_pool.hpp"
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
  /// Tokens in one step: first one for each stream that decodes, the rest for chunks of prompts.
  uint32_t step_tokens_max = 256;
};

/// A stream of one incarnation of one gateway.
struct stream_key {
  node_name gateway;
  uint64_t incarnation = 0;
  stream_id stream = 0;

  friend auto operator<=>(const stream_key&, const stream_key&) = default;
};

class batch {
 public:
  explicit batch(batch_limits limits);

  /// Takes a stream into the waiting queue. Errors: invalid_argument (an id outside the vocabulary, nothing left to
  /// generate, a stream that is here already), context_length_exceeded, out_of_memory (it could never fit), overloaded.
  result<void> admit(const stream_key& key, generate request);

  /// Frees the stream's pages and slot at once, also while a step that contains it is running. False where unknown.
  bool cancel(const stream_key& key);
  /// Cancels all of one gateway incarnation's; how many there were.
  size_t cancel_all(const node_name& gateway, uint64_t incarnation);

  /// The next step; nothing while one is running or where there is nothing to do.
  std::optional<step_request> plan();

  struct token_for {
    stream_key key;
    stream_token token;
  };
  /// The tokens of the step that plan() gave last, without those of streams cancelled meanwhile.
  std::vector<token_for> apply(const step_result& result);

  /// Streams of all gateways: those that run and those that wait.
  size_t size() const { return running_.size() + waiting_.size(); }
  /// What is known of the load here; the latency fields are the actor's to fill.
  group_load load() const;
  const page_pool& pages() const { return pages_; }

 private:
  struct sequence {
    stream_key key;
    std::shared_ptr<const sampling_params> params;
    std::shared_ptr<const std::vector<token_id>> prompt;
    /// Committed ones included.
    std::vector<token_id> generated;
    uint32_t tokens_max = 0;
    std::vector<token_id> eos;
    /// Positions whose keys and values are in the pages.
    uint32_t computed = 0;
    std::vector<uint32_t> pages;
    bool running = false;
    /// Part of the step that runs, or of the one that is being planned.
    bool planned = false;
    /// Tells it from an earlier stream of the same key, of which a step may still be running.
    uint64_t admission = 0;

    uint32_t length() const { return static_cast<uint32_t>(prompt->size() + generated.size()); }
    uint32_t to_compute() const { return length() - computed; }
    token_id id_at(uint32_t position) const {
      return position < prompt->size() ? (*prompt)[position] : generated[position - prompt->size()];
    }
  };
  using sequences = std::list<sequence>;

  void start_waiting();
  bool make_room(sequences::iterator it, uint32_t positions);
  void add_to(step_request& request, sequences::iterator it, uint32_t tokens);
  void release(sequence& s);
  void preempt(sequences::iterator it);
  std::optional<stream_token> take_token(sequences::iterator it, const sampled_token& sampled);

  batch_limits limits_;
  page_pool pages_;
  /// In order of admission: the last is the first to make room.
  sequences running_;
  sequences waiting_;
  /// Where each stream is: one lookup for a cancel.
  std::map<stream_key, sequences::iterator> index_;

  /// What the running step does, in the order of its plan: the stream, how many tokens, whether one is sampled.
  struct part {
    stream_key key;
    uint64_t admission = 0;
    uint32_t tokens = 0;
    bool sampled = false;
  };
  std::vector<part> step_parts_;
  bool step_running_ = false;
  uint64_t step_number_ = 0;
  uint64_t admissions_ = 0;
  /// Pages of streams cancelled while their step runs: the device may still write there.
  std::vector<uint32_t> held_pages_;

  uint64_t prefilled_tokens_ = 0;
  uint64_t generated_tokens_ = 0;
  uint64_t preemptions_ = 0;
};

}  // namespace troupe
