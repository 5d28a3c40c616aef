// Guesses the tokens that come next in a text from the text itself: after its last few ids, what came after them the
// last time? (Saxena 2023, "Prompt lookup decoding".) A guess is only ever verified, never believed, so nothing here
// changes what comes out; it changes how many tokens a step makes.
//
// The index is that of a deflate compressor: for each n-gram's hash the last position, and for each position the one
// before it with the same hash. So a token costs one entry, and a guess a few comparisons, however long the text is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace troupe {

class draft_source {
 public:
  /// `match_min`: how many ids must be the same before a guess is made (>= 1). `draft_max`: the longest guess.
  /// `positions`: about how long the text will be.
  draft_source(uint32_t match_min, uint32_t draft_max, uint32_t positions);

  /// At most `most` ids that may come after `text`, which begins with the text of the last call. Appends them.
  void guess(std::span<const token_id> text, uint32_t most, std::vector<token_id>& draft);

  /// Of the last guess, `right` of `guessed` ids were. Guesses become longer while they are right, and rare while they
  /// are wrong: then there is one in 2, 4, ... `pause_max` calls.
  void learn(uint32_t guessed, uint32_t right);

 private:
  static constexpr uint32_t pause_max = 32;
  /// How many earlier places are looked at, and how far back each is compared.
  static constexpr uint32_t places_max = 8;
  static constexpr uint32_t compared_max = 16;

  uint32_t slot_of(std::span<const token_id> text, size_t end) const;
  void read(std::span<const token_id> text);
  /// The position after the ids that most resemble the end of the text; 0: none do.
  size_t find(std::span<const token_id> text) const;

  uint32_t match_min_;
  uint32_t draft_max_;
  /// Positions are stored one higher: 0 is none. A position is that of an n-gram's last id.
  std::vector<uint32_t> last_;
  std::vector<uint32_t> previous_;
  uint32_t length_ = 1;
  uint32_t failures_ = 0;
  uint32_t pause_ = 0;
};

}  // namespace troupe
