#include "actors/outside/transport/credit_account.hpp"

#include <utility>

namespace troupe {

frame_credit credit_account::credit_for(size_t bytes) {
  // The account itself is what the pointer points to; only the deleter matters.
  return {this,
          [account = shared_from_this(), size = static_cast<uint32_t>(bytes)](void*) { account->give_back(size); }};
}

void credit_account::give_back(uint32_t bytes) {
  std::lock_guard lock(mutex_);
  if (!wake_) return;
  returned_.frames += 1;
  returned_.bytes += bytes;
  bool much = returned_.frames >= window_.frames / 4 || returned_.bytes >= window_.bytes / 4;
  if (much && !woken_now_) {
    woken_now_ = woken_soon_ = true;
    wake_(urgency::now);
  } else if (!woken_soon_) {
    woken_soon_ = true;
    wake_(urgency::soon);
  }
}

link_credit credit_account::take() {
  std::lock_guard lock(mutex_);
  woken_soon_ = woken_now_ = false;
  return std::exchange(returned_, {});
}

void credit_account::close() {
  std::lock_guard lock(mutex_);
  wake_ = nullptr;
  returned_ = {};
}

}  // namespace troupe
