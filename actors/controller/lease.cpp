#include "actors/controller/lease.hpp"

namespace troupe {

lease::lease(store& entries, std::string key, node_name self, duration term)
    : entries_(entries), key_(std::move(key)), self_(std::move(self)), term_(term) {}

result<bool> lease::write(instant now) {
  auto written = entries_.put_if(key_, self_, revision_);
  if (!written && written.err().code == errc::conflict) {
    // Somebody was faster.
    held_ = false;
    revision_ = 0;
    return false;
  }
  if (!written) {
    held_ = false;
    return written.err();
  }
  revision_ = *written;
  seen_ = now;
  held_ = true;
  return true;
}

result<bool> lease::keep(instant now) {
  if (held_) return now - seen_ < term_ / 3 ? result<bool>(true) : write(now);
  auto entry = entries_.get(key_);
  if (!entry) return entry.err();
  if (!*entry) {
    revision_ = 0;
    return write(now);
  }
  if ((*entry)->revision != revision_) {
    revision_ = (*entry)->revision;
    seen_ = now;
  }
  if ((*entry)->value == self_ || now - seen_ > term_) return write(now);
  return false;
}

}  // namespace troupe
