#include "gateway/http/server_context.hpp"

#include <utility>

namespace troupe {

const char* refused_by(connection_place place) {
  switch (place) {
    case connection_place::served: return nullptr;
    case connection_place::refused_by_address: return "address";
    default: return "connections";
  }
}

connection_place connection_counts::add(const boost::asio::ip::address& address) {
  std::lock_guard lock(mutex_);
  auto found = per_address_.find(address);
  bool address_full = found != per_address_.end() && found->second >= per_address_max_;
  if (served_ >= all_max_ || address_full) {
    if (refused_ >= refused_max) return connection_place::none;
    ++refused_;
    return address_full ? connection_place::refused_by_address : connection_place::refused_by_all;
  }
  ++per_address_[address];
  ++served_;
  return connection_place::served;
}

void connection_counts::remove(const boost::asio::ip::address& address, connection_place place) {
  std::lock_guard lock(mutex_);
  if (place != connection_place::served) {
    --refused_;
    return;
  }
  auto found = per_address_.find(address);
  TROUPE_CHECK(found != per_address_.end());
  if (--found->second == 0) per_address_.erase(found);
  --served_;
}

size_t connection_counts::served() const {
  std::lock_guard lock(mutex_);
  return served_;
}

byte_lease::byte_lease(byte_lease&& other) noexcept
    : used_(other.used_), most_(other.most_), held_(std::exchange(other.held_, 0)) {}

byte_lease& byte_lease::operator=(byte_lease&& other) noexcept {
  if (this != &other) {
    release();
    used_ = other.used_;
    most_ = other.most_;
    held_ = std::exchange(other.held_, 0);
  }
  return *this;
}

bool byte_lease::grow_to(uint64_t bytes) {
  if (bytes <= held_) return true;
  uint64_t more = bytes - held_;
  if (used_->fetch_add(more) + more > most_) {
    used_->fetch_sub(more);
    return false;
  }
  held_ = bytes;
  return true;
}

void byte_lease::release() {
  if (held_ > 0) used_->fetch_sub(std::exchange(held_, 0));
}

}  // namespace troupe
