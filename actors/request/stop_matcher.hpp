// Finds the first stop string in a text that comes in pieces, and lets nothing out that might belong to one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class stop_matcher {
 public:
  /// Empty strings are ignored.
  explicit stop_matcher(std::vector<std::string> stops);

  struct piece {
    /// Safe to send: no stop string begins in it.
    std::string text;
    /// A stop string is complete; the text before it was given out, itself and what follows are dropped for ever.
    bool stopped = false;
  };
  /// The same pieces come out however the text is cut: of several stop strings that end at the same byte the one that
  /// begins first counts; of several in the text, the one that ends first.
  piece push(std::string_view text);
  /// The held text: the stream ended, so no stop string will be completed.
  std::string finish();

 private:
  std::vector<std::string> stops_;
  std::string held_;
};

}  // namespace troupe
