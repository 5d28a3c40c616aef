// Python's sorted(): stable, with an order that may fail.
#pragma once

#include <vector>

#include "shards/chat_template/jinja/heap.hpp"
#include "shards/chat_template/jinja/value.hpp"

namespace troupe::jinja {

/// The places of `keys` in ascending (or, `reverse`, descending) order; equal keys keep theirs. Errors: keys without an
/// order.
result<std::vector<size_t>> sorted_places(heap& h, const std::vector<value>& keys, bool reverse);

}  // namespace troupe::jinja
