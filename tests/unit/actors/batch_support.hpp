// What the tests of the batch have in common.
#pragma once

#include "actors/group_leader/batch.hpp"

namespace troupe::test {

/// A stream of the one gateway that they have.
inline stream_key key(stream_id stream) { return {"gateway-0", 1, stream}; }

/// So small that streams soon have to wait and to make room.
inline batch_limits small_batch() {
  batch_limits l;
  l.context_max = 256;
  l.vocab_size = 100;
  l.kv_pages = 16;
  l.sequences_max = 4;
  l.waiting_max = 3;
  l.step_tokens_max = 32;
  return l;
}

}  // namespace troupe::test
