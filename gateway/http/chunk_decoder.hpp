// Takes the chunked coding off a request's body (RFC 9112 §7.1): byte by byte, so that it is the same however the bytes
// arrive, and refusing what it does not know exactly. (Beast's parser asserts where a short last chunk comes in pieces,
// and reads quoted extensions across the ends of lines.)
//
//   size ──[;extension]──▶ CR LF ──▶ data ──▶ CR LF ──▶ size …        a size of 0: CR LF, CR LF ──▶ done
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace troupe {

class chunk_decoder {
 public:
  /// `line_bytes_max`: of a size with its extensions, which are read over.
  chunk_decoder(size_t line_bytes_max, uint64_t body_bytes_max)
      : line_bytes_max_(line_bytes_max), body_bytes_max_(body_bytes_max) {}

  /// Appends the data of `input` to `body`; gives how many bytes of it are done with: all, unless the body ends before.
  /// Errors: invalid_argument (trailers too), payload_too_large.
  result<size_t> decode(std::string_view input, std::string& body);
  bool is_done() const { return expected_ == part::done; }

 private:
  enum class part : uint8_t { first_digit, size, extension, size_lf, data, data_cr, data_lf, end_cr, end_lf, done };

  result<void> take(char c, const std::string& body);
  result<void> add_digit(char c);

  size_t line_bytes_max_;
  uint64_t body_bytes_max_;
  part expected_ = part::first_digit;
  size_t line_bytes_ = 0;
  uint64_t left_ = 0;  // Of the chunk: its size so far, then what of its data has not come.
};

}  // namespace troupe
