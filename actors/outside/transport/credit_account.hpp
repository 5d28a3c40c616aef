// Counts what finished frames of one link give back, on whatever thread that happens, until the link's thread fetches
// it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "actors/outside/transport/link_wire.hpp"
#include "actors/seams/transport.hpp"

namespace troupe {

class credit_account : public std::enable_shared_from_this<credit_account> {
 public:
  /// How soon the link should fetch: a peer that has little left waits for it.
  enum class urgency { soon, now };
  /// `wake` is called with the account's lock held, on the thread that gave something back: it may only post.
  credit_account(link_credit window, std::function<void(urgency)> wake) : window_(window), wake_(std::move(wake)) {}

  /// For a frame of `bytes`; gives its credit back when it is destroyed.
  frame_credit credit_for(size_t bytes);
  /// All that came back since the last call.
  link_credit take();
  /// Forgets `wake`; what comes back from now on is dropped.
  void close();

 private:
  void give_back(uint32_t bytes);

  const link_credit window_;
  std::mutex mutex_;
  std::function<void(urgency)> wake_;
  link_credit returned_;
  bool woken_soon_ = false;
  bool woken_now_ = false;
};

}  // namespace troupe
