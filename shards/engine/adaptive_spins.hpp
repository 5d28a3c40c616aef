// How long a thread spins before it sleeps: long where each of those who work together can have a core of its own; then
// some times as long as waits take that end in time, and less after one that ended in sleep all the same, but never
// less than sleeping and being woken would take. Where cores are short, whoever spins keeps from running what it waits
// for.
#pragma once

#include <cstdint>

namespace troupe {

class adaptive_spins {
 public:
  struct bounds {
    /// Where this process may use as many cores as there are workers: at least `worth` spins, which take as long as
    /// sleeping and being woken does, and at most `most`.
    uint32_t worth = 0, most = 0;
    /// Elsewhere.
    uint32_t without_cores = 0;
  };
  adaptive_spins(uint32_t workers, const bounds& limits);

  /// Of the next wait.
  uint32_t limit() const { return spins_; }
  /// The most that is ever spent here.
  uint32_t most() const { return most_; }
  /// A wait ended in time, after so many spins; or it would have, after most().
  void found(uint32_t after);
  /// A wait has reached the limit, and spinning on would not have helped. Now and then the longest one is tried again:
  /// the machine may have become quieter.
  void slept();

 private:
  uint32_t least_;
  uint32_t most_;
  uint32_t spins_;
  /// Of waits that ended in time, the later ones counting more.
  uint32_t usual_;
  uint32_t sleeps_ = 0;
};

}  // namespace troupe
