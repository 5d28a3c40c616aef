#include "shards/chat_template/jinja/sort.hpp"

#include <algorithm>

#include "shards/chat_template/jinja/operators.hpp"

namespace troupe::jinja {

// A merge sort from the bottom up: std::stable_sort cannot stop at an error.
result<std::vector<size_t>> sorted_places(heap& h, const std::vector<value>& keys, bool reverse) {
  std::vector<size_t> places(keys.size()), merged(keys.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (size_t width = 1; width < keys.size(); width *= 2) {
    for (size_t begin = 0; begin < keys.size(); begin += 2 * width) {
      size_t middle = std::min(begin + width, keys.size()), end = std::min(begin + 2 * width, keys.size());
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        bool take_right = left == middle;
        if (left < middle && right < end) {
          const value &a = keys[places[left]], &b = keys[places[right]];
          TROUPE_ASSIGN(int way, reverse ? order(h, a, b, "<") : order(h, b, a, "<"));
          take_right = way < 0;
        }
        merged[out] = take_right ? places[right++] : places[left++];
      }
    }
    places.swap(merged);
  }
  return places;
}

}  // namespace troupe::jinja
