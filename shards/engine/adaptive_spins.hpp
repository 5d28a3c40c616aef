// How long a rank spins before it sleeps: long where each rank can have a core of its own, and less with every wait
// that ended in sleep all the same.
#pragma once

#include <cstdint>

namespace troupe {

class adaptive_spins {
 public:
  /// At most `with_cores` spins where this process may use `ranks` cores, else `least`.
  adaptive_spins(uint32_t ranks, uint32_t with_cores, uint32_t least);

  /// Of the next wait.
  uint32_t limit() const { return spins_; }
  /// The most that is ever spent here.
  uint32_t most() const { return most_; }
  /// A wait has reached the limit. Now and then the longest one is tried again: the machine may have become quieter.
  void slept();

 private:
  uint32_t least_;
  uint32_t most_;
  uint32_t spins_;
  uint32_t sleeps_ = 0;
};

}  // namespace troupe
